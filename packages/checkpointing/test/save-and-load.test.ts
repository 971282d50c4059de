import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type CheckpointContents, loadCheckpoint, openCheckpoints, verifyCheckpoint } from "@codex/checkpointing";
import { openSafetensors } from "@codex/safetensors";
import { temporaryPath } from "@codex/storage";
import { MemoryFs } from "@codex/storage/testing";
import { contentsOf, fingerprint } from "./contents.ts";

const files = { "config.json": '{"model_type":"llama"}\n', "tokenizer.bin": new Uint8Array([1, 2, 3]) };

describe("on the real disk", () => {
  let directory: string;
  beforeEach(() => {
    directory = join(mkdtempSync(join(tmpdir(), "codex-checkpoints-")), "checkpoints");
  });
  afterEach(() => {
    rmSync(join(directory, ".."), { recursive: true, force: true });
  });

  test("a checkpoint is a model directory with the state beside it, and comes back bit for bit", async () => {
    const checkpoints = openCheckpoints<{ step: number; note: string }>(directory, { files });
    const { path } = await checkpoints.save(contentsOf(100));
    expect(path).toBe(join(directory, "step-00000100"));
    expect(readdirSync(path)).toEqual([
      "config.json",
      "manifest.json",
      "model.safetensors",
      "optimizer.safetensors",
      "tokenizer.bin",
      "trainer.json",
    ]);
    expect(readFileSync(join(path, "config.json"), "utf8")).toBe(files["config.json"]);
    expect(readdirSync(directory)).toEqual(["best.json", "latest.json", "step-00000100"]);
    expect(JSON.parse(readFileSync(join(directory, "latest.json"), "utf8"))).toEqual({
      schema_version: 1,
      step: 100,
      path: "step-00000100",
    });
    expect(JSON.parse(readFileSync(join(directory, "best.json"), "utf8"))).toMatchObject({
      step: 100,
      metric: "lossNats",
    });

    const loaded = await checkpoints.load(100);
    expect(fingerprint(loaded)).toBe(fingerprint(contentsOf(100)));
    expect(loaded.trainer.note).toBe("after step 100");
    expect(fingerprint(await loadCheckpoint(path))).toBe(fingerprint(loaded));
    expect((await checkpoints.verify(100)).files.map((file) => file.name)).toContain("tokenizer.bin");
    expect((await verifyCheckpoint(path)).step).toBe(100);
  });

  test("tied weights are stored once, and come back under both names as one array", async () => {
    const checkpoints = openCheckpoints(directory);
    const { path } = await checkpoints.save(contentsOf(1));
    await using reader = await openSafetensors(join(path, "model.safetensors"));
    expect([...reader.tensors.keys()]).toEqual(["model.embed_tokens.weight", "model.norm.weight"]);
    expect([...reader.metadata]).toEqual([["format", "pt"]]);
    const { parameters } = await checkpoints.load(1);
    expect(parameters.get("lm_head.weight")).toBe(parameters.get("model.embed_tokens.weight"));
  });

  test("a checkpoint that was moved loads from its new place", async () => {
    const { path } = await openCheckpoints(directory).save(contentsOf(5));
    const { renameSync } = await import("node:fs");
    renameSync(path, join(directory, "my-model"));
    expect((await openCheckpoints("elsewhere").load(join(directory, "my-model"))).step).toBe(5);
    renameSync(join(directory, "my-model"), join(directory, "step-00000006"));
    await expect(openCheckpoints(directory).load(6)).rejects.toMatchObject({
      code: "CHECKPOINT_CORRUPT",
      message: expect.stringContaining("expected step 6, found 5"),
    });
  });

  test("what a killed writer left is swept at the first save, and nothing else", async () => {
    const checkpoints = openCheckpoints(directory);
    await checkpoints.save(contentsOf(1));
    const left = temporaryPath(join(directory, "step-00000002"));
    const { mkdirSync } = await import("node:fs");
    mkdirSync(left);
    writeFileSync(join(left, "model.safetensors"), "half");
    writeFileSync(join(directory, "notes.tmp-mine.txt"), "mine");
    expect((await openCheckpoints(directory).list()).map((summary) => summary.step)).toEqual([1]);
    await openCheckpoints(directory).save(contentsOf(2));
    expect(readdirSync(directory)).toEqual([
      "best.json",
      "latest.json",
      "notes.tmp-mine.txt",
      "step-00000001",
      "step-00000002",
    ]);
  });
});

