import { crc32, crc32c } from "../src/wire/crc32.ts";

test("the check values of the two polynomials", () => {
  const digits = Buffer.from("123456789"); // https://reveng.sourceforge.io/crc-catalogue/17plus.htm
  expect([crc32c(digits).toString(16), crc32(digits).toString(16)]).toEqual(["e3069283", "cbf43926"]);
  expect([crc32c(Buffer.alloc(0)), crc32(Buffer.alloc(0))]).toEqual([0, 0]);
  expect(crc32c(Buffer.alloc(32)).toString(16)).toBe("8a9136aa"); // RFC 3720, B.4
});
