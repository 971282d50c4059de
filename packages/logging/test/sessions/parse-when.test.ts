import { parseWhen } from "@codex/logging/sessions";
import fc from "fast-check";

test.each([
  ["2026-11-21", "2026-11-21T00:00:00.000Z"],
  ["2026-11-21T20:15:00Z", "2026-11-21T20:15:00.000Z"],
  ["2026-11-21t20:15:00z", "2026-11-21T20:15:00.000Z"],
  ["2026-11-21T20:15:00", "2026-11-21T20:15:00.000Z"],
  ["2026-11-21 20:15", "2026-11-21T20:15:00.000Z"],
  ["2026-11-21T20:15:00+05:30", "2026-11-21T14:45:00.000Z"],
  ["2026-11-21T20:15:00-0800", "2026-11-22T04:15:00.000Z"],
  ["2026-11-21T00:15:00+01", "2026-11-20T23:15:00.000Z"],
  ["2026-11-21T20:15:00.1234567Z", "2026-11-21T20:15:00.123Z"],
  ["2026-11-21T20:15:00,5 Z", "2026-11-21T20:15:00.500Z"],
  ["  2024-02-29 ", "2024-02-29T00:00:00.000Z"],
  ["0001-01-01", "0001-01-01T00:00:00.000Z"],
])("%s is %s", (text, expected) => {
  expect(parseWhen(text).toISOString()).toBe(expected);
});

test("as an upper bound a plain date is the end of its day, a time is itself", () => {
  expect(parseWhen("2026-11-21", "end").toISOString()).toBe("2026-11-21T23:59:59.999Z");
  expect(parseWhen("2026-11-21T00:00Z", "end").toISOString()).toBe("2026-11-21T00:00:00.000Z");
});

test.each([
  ...[
    "",
    "yesterday",
    "2026",
    "2026-11",
    "2026-13-01",
    "2026-02-30",
    "2025-02-29",
    "2026-11-21T24:00Z",
    "2026-11-21T20:60Z",
  ],
  ...[
    "2026-11-21T20:15:60Z",
    "2026-11-21Z",
    "2026-11-21T20:15+24:00",
    "2026-11-21T20:15+05:60",
    "1763683200",
    "2026-11-21T20",
    "21.11.2026",
  ],
])("%j is refused with an example", (text) => {
  expect(() => parseWhen(text)).toThrow(
    expect.objectContaining({
      code: "LOGGING_TIME_INVALID",
      help: expect.stringContaining("2026-11-21T20:15:00+05:30"),
    }),
  );
});

test("what Date writes is read back; any other text is an error of ours", () => {
  const dates = fc.date({ min: new Date("0001-01-01"), max: new Date("9999-12-31"), noInvalidDate: true });
  fc.assert(fc.property(dates, (date) => expect(parseWhen(date.toISOString())).toEqual(date)));
  fc.assert(
    fc.property(fc.string(), (text) => {
      try {
        expect(parseWhen(text)).toBeInstanceOf(Date);
      } catch (error) {
        expect(error).toMatchObject({ code: "LOGGING_TIME_INVALID" });
      }
    }),
  );
});
