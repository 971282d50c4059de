import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  byteLengthOf,
  convertToFloat32,
  DTYPE_BITS,
  type Dtype,
  openSafetensors,
  type TensorData,
  writeSafetensors,
} from "@codex/safetensors";
import { nodeFs } from "@codex/storage";
import { interceptFs, MemoryFs } from "@codex/storage/testing";
import fc from "fast-check";

const fixture = (name: string) => fileURLToPath(new URL(`./fixtures/${name}`, import.meta.url));

/** Reads all tensors of a file back. */
async function readAll(path: string, fs?: MemoryFs): Promise<Map<string, TensorData>> {
  await using reader = await openSafetensors(path, fs ? { fs } : {});
  const tensors = new Map<string, TensorData>();
  for (const [name, { dtype, shape }] of reader.tensors)
    tensors.set(name, { dtype, shape, data: await reader.read(name) });
  return tensors;
}

async function bytesOf(fs: MemoryFs, path: string): Promise<Uint8Array> {
  const file = await fs.open(path, "r");
  const bytes = new Uint8Array(await file.size());
  await file.read(bytes, 0);
  return bytes;
}

test("a file of the Python library is read, and written again it is the same file byte for byte", async () => {
  const path = fixture("all-dtypes.safetensors");
  const tensors = await readAll(path);
  expect(tensors.size).toBe(22);
  expect(tensors.get("x.I64")).toEqual({
    dtype: "I64",
    shape: [2, 3],
    data: Uint8Array.from({ length: 48 }, (_, i) => 17 + i),
  });
  expect(tensors.get("empty")).toEqual({ dtype: "F32", shape: [0, 4], data: new Uint8Array() });
  expect(tensors.get("scalar")?.shape).toEqual([]);
  expect(tensors.get('quote " and \\ and \u00e4')?.data).toEqual(new Uint8Array([7, 8, 9]));
  const fs = new MemoryFs();
  const shuffled = new Map(
    [...tensors].sort(([a], [b]) =>
      createHash("md5").update(a).digest("hex") < createHash("md5").update(b).digest("hex") ? -1 : 1,
    ),
  );
  const written = await writeSafetensors("/f", shuffled, { fs });
  const reference = readFileSync(path);
  expect(Buffer.from(await bytesOf(fs, "/f")).equals(reference)).toBe(true);
  expect(written).toEqual({ size: reference.byteLength, sha256: createHash("sha256").update(reference).digest("hex") });
});

test("the metadata of the Python library is read", async () => {
  await using reader = await openSafetensors(fixture("all-dtypes.safetensors"));
  expect([...reader.metadata]).toEqual([["format", "pt"]]);
});

test("float16 and bfloat16 become the float32 values of PyTorch: zeros, denormals, infinities, NaN", async () => {
  await using reader = await openSafetensors(fixture("half-floats.safetensors"));
  for (const dtype of ["f16", "bf16"]) {
    const values = await reader.readFloat32(dtype);
    const expected = await reader.readFloat32(`${dtype}.expected`);
    expect(Array.from(values, (value) => (Object.is(value, -0) ? "-0" : value))).toEqual(
      Array.from(expected, (value) => (Object.is(value, -0) ? "-0" : value)),
    );
  }
  expect((await reader.readFloat32("f16"))[6]).toBe(2 ** -24);
});

test.each(["F16", "BF16"] as const)("all 65,536 values of %s convert as in PyTorch", (dtype) => {
  const expected = JSON.parse(readFileSync(fixture("conversions.json"), "utf8"));
  const halves = Uint16Array.from({ length: 65_536 }, (_, i) => i);
  const values = new Float32Array(65_536);
  convertToFloat32(dtype, new Uint8Array(halves.buffer), values);
  const bits = new Uint32Array(values.buffer);
  values.forEach((value, i) => {
    if (Number.isNaN(value)) bits[i] = 0x7fc00000;
  });
  expect(createHash("sha256").update(new Uint8Array(values.buffer)).digest("hex")).toBe(expected[dtype]);
});

test("NaNs keep their payload", () => {
  const values = new Float32Array(2);
  convertToFloat32("F16", new Uint8Array([0x01, 0x7c, 0xff, 0xff]), values);
  expect([...new Uint32Array(values.buffer)]).toEqual([0x7f802000, 0xffffe000]);
  convertToFloat32("BF16", new Uint8Array([0x81, 0x7f, 0xff, 0xff]), values);
  expect([...new Uint32Array(values.buffer)]).toEqual([0x7f810000, 0xffff0000]);
});

