import { createHash } from "node:crypto";
import { type CheckpointError, type CheckpointFallback, openCheckpoints } from "@codex/checkpointing";
import { interceptFs, MemoryFs } from "@codex/storage/testing";
import { contentsOf, fingerprint } from "./contents.ts";

const FILES = ["config.json", "manifest.json", "model.safetensors", "optimizer.safetensors", "trainer.json"];

async function withSteps(...steps: number[]): Promise<MemoryFs> {
  const fs = new MemoryFs();
  const checkpoints = openCheckpoints("/c", { fs, keepLast: 9, files: { "config.json": "{}" } });
  for (const step of steps) await checkpoints.save(contentsOf(step));
  return fs;
}

async function readBytes(fs: MemoryFs, path: string): Promise<Uint8Array> {
  const file = await fs.open(path, "r");
  const bytes = new Uint8Array(await file.size());
  await file.read(bytes, 0);
  return bytes;
}

async function replace(fs: MemoryFs, path: string, bytes: Uint8Array): Promise<void> {
  const file = await fs.open(path, "r+");
  await file.truncate(bytes.byteLength);
  await file.write(bytes, 0);
}

const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
const failure = (call: Promise<unknown>) =>
  call.then(
    () => undefined,
    (error: CheckpointError) => error,
  );

describe("no byte of a checkpoint changes unnoticed", () => {
  test.each(FILES)("%s: one bit flipped at any offset", async (name) => {
    const fs = await withSteps(1);
    const checkpoints = openCheckpoints("/c", { fs });
    const path = `/c/step-00000001/${name}`;
    const good = await readBytes(fs, path);
    for (let offset = 0; offset < good.byteLength; offset++) {
      const bad = good.slice();
      bad[offset]! ^= 1 << (offset % 8);
      await replace(fs, path, bad);
      const error = await failure(checkpoints.load(1));
      expect(error?.code).toBe("CHECKPOINT_CORRUPT");
      expect(error?.message).toContain(`${path}: `);
      if (name !== "manifest.json")
        expect(error?.message).toContain(`expected SHA-256 ${sha256(good)}, found ${sha256(bad)}`);
    }
    await replace(fs, path, good);
    expect(fingerprint(await checkpoints.load(1))).toBe(fingerprint(contentsOf(1)));
  });

  test("manifest.json: every bit of every byte", async () => {
    const fs = await withSteps(1);
    const checkpoints = openCheckpoints("/c", { fs });
    const path = "/c/step-00000001/manifest.json";
    const good = await readBytes(fs, path);
    for (let bit = 0; bit < good.byteLength * 8; bit++) {
      const bad = good.slice();
      bad[bit >> 3]! ^= 1 << (bit & 7);
      await replace(fs, path, bad);
      expect((await failure(checkpoints.verify(1)))?.code).toBe("CHECKPOINT_CORRUPT");
    }
  });

  test.each(FILES)("%s: cut anywhere, emptied, zeroed from anywhere, longer, missing", async (name) => {
    const fs = await withSteps(1);
    const checkpoints = openCheckpoints("/c", { fs });
    const path = `/c/step-00000001/${name}`;
    const good = await readBytes(fs, path);
    const damages: Uint8Array[] = [Uint8Array.from([...good, 0]), Uint8Array.from([...good, ...good])];
    for (let at = 0; at < good.byteLength; at++) {
      damages.push(good.slice(0, at));
      const zeroed = good.slice().fill(0, at);
      if (!zeroed.every((byte, i) => byte === good[i])) damages.push(zeroed);
    }
    for (const bad of damages) {
      await replace(fs, path, bad);
      const error = await failure(checkpoints.load(1));
      expect(error?.code).toBe("CHECKPOINT_CORRUPT");
      expect(error?.message).toContain(`${path}: `);
    }
    await fs.unlink(path);
    const missing = await failure(checkpoints.load(1));
    expect(missing?.code).toBe("CHECKPOINT_CORRUPT");
    expect(missing?.message).toBe(`${path}: expected a file, there is none`);
  });
});

/** A manifest with a valid hash of its own and one member changed. */
async function forge(fs: MemoryFs, step: number, change: object): Promise<void> {
  const path = `/c/step-${String(step).padStart(8, "0")}/manifest.json`;
  const { sha256: _, ...body } = JSON.parse(Buffer.from(await readBytes(fs, path)).toString());
  const changed = { ...body, ...change };
  const text = `${JSON.stringify({ ...changed, sha256: sha256(Buffer.from(JSON.stringify(changed))) }, null, 2)}\n`;
  await replace(fs, path, Buffer.from(text));
}

