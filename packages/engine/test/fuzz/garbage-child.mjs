/**
 * Gives the native library what no program should: wrong types, freed handles, negative sizes, huge shapes, truncated words, random words.
 * Every call must return, throw or reject; nothing may crash, hang or poison the engine. `garbage.test.ts` runs this in a process of its own:
 *
 *   node garbage-child.mjs <addon> <seed> <rounds>
 */
import { createRequire } from "node:module";
import { parseArgs } from "node:util";

const { positionals } = parseArgs({ allowPositionals: true });
const [addon, seed, rounds] = [positionals[0], Number(positionals[1]), Number(positionals[2])];
const { NativeEngine, kernelNames } = createRequire(import.meta.url)(addon);

let state = seed >>> 0;
function uniform() {
  state = (state + 0x6d2b79f5) >>> 0;
  let x = state;
  x = Math.imul(x ^ (x >>> 15), x | 1);
  x ^= x + Math.imul(x ^ (x >>> 7), x | 61);
  return ((x ^ (x >>> 14)) >>> 0) / 2 ** 32;
}
const integer = (start, end) => start + Math.floor(uniform() * (end - start + 1));
const pick = (items) => items[integer(0, items.length - 1)];
const chance = (probability) => uniform() < probability;
const some = (most, make) => Array.from({ length: integer(0, most) }, make);

const counts = { calls: 0, thrown: 0, rejected: 0, operations: 0, failed: 0 };
const pending = [];

/** Runs what may throw; an engine that is poisoned has panicked. */
function attempt(run) {
  counts.calls += 1;
  try {
    const result = run();
    if (result instanceof Promise) {
      pending.push(
        result.then(
          () => undefined,
          (error) => {
            counts.rejected += 1;
            mustBeError(error);
          },
        ),
      );
    }
    return result;
  } catch (error) {
    counts.thrown += 1;
    mustBeError(error);
    return undefined;
  }
}

function mustBeError(error) {
  if (!(error instanceof Error)) throw new Error(`thrown: ${String(error)}`);
  if (/ENGINE_POISONED|panic/i.test(error.message)) {
    console.error(error.message);
    process.exit(3);
  }
}

function detached() {
  const words = new Uint32Array(8);
  structuredClone(words.buffer, { transfer: [words.buffer] });
  return words;
}

const VALUES = [
  () => undefined,
  () => null,
  () => true,
  () => "",
  () => "avx512",
  () => "a string of some length".repeat(100),
  () => 0,
  () => 1,
  () => -1,
  () => 1.5,
  () => 2 ** 31,
  () => 2 ** 32 - 1,
  () => 2 ** 53,
  () => Number.NaN,
  () => Number.POSITIVE_INFINITY,
  () => -0,
  () => 10n ** 20n,
  () => Symbol("garbage"),
  () => () => 1,
  () => ({}),
  () => ({ length: 4, 0: 1 }),
  () => [],
  () => [1, 2, 3],
  () => new Date(),
  () => Promise.resolve(1),
  () => new ArrayBuffer(16),
  () => new SharedArrayBuffer(16),
  () => new DataView(new ArrayBuffer(8)),
  () => new Uint32Array(0),
  () => Uint32Array.from({ length: 20 }, () => integer(0, 40)),
  () => new Uint32Array(new SharedArrayBuffer(64)),
  () => new Float32Array(5),
  () => new Float64Array(5),
  () => new Uint8Array(7),
  () => new Uint8Array(0),
  () => Buffer.from("bytes"),
  () => new BigUint64Array(3),
  () => detached(),
  () => new Proxy({}, { get: () => pick(VALUES)() }),
];
const garbage = () => pick(VALUES)();

const METHODS = [
  ...[
    "submit",
    "upload",
    "startUpload",
    "finishUpload",
    "read",
    "readSync",
    "fence",
    "define",
    "forget",
    "replay",
    "stats",
    "releaseCached",
  ],
  ...["clockMs", "setProfiling", "takeProfile"],
];

const LIMIT = 64 * 2 ** 20;
const FREE = 0;
const CONSTANT = 1;
const FIRST_KERNEL = 16;
const names = kernelNames();

// Constructors first: none of these is an engine that works, or it is one.
for (let i = 0; i < 60; i++) {
  const options = { threads: garbage(), isa: garbage(), memoryLimit: garbage() };
  if (typeof options.threads === "number" && options.threads > 4) options.threads = -3;
  attempt(() => new NativeEngine(chance(0.3) ? garbage() : options));
  attempt(() => NativeEngine(options));
}

const engine = new NativeEngine({ threads: 2, memoryLimit: LIMIT });

// Wrong receivers and wrong arguments. `fence` reports what an operation made of them.
for (let i = 0; i < 20 * rounds; i++) {
  const method = pick(METHODS);
  const receiver = chance(0.05) ? garbage() : engine;
  attempt(() => engine[method].apply(receiver, some(3, garbage)));
}
attempt(() => engine.setProfiling(false));
attempt(() => engine.fence());
for (let i = 0; i < rounds; i++) {
  const upload = attempt(() => engine.startUpload(pick([0, 4, 16, 1000, -1, 2 ** 40, Number.NaN])));
  for (const data of some(3, () => pick([new Uint8Array(4), new Uint8Array(16), garbage()]))) {
    attempt(() => upload?.append(data));
  }
  if (chance(0.3)) attempt(() => upload?.discard());
  attempt(() => engine.finishUpload(integer(1, 16), upload));
  if (chance(0.3)) attempt(() => engine.finishUpload(integer(1, 16), upload));
}