test("a conversion in several chunks, and one into the middle of an array", async () => {
  const fs = new MemoryFs();
  const count = 5_000_000; // 10 MB: ten pieces
  const half = new Uint8Array(2 * count);
  for (let i = 0; i < count; i++) half[2 * i + 1] = i % 128; // bfloat16 of positive values
  await writeSafetensors("/f", new Map([["h", { dtype: "BF16", shape: [count], data: half }]]), { fs });
  await using reader = await openSafetensors("/f", { fs });
  const values = await reader.readFloat32("h");
  const expected = new Float32Array(1);
  for (const i of [0, 127, 2_097_151, 2_097_152, 4_194_303, 4_194_304, count - 1]) {
    new Uint32Array(expected.buffer)[0] = (i % 128) << 24;
    expect(values[i]).toBe(expected[0]);
  }
  const target = new Float32Array(4).fill(9);
  convertToFloat32("BF16", new Uint8Array([0x80, 0x3f]), target.subarray(2, 3));
  expect([...target]).toEqual([9, 9, 1, 9]);
});

test("pieces are the tensor, whoever stops early or reads two at once", async () => {
  const fs = new MemoryFs();
  const count = 900_001; // F32: 3.4 pieces; BF16: 1.7
  const data = Float32Array.from({ length: count }, (_, i) => (i % 251) - 100);
  const half = new Uint8Array(2 * count);
  const bits = new Uint8Array(data.buffer);
  for (let i = 0; i < count; i++) half.set(bits.subarray(4 * i + 2, 4 * i + 4), 2 * i);
  const tensors = new Map<string, TensorData>([
    ["f", { dtype: "F32", shape: [count], data }],
    ["h", { dtype: "BF16", shape: [count], data: half }],
    ["empty", { dtype: "F32", shape: [0, 3], data: new Float32Array(0) }],
    ["i", { dtype: "I32", shape: [1], data: Int32Array.of(7) }],
  ]);
  await writeSafetensors("/f", tensors, { fs });
  await using reader = await openSafetensors("/f", { fs });
  const gather = async (name: string): Promise<Float32Array> => {
    const values: Float32Array[] = [];
    for await (const piece of reader.float32Pieces(name)) values.push(piece.slice());
    return Float32Array.from(values.flatMap((piece) => [...piece]));
  };
  for await (const piece of reader.float32Pieces("f")) {
    expect(piece[1]).toBe(-99);
    break;
  }
  const [first, second] = await Promise.all([gather("f"), gather("h")]);
  expect(first).toEqual(data);
  expect(second).toEqual(data);
  expect(await gather("empty")).toHaveLength(0);
  await expect(gather("i")).rejects.toMatchObject({ code: "SAFETENSORS_DTYPE_UNSUPPORTED" });
  await expect(gather("x")).rejects.toMatchObject({ code: "SAFETENSORS_TENSOR_MISSING" });
});

const dtypes = Object.keys(DTYPE_BITS) as Dtype[];
const tensorArbitrary: fc.Arbitrary<TensorData> = fc
  .record({ dtype: fc.constantFrom(...dtypes), shape: fc.array(fc.nat({ max: 5 }), { maxLength: 4 }), seed: fc.nat() })
  .map(({ dtype, shape, seed }) => {
    const whole = byteLengthOf(dtype, shape) === undefined ? [...shape, 8] : shape;
    const data = Uint8Array.from({ length: byteLengthOf(dtype, whole)! }, (_, i) => (seed + i * 31) % 256);
    return { dtype, shape: whole, data };
  });
const nameArbitrary = fc
  .string({ unit: "grapheme", maxLength: 12 })
  .filter((name) => name !== "__metadata__" && name !== "__proto__");

test("what is written is read: any names, dtypes, shapes, metadata", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(fc.tuple(nameArbitrary, tensorArbitrary), { selector: ([name]) => name, maxLength: 8 }),
      fc.dictionary(nameArbitrary, fc.string({ unit: "grapheme" }), { maxKeys: 3, noNullPrototype: true }),
      async (entries, metadata) => {
        const fs = new MemoryFs();
        const tensors = new Map(entries);
        await writeSafetensors("/f", tensors, { fs, metadata });
        const found = await readAll("/f", fs);
        expect(new Map([...found].sort())).toEqual(new Map([...tensors].sort()));
        await using reader = await openSafetensors("/f", { fs });
        expect(Object.fromEntries(reader.metadata)).toEqual(metadata);
        for (const info of reader.tensors.values())
          expect(info.start % Math.max(1, DTYPE_BITS[info.dtype] >> 3)).toBe(0);
      },
    ),
    { numRuns: 100, seed: 7 },
  );
});