test("a later schema is refused by name; it is not damage, so nothing older is taken instead and nothing is renamed", async () => {
  const fs = await withSteps(1, 2);
  await forge(fs, 2, { schema_version: 2 });
  const checkpoints = openCheckpoints("/c", { fs });
  for (const call of [checkpoints.load(2), checkpoints.loadLatest(), checkpoints.verify(2)]) {
    const error = await failure(call);
    expect(error?.code).toBe("CHECKPOINT_SCHEMA_UNSUPPORTED");
    expect(error?.message).toBe("/c/step-00000002/manifest.json: schema_version: expected 1, found 2");
  }
  expect(await fs.readdir("/c")).toContain("step-00000002");
});

test.each([
  ["a path out of the directory", { files: [{ name: "../../secret", size: 1, sha256: "" }] }],
  ["no files", { files: undefined }],
  ["a missing entry", { files: [] }],
  ["a negative size", { files: [{ name: "model.safetensors", size: -1, sha256: "" }] }],
  ["tied weights that are no pairs", { tied: [["a"]] }],
  ["a tie to nothing", { tied: [["a", "b"]] }],
  ["a fractional step", { step: 1.5 }],
  ["an evaluation of words", { evaluation: { lossNats: "low" } }],
])("a forged manifest with %s is refused", async (_, change) => {
  const fs = await withSteps(1);
  await forge(fs, 1, change);
  expect((await failure(openCheckpoints("/c", { fs }).load(1)))?.code).toBe("CHECKPOINT_CORRUPT");
});

test("a manifest with the same contents in other words is refused", async () => {
  const fs = await withSteps(1);
  const path = "/c/step-00000001/manifest.json";
  await replace(fs, path, Buffer.from(JSON.stringify(JSON.parse(Buffer.from(await readBytes(fs, path)).toString()))));
  expect((await failure(openCheckpoints("/c", { fs }).load(1)))?.message).toMatch(/other spacing/);
  await replace(fs, path, Buffer.from("[1]"));
  expect((await failure(openCheckpoints("/c", { fs }).load(1)))?.message).toMatch(/expected an object/);
});

test("tensors that the file format forbids are damage, also with valid hashes", async () => {
  const fs = await withSteps(1);
  for (const name of ["model.safetensors", "trainer.json"]) {
    const bytes = Buffer.from(`{"not": "it"`);
    await replace(fs, `/c/step-00000001/${name}`, bytes);
    const { files } = JSON.parse(Buffer.from(await readBytes(fs, "/c/step-00000001/manifest.json")).toString());
    const changed = files.map((file: { name: string }) =>
      file.name === name ? { name, size: bytes.byteLength, sha256: sha256(bytes) } : file,
    );
    const copy = await withSteps(1);
    await replace(copy, `/c/step-00000001/${name}`, bytes);
    await forge(copy, 1, { files: changed });
    const error = await failure(openCheckpoints("/c", { fs: copy }).load(1));
    expect(error?.code).toBe("CHECKPOINT_CORRUPT");
    expect(error?.message).toContain(name);
  }
});