test("equal states give equal bytes", async () => {
  const [a, b] = [new MemoryFs(), new MemoryFs()];
  for (const fs of [a, b]) await openCheckpoints("/c", { fs, files }).save(contentsOf(3));
  const writes = (fs: MemoryFs) =>
    fs.journal.filter((effect) => effect.kind === "write").map((effect) => Buffer.from(effect.bytes).toString("hex"));
  expect(writes(a)).toEqual(writes(b));
});

test("numbers that are hard to store: signed zero, denormals, infinities, NaN with a payload", async () => {
  const fs = new MemoryFs();
  const bits = Uint32Array.of(0x80000000, 1, 0x7f800000, 0xff800000, 0x7fc12345, 0xff812345);
  const odd: CheckpointContents = {
    step: 0,
    parameters: new Map([["w", { dtype: "F32", shape: [6], data: new Float32Array(bits.buffer) }]]),
    optimizer: new Map([["i", { dtype: "I32", shape: [2], data: Int32Array.of(-(2 ** 31), 2 ** 31 - 1) }]]),
    trainer: {},
  };
  const checkpoints = openCheckpoints("/c", { fs });
  await checkpoints.save(odd);
  const loaded = await checkpoints.load(0);
  expect([...new Uint32Array(loaded.parameters.get("w")!.data.buffer)]).toEqual([...bits]);
  expect([...loaded.optimizer.get("i")!.data]).toEqual([-(2 ** 31), 2 ** 31 - 1]);
  expect(loaded.evaluation).toBeUndefined();
});

test("steps are found by number, beyond eight digits too, and other names are left alone", async () => {
  const fs = new MemoryFs();
  const checkpoints = openCheckpoints("/runs/a/checkpoints", { fs, keepLast: Number.POSITIVE_INFINITY });
  expect(await checkpoints.list()).toEqual([]);
  expect(await checkpoints.loadLatest()).toBeUndefined();
  for (const step of [100_000_000, 99_999_999, 9]) await checkpoints.save(contentsOf(step));
  for (const name of ["step-1", "step-000000009", "step-00000010.corrupt", "steps"])
    await fs.mkdir(`/runs/a/checkpoints/${name}`);
  expect((await checkpoints.list()).map((summary) => summary.step)).toEqual([9, 99_999_999, 100_000_000]);
  expect((await checkpoints.loadLatest())?.step).toBe(100_000_000);
});

test("contents and options that contradict themselves are refused before anything is written", async () => {
  const fs = new MemoryFs();
  const save = (change: object) => openCheckpoints("/c", { fs }).save({ ...contentsOf(1), ...change });
  for (const step of [-1, 0.5, Number.NaN, 2 ** 53]) {
    await expect(save({ step })).rejects.toMatchObject({ code: "CHECKPOINT_CONTENTS_INVALID" });
  }
  await expect(save({ trainer: { best: { loss: Number.POSITIVE_INFINITY } } })).rejects.toMatchObject({
    code: "CHECKPOINT_CONTENTS_INVALID",
    message: expect.stringContaining("loss: Infinity has no JSON form"),
  });
  const wrong = new Map([["w", { dtype: "F32", shape: [2], data: new Float32Array(3) }]]);
  await expect(save({ parameters: wrong })).rejects.toMatchObject({ code: "SAFETENSORS_TENSOR_INVALID" });
  for (const name of ["model.safetensors", "manifest.json", "../x", "a/b", "", ".hidden"]) {
    expect(() => openCheckpoints("/c", { files: { [name]: "" } })).toThrow(/files: expected plain file names/);
  }
  expect(() => openCheckpoints("/c", { keepLast: 0 })).toThrow(
    /keepLast: expected an integer >= 1 or Infinity, came 0/,
  );
  expect(() => openCheckpoints("/c", { keepBest: 1.5 })).toThrow(/keepBest/);
  expect((await fs.readdir("/c")).filter((name) => name.startsWith("step"))).toEqual([]);
});