describe("the writer", () => {
  const write = (tensor: Partial<TensorData>, name = "a") =>
    writeSafetensors(
      "/f",
      new Map([[name, { dtype: "F32", shape: [1], data: new Float32Array(1), ...tensor } as TensorData]]),
      {
        fs: new MemoryFs(),
      },
    );
  test.each([
    ["data of another size", { shape: [2] }, 'tensor "a": F32 [2] takes 8 bytes, the data has 4'],
    ["fetched data of another size", { data: () => new Uint8Array(3) }, "takes 4 bytes, the data has 3"],
    ["negative shape", { shape: [-1] }, "shape: expected non-negative integers, came [-1]"],
    ["fractional shape", { shape: [0.5] }, "shape: expected non-negative integers"],
    ["unknown dtype", { dtype: "F31" as Dtype }, 'unknown dtype "F31"'],
    ["half a byte", { dtype: "F4", shape: [1], data: new Uint8Array(1) } as const, "not a whole number of bytes"],
  ])("refuses %s", async (_, tensor, message) => {
    await expect(write(tensor)).rejects.toMatchObject({
      code: "SAFETENSORS_TENSOR_INVALID",
      message: expect.stringContaining(message),
    });
  });

  test("refuses reserved names", async () => {
    await expect(write({}, "__metadata__")).rejects.toMatchObject({ code: "SAFETENSORS_TENSOR_INVALID" });
    await expect(write({}, "__proto__")).rejects.toMatchObject({ code: "SAFETENSORS_TENSOR_INVALID" });
  });

  test("fetches one tensor at a time, in the order of the file, and writes typed arrays that view a part of a buffer", async () => {
    const fs = new MemoryFs();
    const order: string[] = [];
    const whole = Float32Array.from([1, 2, 3, 4]);
    const later = (name: string) => async () => {
      order.push(name);
      return whole.subarray(1, 3);
    };
    const tensors = new Map<string, TensorData>([
      ["b", { dtype: "F32", shape: [2], data: later("b") }],
      ["a", { dtype: "F32", shape: [2], data: later("a") }],
    ]);
    await writeSafetensors("/f", tensors, { fs });
    expect(order).toEqual(["a", "b"]);
    await using reader = await openSafetensors("/f", { fs });
    expect(await reader.readFloat32("b")).toEqual(Float32Array.from([2, 3]));
  });
});

describe("the reader", () => {
  test("tells a missing tensor, a dtype it cannot convert, a missing file, a failing disk, a file cut while open", async () => {
    const fs = new MemoryFs();
    await writeSafetensors(
      "/f",
      new Map<string, TensorData>([["i", { dtype: "I32", shape: [1], data: new Int32Array(1) }]]),
      { fs },
    );
    const reader = await openSafetensors("/f", { fs });
    await expect(reader.read("x")).rejects.toMatchObject({
      code: "SAFETENSORS_TENSOR_MISSING",
      message: expect.stringContaining('"x"'),
    });
    await expect(reader.readFloat32("i")).rejects.toMatchObject({
      code: "SAFETENSORS_DTYPE_UNSUPPORTED",
      message: expect.stringContaining("found I32"),
    });
    await expect(openSafetensors("/g", { fs })).rejects.toMatchObject({ code: "STORAGE_NOT_FOUND" });
    for (let k = 1; k <= 4; k++) {
      const failing = interceptFs(fs, ({ index }) => (index === k ? { error: "EIO" } : undefined));
      await expect(openSafetensors("/f", { fs: failing })).rejects.toMatchObject({ code: "STORAGE_IO_FAILED" });
    }
    await (await fs.open("/f", "r+")).truncate(80);
    await expect(reader.read("i")).rejects.toMatchObject({ code: "SAFETENSORS_SIZE_MISMATCH" });
  });

  // A sparse file: it takes no space where the file system knows holes, which NTFS does not by default.
  (process.platform === "win32" ? test.skip : test)("reads behind the first 4 GiB of a file", async () => {
    const directory = mkdtempSync(join(tmpdir(), "codex-safetensors-"));
    try {
      const path = join(directory, "large.safetensors");
      const large = 5 * 2 ** 30;
      const header = Buffer.from(
        `{"large":{"dtype":"U8","shape":[${large}],"data_offsets":[0,${large}]},"small":{"dtype":"F32","shape":[2],"data_offsets":[${large},${large + 8}]}}`,
      );
      const length = Buffer.alloc(8);
      length.writeBigUInt64LE(BigInt(header.byteLength));
      const file = await nodeFs.open(path, "wx");
      await file.write(length, 0);
      await file.write(header, 8);
      await file.write(new Uint8Array(Float32Array.of(1.5, -2).buffer), 8 + header.byteLength + large);
      await file.close();
      await using reader = await openSafetensors(path);
      expect(reader.tensors.get("large")?.byteLength).toBe(large);
      expect([...(await reader.readFloat32("small"))]).toEqual([1.5, -2]);
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });

  test("goes on after short reads", async () => {
    const fs = interceptFs(new MemoryFs(), ({ operation }) => (operation === "read" ? { short: true } : undefined));
    const data = Float32Array.from({ length: 100 }, (_, i) => i);
    await writeSafetensors("/f", new Map<string, TensorData>([["a", { dtype: "F32", shape: [100], data }]]), { fs });
    await using reader = await openSafetensors("/f", { fs });
    expect(await reader.readFloat32("a")).toEqual(data);
  });
});