describe("falling back", () => {
  const damage = async (fs: MemoryFs, step: number) =>
    (await fs.open(`/c/step-0000000${step}/optimizer.safetensors`, "r+")).truncate(step);

  test.each([1, 2])("past %d damaged ones: told with file and hashes, renamed, kept", async (count) => {
    const fs = await withSteps(1, 2, 3);
    for (let step = 3; step > 3 - count; step--) await damage(fs, step);
    const told: CheckpointFallback[] = [];
    const loaded = await openCheckpoints("/c", { fs }).loadLatest({ onFallback: (fallback) => told.push(fallback) });
    expect(fingerprint(loaded!)).toBe(fingerprint(contentsOf(3 - count)));
    expect(told).toHaveLength(1);
    expect(told[0]?.used).toEqual({ step: 3 - count, path: `/c/step-0000000${3 - count}` });
    expect(told[0]?.damaged.map(({ step, movedTo }) => [step, movedTo])).toEqual(
      [3, 2].slice(0, count).map((step) => [step, `/c/step-0000000${step}.corrupt`]),
    );
    expect(told[0]?.damaged[0]?.error.message).toMatch(/optimizer.safetensors: expected \d+ bytes, found 3/);
    expect(await fs.readdir("/c/step-00000003.corrupt")).toContain("model.safetensors");
    // The second time there is nothing to tell.
    const again = await openCheckpoints("/c", { fs }).loadLatest({ onFallback: () => told.push() });
    expect([again?.step, told.length]).toEqual([3 - count, 1]);
  });

  test("all damaged: an error with each reason, and nothing is touched", async () => {
    const fs = await withSteps(1, 2);
    for (const step of [1, 2]) await damage(fs, step);
    const before = await fs.readdir("/c");
    const error = await failure(openCheckpoints("/c", { fs }).loadLatest());
    expect(error?.code).toBe("CHECKPOINT_NONE_VALID");
    expect(error?.message).toMatch(/step-00000002\/optimizer.*step-00000001\/optimizer/);
    expect(error?.help).toContain("init.from");
    expect(await fs.readdir("/c")).toEqual(before);
  });

  test("without a handler, Node warns", async () => {
    const fs = await withSteps(1, 2);
    await damage(fs, 2);
    const original = process.emitWarning;
    const warnings: unknown[][] = [];
    process.emitWarning = (...args: unknown[]) => void warnings.push(args);
    try {
      await openCheckpoints("/c", { fs }).loadLatest();
    } finally {
      process.emitWarning = original;
    }
    expect(warnings).toEqual([
      [
        expect.stringMatching(/loaded step 1 instead\. step 2: .*now \/c\/step-00000002\.corrupt/),
        { type: "CheckpointWarning", code: "CHECKPOINT_FALLBACK" },
      ],
    ]);
  });

  test("on a disk that cannot be written, it loads all the same and says that nothing was renamed", async () => {
    const fs = await withSteps(1, 2);
    await damage(fs, 2);
    const readOnly = interceptFs(fs, ({ operation }) => (operation === "rename" ? { error: "EROFS" } : undefined));
    let told: CheckpointFallback | undefined;
    const loaded = await openCheckpoints("/c", { fs: readOnly }).loadLatest({
      onFallback: (fallback) => {
        told = fallback;
      },
    });
    expect([loaded?.step, told?.damaged[0]?.movedTo]).toEqual([1, undefined]);
  });

  test("a sector that cannot be read is damage; a lack of rights or handles is not, and renames nothing", async () => {
    for (const [errno, step] of [
      ["EIO", 1],
      ["EMFILE", undefined],
      ["EACCES", undefined],
    ] as const) {
      const fs = await withSteps(1, 2);
      const faulty = interceptFs(fs, ({ operation, path }) =>
        operation === "open" && path.includes("step-00000002") ? { error: errno } : undefined,
      );
      const loaded = await openCheckpoints("/c", { fs: faulty })
        .loadLatest({ onFallback: () => {} })
        .catch((error: CheckpointError) => error.code);
      expect(typeof loaded === "object" ? loaded.step : undefined).toBe(step);
      if (step === undefined) expect(await fs.readdir("/c")).toContain("step-00000002");
    }
  });

  test("one that retention takes while it is read is not damage", async () => {
    const fs = await withSteps(1, 2);
    let gone = false;
    const racing = interceptFs(fs, ({ operation, path }) => {
      if (!gone && operation === "open" && path.includes("step-00000002")) {
        gone = true;
        return { error: "ENOENT" };
      }
      return gone && operation === "stat" && path === "/c/step-00000002" ? { error: "ENOENT" } : undefined;
    });
    const told: CheckpointFallback[] = [];
    const loaded = await openCheckpoints("/c", { fs: racing }).loadLatest({
      onFallback: (fallback) => told.push(fallback),
    });
    expect([loaded?.step, told]).toEqual([1, []]);
  });
});

test("list tells what is wrong at a glance, and a checkpoint that is not there is told as such", async () => {
  const fs = await withSteps(1, 2);
  await fs.unlink("/c/step-00000001/trainer.json");
  const checkpoints = openCheckpoints("/c", { fs });
  const [first, second] = await checkpoints.list();
  expect(first?.problem?.message).toBe("/c/step-00000001/trainer.json: expected a file, there is none");
  expect([second?.problem, second?.evaluation]).toEqual([undefined, contentsOf(2).evaluation]);
  await expect(checkpoints.load(7)).rejects.toMatchObject({ code: "CHECKPOINT_NOT_FOUND" });
  await expect(checkpoints.verify("/elsewhere")).rejects.toMatchObject({ code: "CHECKPOINT_NOT_FOUND" });
});