// Handles that were never given out, or are free.
attempt(() => engine.upload(5, new Uint8Array(64)));
attempt(() => engine.submit(Uint32Array.of(FREE, 3, 5)));
for (const handle of [5, 777, 2 ** 24, 2 ** 32 - 1]) {
  for (const read of [() => engine.readSync(handle, 4), () => engine.read(handle, 4)]) {
    const before = counts.thrown + counts.rejected;
    attempt(read);
    await Promise.all(pending.splice(0));
    if (counts.thrown + counts.rejected === before) throw new Error(`handle ${handle} was read`);
  }
}

const DIMS = [0, 1, 1, 2, 3, 4, 5, 7, 8, 16, 17, 64, 1000, 2 ** 20, 2 ** 31 - 1, 2 ** 32 - 1];

/** Small operands that exist, mostly; else anything. */
function operand(isOutput) {
  const handle = chance(0.9) ? integer(isOutput ? 20 : 1, isOutput ? 40 : 16) : integer(0, 2 ** 32 - 1);
  const dtype = chance(0.97) ? pick([0, 0, 0, 1, 2, 3]) : integer(0, 255);
  const rank = chance(0.97) ? integer(0, 5) : integer(0, 20);
  const dims = Array.from({ length: rank }, () => (chance(0.85) ? integer(0, 5) : pick(DIMS)));
  return [handle, dtype + 256 * rank, ...dims];
}

function kernelWords() {
  const inputs = some(5, () => operand(false));
  const outputs = some(3, () => operand(true));
  const inouts = some(2, () => operand(false));
  const ints = some(8, () => (chance(0.8) ? integer(-1, 6) : pick([-1, 2 ** 31 - 1, -(2 ** 31), integer(0, 2 ** 31)])));
  const floats = some(6, () => pick([0, 1, -1, 0.5, 1e-8, 1e300, Number.NaN, Number.POSITIVE_INFINITY, uniform()]));
  const floatWords = [...new Uint32Array(Float64Array.from(floats).buffer)];
  const body = [...[inputs, outputs, inouts].flat(2), ...ints, ...floatWords];
  const head = [inputs.length, outputs.length, inouts.length, ints.length, floats.length];
  return [FIRST_KERNEL + integer(0, names.length - 1), 7 + body.length, ...head, ...body];
}

function randomWords() {
  const words = some(40, () => (chance(0.7) ? integer(0, 80) : integer(0, 2 ** 32 - 1)));
  if (chance(0.5) && words.length > 1) words[1] = words.length;
  return words;
}

function mutated(words) {
  const changed = [...words];
  for (let i = 0; i < integer(0, 2); i++)
    changed[integer(0, changed.length - 1)] = pick([0, 1, 7, 2 ** 31, 2 ** 32 - 1]);
  return chance(0.1) ? changed.slice(0, integer(0, changed.length)) : changed;
}

/** Tensors that kernels find: handles 1 to 16. */
function fill() {
  for (let handle = 1; handle <= 16; handle++) {
    const bytes = pick([0, 4, 16, 64, 500, 4000]);
    const values = Float32Array.from({ length: bytes / 4 }, () => pick([0, 1, -1, 2, 0.5, Number.NaN, 1e30]));
    const data = chance(0.5)
      ? new Uint8Array(values.buffer)
      : Uint8Array.from(new Uint8Array(bytes), () => integer(0, 3));
    if (chance(0.5)) attempt(() => engine.upload(handle, data));
    else
      attempt(() =>
        engine.submit(
          Uint32Array.from([
            CONSTANT,
            4 + Math.ceil(bytes / 4),
            handle,
            bytes,
            ...new Uint32Array(data.buffer, 0, bytes / 4),
          ]),
        ),
      );
  }
}

for (let round = 0; round < rounds; round++) {
  fill();
  for (let i = 0; i < 40; i++) {
    const make = pick([kernelWords, kernelWords, kernelWords, kernelWords, () => mutated(kernelWords()), randomWords]);
    const words = Uint32Array.from(make());
    counts.operations += 1;
    attempt(() => engine.submit(words));
    const before = counts.thrown;
    if (chance(0.5)) attempt(() => engine.fence());
    if (counts.thrown > before) counts.failed += 1;
    if (chance(0.1)) attempt(() => engine.read(integer(0, 45), pick([0, 1, 4, 64, 2 ** 40, -4, Number.NaN])));
    if (chance(0.1)) attempt(() => engine.submit(Uint32Array.of(FREE, 2 + 2, integer(0, 45), integer(0, 45))));
  }
  // The same as programs, with words changed that may lie anywhere.
  const program = integer(0, 3);
  attempt(() => engine.define(program, Uint32Array.from([...kernelWords(), ...mutated(kernelWords())])));
  attempt(() => engine.replay(integer(0, 4), Uint32Array.from(some(6, () => pick([0, 1, 2, 5, 30, 2 ** 32 - 1])))));
  attempt(() => engine.fence());
  if (chance(0.2)) attempt(() => engine.forget(program));
  await Promise.all(pending.splice(0));
}

// It still computes.
attempt(() => engine.fence());
engine.upload(1, new Uint8Array(Float32Array.of(2, 3).buffer));
const add = FIRST_KERNEL + names.indexOf("Add");
const float = 256;
engine.submit(Uint32Array.of(add, 16, 2, 1, 0, 0, 0, 1, float, 2, 1, float, 2, 50, float, 2));
const sum = [...new Float32Array(new Uint8Array(engine.readSync(50, 8)).buffer)];
if (`${sum}` !== "4,6") throw new Error(`2 + 2 and 3 + 3 gave ${sum}`);
console.log(JSON.stringify(counts));