test("a step is saved once; a damaged one of that number makes room", async () => {
  const fs = new MemoryFs();
  const checkpoints = openCheckpoints("/c", { fs });
  await checkpoints.save(contentsOf(1));
  await expect(checkpoints.save(contentsOf(1))).rejects.toMatchObject({ code: "CHECKPOINT_EXISTS" });
  await (await fs.open("/c/step-00000001/trainer.json", "r+")).truncate(3);
  await checkpoints.save(contentsOf(1));
  expect(fingerprint(await checkpoints.load(1))).toBe(fingerprint(contentsOf(1)));
  expect(await fs.readdir("/c")).toContain("step-00000001.corrupt");
});

test("a step is replaced when that is asked for, and a kill in between leaves one of the two", async () => {
  const fs = new MemoryFs();
  const checkpoints = openCheckpoints("/c", { fs });
  await checkpoints.save(contentsOf(1));
  const better = { ...contentsOf(1), evaluation: { lossNats: 0.5 } };
  await checkpoints.save(better, { replace: true });
  expect(await fs.readdir("/c")).toEqual(["best.json", "latest.json", "step-00000001"]);
  expect((await checkpoints.load(1)).evaluation).toEqual({ lossNats: 0.5 });
  // The old one is out of the way, the new one not yet in its place.
  await fs.rename("/c/step-00000001", "/c/step-00000001.replacement");
  expect((await openCheckpoints("/c", { fs }).loadLatest())?.step).toBe(1);
  expect(await fs.readdir("/c")).toContain("step-00000001");
});

test("a run that goes back sets the later steps aside", async () => {
  const fs = new MemoryFs();
  const checkpoints = openCheckpoints("/c", { fs, keepLast: 9 });
  for (const step of [1, 2, 3]) await checkpoints.save(contentsOf(step));
  expect(await checkpoints.setAsideAfter(1)).toEqual(["/c/step-00000002.superseded", "/c/step-00000003.superseded"]);
  expect((await checkpoints.loadLatest())?.step).toBe(1);
  await checkpoints.save(contentsOf(2));
  expect(await checkpoints.setAsideAfter(1)).toEqual(["/c/step-00000002.superseded-2"]);
  expect((await loadCheckpoint("/c/step-00000003.superseded", { fs })).step).toBe(3);
});

test("shapes other than the expected ones are named", async () => {
  const fs = new MemoryFs();
  const checkpoints = openCheckpoints("/c", { fs });
  await checkpoints.save(contentsOf(1));
  const shapes = new Map([...contentsOf(1).parameters].map(([name, { shape }]) => [name, shape]));
  expect((await checkpoints.load(1, { expectedShapes: shapes })).step).toBe(1);
  const other = new Map(shapes).set("model.norm.weight", [5]).set("model.new.weight", [2, 2]);
  other.delete("lm_head.weight");
  const expected = {
    code: "CHECKPOINT_SHAPE_MISMATCH",
    message:
      "/c/step-00000001/model.safetensors: model.norm.weight: expected [5], found [4]; " +
      "model.new.weight: expected [2,2], the checkpoint has none; lm_head.weight: expected none, found [3,4]",
  };
  await expect(checkpoints.load(1, { expectedShapes: other })).rejects.toMatchObject(expected);
  await expect(checkpoints.loadLatest({ expectedShapes: other })).rejects.toMatchObject(expected);
  const many = new Map(Array.from({ length: 20 }, (_, i) => [`w${i}`, [1]]));
  await expect(checkpoints.load(1, { expectedShapes: many })).rejects.toThrow(/; and 13 more$/);
});

test.each([1])(
  "a checkpoint of schema %d from the repository loads, with the values it was saved with",
  async (schema) => {
    const path = fileURLToPath(new URL(`./golden/schema-${schema}/step-00000100`, import.meta.url));
    const loaded = await loadCheckpoint(path);
    expect(fingerprint(loaded)).toBe(fingerprint(contentsOf(100)));
    expect([...loaded.parameters.get("model.norm.weight")!.data].map((value) => value.toFixed(6))).toEqual([
      "-0.989367",
      "-0.656941",
      "0.279473",
      "0.958941",
    ]);
  },
);
