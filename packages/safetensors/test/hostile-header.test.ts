import { openSafetensors, SafetensorsError } from "@codex/safetensors";
import { MemoryFs } from "@codex/storage/testing";

const LIMIT = "SAFETENSORS_LIMIT_EXCEEDED";
const HEADER = "SAFETENSORS_HEADER_INVALID";
const SIZE = "SAFETENSORS_SIZE_MISMATCH";

/** A file: length prefix, header, `dataBytes` zeros. */
function fileOf(header: string | Uint8Array, dataBytes = 0, length?: bigint): Uint8Array {
  const json = typeof header === "string" ? Buffer.from(header) : header;
  const file = Buffer.alloc(8 + json.byteLength + dataBytes);
  file.writeBigUInt64LE(length ?? BigInt(json.byteLength));
  file.set(json, 8);
  return file;
}

async function open(file: Uint8Array, options = {}) {
  const fs = new MemoryFs();
  const handle = await fs.open("/f", "wx");
  await handle.write(file, 0);
  return openSafetensors("/f", { fs, ...options });
}

const entry = (begin: number | string, end: number | string, shape: unknown = [1], dtype = "F32") =>
  `{"dtype":"${dtype}","shape":${typeof shape === "string" ? shape : JSON.stringify(shape)},"data_offsets":[${begin},${end}]}`;

