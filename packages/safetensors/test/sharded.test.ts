import {
  openModelTensors,
  openSafetensors,
  type TensorData,
  writeModelTensors,
  writeSafetensors,
} from "@codex/safetensors";
import { exists, writeFileDurably } from "@codex/storage";
import { MemoryFs } from "@codex/storage/testing";

const f32 = (...values: number[]): TensorData => ({
  dtype: "F32",
  shape: [values.length],
  data: Float32Array.from(values),
});
const tensors = new Map([
  ["d", f32(1, 2)],
  ["c", f32(3)],
  ["b", f32(4, 5, 6, 7, 8)],
  ["a", f32(9)],
]);

async function readText(fs: MemoryFs, path: string): Promise<string> {
  const file = await fs.open(path, "r");
  const bytes = new Uint8Array(await file.size());
  await file.read(bytes, 0);
  return Buffer.from(bytes).toString();
}

test("one file when it fits", async () => {
  const fs = new MemoryFs();
  const written = await writeModelTensors("/", tensors, { fs });
  expect(written.map((file) => file.name)).toEqual(["model.safetensors"]);
  await using reader = await openModelTensors("/", { fs });
  expect(await reader.readFloat32("b")).toEqual(Float32Array.from([4, 5, 6, 7, 8]));
});

test("shards and an index as transformers writes them, and back", async () => {
  const fs = new MemoryFs();
  const written = await writeModelTensors("/", tensors, { fs, maxShardBytes: 12 });
  expect(written.map((file) => file.name)).toEqual([
    "model-00001-of-00003.safetensors",
    "model-00002-of-00003.safetensors",
    "model-00003-of-00003.safetensors",
    "model.safetensors.index.json",
  ]);
  expect(JSON.parse(await readText(fs, "/model.safetensors.index.json"))).toEqual({
    metadata: { total_size: 36 },
    weight_map: {
      a: "model-00003-of-00003.safetensors",
      b: "model-00002-of-00003.safetensors",
      c: "model-00001-of-00003.safetensors",
      d: "model-00001-of-00003.safetensors",
    },
  });
  await using reader = await openModelTensors("/", { fs });
  for (const [name, { data }] of tensors) expect(await reader.readFloat32(name)).toEqual(data);
  expect((await reader.read("c")).byteLength).toBe(4);
  expect(reader.tensors.size).toBe(4);
  expect(reader.metadata.get("total_size")).toBe("36");
  await using shard = await openSafetensors("/model-00002-of-00003.safetensors", { fs });
  expect(shard.metadata.get("format")).toBe("pt");
  await expect(reader.read("x")).rejects.toMatchObject({ code: "SAFETENSORS_TENSOR_MISSING" });
  await expect(reader.readFloat32("x")).rejects.toMatchObject({ code: "SAFETENSORS_TENSOR_MISSING" });
});

test("what a shard holds beyond the index is left out; a missing shard and an empty directory are told", async () => {
  const fs = new MemoryFs();
  await writeSafetensors("/s.safetensors", tensors, { fs });
  await writeFileDurably("/m.safetensors.index.json", '{"weight_map":{"a":"s.safetensors"}}', { fs });
  await using reader = await openModelTensors("/", { fs, baseName: "m" });
  expect([...reader.tensors.keys()]).toEqual(["a"]);
  await fs.unlink("/s.safetensors");
  await expect(openModelTensors("/", { fs, baseName: "m" })).rejects.toMatchObject({ code: "STORAGE_NOT_FOUND" });
  await expect(openModelTensors("/", { fs })).rejects.toMatchObject({
    code: "STORAGE_NOT_FOUND",
    message: "/: expected model.safetensors or model.safetensors.index.json, found neither",
  });
});

test.each([
  ["not JSON", "{", /expected JSON/],
  ["not UTF-8", Uint8Array.from([0xff]), /expected JSON/],
  ["no weight_map", "{}", /expected an object with a weight_map/],
  ["an array", "[]", /expected an object/],
  ["an empty weight_map", '{"weight_map":{}}', /weight_map is empty/],
  ["a number for a file", '{"weight_map":{"a":1}}', /tensor "a": expected a file name \*\.safetensors, found 1/],
  ["a path upwards", '{"weight_map":{"a":"../s.safetensors"}}', /expected a file name/],
  ["an absolute path", '{"weight_map":{"a":"/s.safetensors"}}', /expected a file name/],
  ["a Windows path", '{"weight_map":{"a":"..\\\\s.safetensors"}}', /expected a file name/],
  ["another kind of file", '{"weight_map":{"a":"s.bin"}}', /expected a file name/],
  [
    "a tensor that its shard lacks",
    '{"weight_map":{"a":"s.safetensors","x":"s.safetensors"}}',
    /tensor "x": expected in s.safetensors, which has none/,
  ],
  ["__proto__", '{"weight_map":{"__proto__":"s.safetensors"}}', /tensor "__proto__": expected in s.safetensors/],
])("an index with %s is refused", async (_, content, message) => {
  const fs = new MemoryFs();
  await writeSafetensors("/s.safetensors", tensors, { fs });
  await writeFileDurably("/model.safetensors.index.json", content, { fs });
  const opened = openModelTensors("/", { fs });
  await expect(opened).rejects.toMatchObject({ code: "SAFETENSORS_INDEX_INVALID" });
  await expect(opened).rejects.toThrow(message);
});

test("a full disk in the second shard", async () => {
  const fs = new MemoryFs({ capacityBytes: 300 });
  await expect(writeModelTensors("/", tensors, { fs, maxShardBytes: 12 })).rejects.toMatchObject({
    code: "STORAGE_DISK_FULL",
  });
  expect(await exists("/model.safetensors.index.json", fs)).toBe(false);
});