const cases: Record<string, [file: Uint8Array, code: string, message: RegExp]> = {
  "empty file": [new Uint8Array(0), SIZE, /expected 8 bytes of header length, the file has 0 bytes/],
  "one byte": [new Uint8Array(1), SIZE, /the file has 1 bytes/],
  "seven bytes": [new Uint8Array(7), SIZE, /the file has 7 bytes/],
  "length beyond the file": [fileOf("{}", 0, 3n), SIZE, /header of 3 bytes does not fit in a file of 10 bytes/],
  "length of 2^64 - 1": [fileOf("{}", 0, 2n ** 64n - 1n), SIZE, /header of 18446744073709551615 bytes/],
  "length of 2^53 + 1": [fileOf("{}", 0, 2n ** 53n + 1n), SIZE, /header of 9007199254740993 bytes/],
  "length 0": [fileOf(""), HEADER, /expected to begin with "\{", found nothing/],
  "not an object": [fileOf("[]"), HEADER, /expected to begin with "\{", found byte 91/],
  "space before the object": [fileOf(" {}"), HEADER, /found byte 32/],
  "byte order mark": [fileOf("\uFEFF{}"), HEADER, /found byte 239/],
  "not UTF-8": [fileOf(Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x7d])), HEADER, /expected UTF-8/],
  "overlong UTF-8": [fileOf(Buffer.from([0x7b, 0x22, 0xc0, 0xaf, 0x22, 0x7d])), HEADER, /expected UTF-8/],
  "cut JSON": [fileOf('{"a":'), HEADER, /expected "\{", found the end/],
  "string without end": [fileOf('{"a'), HEADER, /expected a string/],
  "string that ends in an escape": [fileOf('{"a\\"'), HEADER, /expected a string/],
  "control character in a string": [fileOf('{"a\u0001":{}}'), HEADER, /expected a string/],
  "lone surrogate in a name": [fileOf(`{"\\ud800":${entry(0, 4)}}`, 4), HEADER, /is not valid Unicode/],
  "text after the object": [fileOf("{} x"), HEADER, /expected the end of the header, found "x"/],
  "zero bytes after the object": [fileOf("{}\0\0"), HEADER, /expected the end of the header/],
  "trailing comma": [fileOf(`{"a":${entry(0, 4)},}`, 4), HEADER, /expected a string, found "}"/],
  "a tensor that is no object": [fileOf('{"a":[1]}'), HEADER, /expected "\{", found "\[1\]\}"/],
  "deep nesting": [fileOf(`{"a":${"[".repeat(100_000)}`), HEADER, /expected "\{"/],
  "deep nesting in a shape": [
    fileOf(`{"a":{"shape":${"[".repeat(100_000)}`),
    HEADER,
    /expected a non-negative integer/,
  ],
  "missing dtype": [
    fileOf('{"a":{"shape":[1],"data_offsets":[0,4]}}', 4),
    HEADER,
    /tensor "a": expected dtype, shape and data_offsets/,
  ],
  "unknown key": [fileOf('{"a":{"dtype":"F32","shap":[1]}}'), HEADER, /tensor "a": unknown key "shap"/],
  "duplicate tensor": [fileOf(`{"a":${entry(0, 4)},"a":${entry(4, 8)}}`, 8), HEADER, /duplicate key "a"/],
  "duplicate tensor, escaped": [
    fileOf(`{"a":${entry(0, 4)},"\\u0061":${entry(4, 8)}}`, 8),
    HEADER,
    /duplicate key "a"/,
  ],
  "duplicate key in a tensor": [
    fileOf('{"a":{"dtype":"F32","dtype":"F32"}}'),
    HEADER,
    /tensor "a": duplicate key "dtype"/,
  ],
  "duplicate metadata": [fileOf('{"__metadata__":{},"__metadata__":{}}'), HEADER, /duplicate key "__metadata__"/],
  "duplicate key in metadata": [
    fileOf('{"__metadata__":{"k":"1","k":"2"}}'),
    HEADER,
    /__metadata__: duplicate key "k"/,
  ],
  "metadata that is no string": [fileOf('{"__metadata__":{"k":1}}'), HEADER, /expected a string, found "1\}\}"/],
  "metadata __proto__": [fileOf('{"__metadata__":{"__proto__":"x"}}'), HEADER, /"__proto__" is refused/],
  "tensor __proto__": [fileOf(`{"__proto__":${entry(0, 4)}}`, 4), HEADER, /tensor "__proto__": this name is refused/],
  "unknown dtype": [fileOf(`{"a":${entry(0, 4, [1], "F31")}}`, 4), HEADER, /tensor "a": unknown dtype "F31"/],
  "dtype of Object.prototype": [fileOf(`{"a":${entry(0, 4, [1], "toString")}}`, 4), HEADER, /unknown dtype "toString"/],
  "negative offset": [fileOf(`{"a":${entry(-4, 0)}}`), HEADER, /expected a non-negative integer, found "-4,0/],
  "float offset": [fileOf(`{"a":${entry("0.0", 4)}}`, 4), HEADER, /expected a non-negative integer, found "\.0,4/],
  exponent: [fileOf(`{"a":${entry(0, "4e0")}}`, 4), HEADER, /expected a non-negative integer, found "e0/],
  "leading zero": [fileOf(`{"a":${entry("00", 4)}}`, 4), HEADER, /expected a non-negative integer, found "00/],
  "offset in a string": [fileOf(`{"a":${entry('"0"', 4)}}`, 4), HEADER, /expected a non-negative integer/],
  "offset beyond 2^53": [fileOf(`{"a":${entry(0, "9007199254740993")}}`), HEADER, /expected an integer below 2\^53/],
  "offset of a million digits": [
    fileOf(`{"a":${entry(0, "9".repeat(1_000_000))}}`),
    HEADER,
    /expected a non-negative integer/,
  ],
  "one offset": [fileOf('{"a":{"dtype":"F32","shape":[],"data_offsets":[0]}}'), HEADER, /expected 2 integers, found 1/],
  "three offsets": [
    fileOf('{"a":{"dtype":"F32","shape":[],"data_offsets":[0,1,2]}}'),
    HEADER,
    /expected at most 2 integers/,
  ],
  "end before begin": [fileOf(`{"a":${entry(8, 4)}}`, 8), HEADER, /expected begin <= end, found \[8, 4\]/],
  "shape product overflows 2^53": [
    fileOf(`{"a":${entry(0, 0, [2 ** 27, 2 ** 27, 2 ** 27])}}`),
    HEADER,
    /not a whole number of bytes below 2\^53/,
  ],
  "shape product wraps to the right size in 64 bits": [
    fileOf(`{"a":${entry(0, 4, "[4294967296,4294967296,1]")}}`, 4),
    HEADER,
    /not a whole number of bytes below 2\^53/,
  ],
  "shape product that rounds to the right size": [
    fileOf(`{"a":${entry(0, 4, "[9007199254740991,9007199254740991]", "F4")}}`, 4),
    HEADER,
    /below 2\^53/,
  ],
  "too many dimensions": [fileOf(`{"a":${entry(0, 4, Array(65).fill(1))}}`, 4), HEADER, /expected at most 64 integers/],
  "shape smaller than the bytes": [
    fileOf(`{"a":${entry(0, 8)}}`, 8),
    HEADER,
    /F32 \[1\] takes 4 bytes, data_offsets \[0, 8\] say 8/,
  ],
  "4-bit elements that fill no byte": [
    fileOf(`{"a":${entry(0, 2, [3], "F4")}}`, 2),
    HEADER,
    /F4 \[3\] is not a whole number of bytes/,
  ],
  "6-bit elements that fill no byte": [
    fileOf(`{"a":${entry(0, 1, [1], "F6_E2M3")}}`, 1),
    HEADER,
    /not a whole number of bytes/,
  ],
  "hole at the start": [fileOf(`{"a":${entry(4, 8)}}`, 8), HEADER, /expected to begin at 0, found 4 \(a hole\)/],
  "hole in the middle": [
    fileOf(`{"a":${entry(0, 4)},"b":${entry(8, 12)}}`, 12),
    HEADER,
    /tensor "b": .* expected to begin at 4, found 8 \(a hole\)/,
  ],
  overlap: [
    fileOf(`{"a":${entry(0, 8, [2])},"b":${entry(4, 12, [2])}}`, 12),
    HEADER,
    /tensor "b": .* found 4 \(an overlap\)/,
  ],
  "the same bytes twice": [fileOf(`{"a":${entry(0, 4)},"b":${entry(0, 4)}}`, 4), HEADER, /an overlap/],
  "zero-size tensor that reuses an offset": [
    fileOf(`{"a":${entry(0, 8, [2])},"z":${entry(4, 4, [0])}}`, 8),
    HEADER,
    /tensor "z": .*an overlap/,
  ],
  "data cut": [fileOf(`{"a":${entry(0, 4)}}`, 3), SIZE, /the file is truncated/],
  "trailing bytes": [fileOf(`{"a":${entry(0, 4)}}`, 5), SIZE, /bytes that belong to no tensor/],
  "header above its limit": [fileOf("{}", 0), LIMIT, /expected at most 1 bytes, found 2/],
  "large header, little data": [
    fileOf(`{}${" ".repeat(2_000_000)}`, 100),
    LIMIT,
    /header of 2000002 bytes is larger than the 100 bytes of data/,
  ],
  "more tensors than the limit": [
    fileOf(`{${Array.from({ length: 100 }, (_, i) => `"${i}":${entry(i, i + 1, [1], "U8")}`).join()}}`, 100),
    LIMIT,
    /expected at most 99 tensors/,
  ],
};

const options: Record<string, object> = {
  "header above its limit": { maxHeaderBytes: 1 },
  "more tensors than the limit": { maxTensors: 99 },
};

test.each(Object.entries(cases))("refused: %s", async (name, [file, code, message]) => {
  const error = await open(file, options[name]).catch((e: unknown) => e);
  expect(error).toBeInstanceOf(SafetensorsError);
  expect((error as SafetensorsError).message).toMatch(message);
  expect((error as SafetensorsError).code).toBe(code);
  expect((error as SafetensorsError).message).toContain("/f: ");
  expect((error as SafetensorsError).message.length).toBeLessThan(1000);
});

test("a header of 100,000 tensors in a small file is refused before it is parsed", async () => {
  const many = `{${Array.from({ length: 100_000 }, (_, i) => `"${i}":${entry(0, 0, [0])}`).join()}}`;
  await expect(open(fileOf(many))).rejects.toMatchObject({
    code: LIMIT,
    message: expect.stringContaining("is larger than the 0 bytes"),
  });
  await expect(open(fileOf(many, many.length * 2))).rejects.toMatchObject({
    message: expect.stringContaining("at most 50000 tensors"),
  });
});

test("every single-byte change of a small header is refused or read without harm", async () => {
  const header = `{"__metadata__":{"k":"v"},"a":${entry(0, 4)},"b":${entry(4, 6, [2], "U8")}}`;
  const good = fileOf(header, 6);
  let accepted = 0;
  for (let at = 0; at < good.byteLength - 6; at++) {
    for (const value of [0, 0x20, 0x22, 0x2d, 0x30, 0x39, 0x5d, 0x7d, 0xff, good[at]! ^ 1]) {
      const file = Uint8Array.from(good); // Buffer.slice would share the bytes
      file[at] = value;
      try {
        await using reader = await open(file);
        for (const [name, info] of reader.tensors) {
          expect((await reader.read(name)).byteLength).toBe(info.byteLength);
          expect(info.start + info.byteLength).toBeLessThanOrEqual(file.byteLength);
        }
        accepted++;
      } catch (error) {
        expect(error).toBeInstanceOf(SafetensorsError);
      }
    }
  }
  expect(accepted).toBeGreaterThan(0); // another name, another value of the same length
});

test("accepted: any order in the header, empty tensors side by side, spaces, no tensors at all", async () => {
  await using reader = await open(
    fileOf(
      ` { "b" :\t${entry(4, 6, [2], "U8")},\n"e":${entry(4, 4, [0])},"f":${entry(4, 4, [3, 0, 2])},"a":${entry(0, 4)} }  `.slice(
        1,
      ),
      6,
    ),
  );
  expect([...reader.tensors.keys()]).toEqual(["a", "e", "f", "b"]);
  expect((await open(fileOf("{}"))).tensors.size).toBe(0);
  expect((await open(fileOf("{}      "))).metadata.size).toBe(0);
});
