import { DARK, LIGHT, runColour } from "../page/colours.ts";

type Colour = readonly [number, number, number];

const rgb = (hex: string): Colour =>
  [1, 3, 5].map((at) => Number.parseInt(hex.slice(at, at + 2), 16) / 255) as unknown as Colour;
const linear = (colour: Colour): Colour =>
  colour.map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)) as unknown as Colour;

/** WCAG 2.2, contrast ratio. */
function contrast(a: string, b: string): number {
  const [x, y] = [a, b].map((hex) => {
    const [r, g, bl] = linear(rgb(hex));
    return 0.2126 * r + 0.7152 * g + 0.0722 * bl + 0.05;
  }) as [number, number];
  return Math.max(x, y) / Math.min(x, y);
}

/** Machado, Oliveira and Fernandes 2009, severity 1.0, on linear RGB. */
const VISION: Readonly<Record<string, readonly Colour[]>> = {
  normal: [
    [1, 0, 0],
    [0, 1, 0],
    [0, 0, 1],
  ],
  protanopia: [
    [0.152286, 1.052583, -0.204868],
    [0.114503, 0.786281, 0.099216],
    [-0.003882, -0.048116, 1.051998],
  ],
  deuteranopia: [
    [0.367322, 0.860646, -0.227968],
    [0.280085, 0.672501, 0.047413],
    [-0.01182, 0.04294, 0.968881],
  ],
  tritanopia: [
    [1.255528, -0.076749, -0.178779],
    [-0.078411, 0.930809, 0.147602],
    [0.004733, 0.691367, 0.3039],
  ],
};

/** CIE L*a*b*, D65. */
function lab(hex: string, vision: readonly Colour[]): Colour {
  const seen = vision.map((row) => {
    const [r, g, b] = linear(rgb(hex));
    return Math.min(1, Math.max(0, row[0] * r + row[1] * g + row[2] * b));
  }) as unknown as Colour;
  const xyz = [
    (0.4124 * seen[0] + 0.3576 * seen[1] + 0.1805 * seen[2]) / 0.95047,
    0.2126 * seen[0] + 0.7152 * seen[1] + 0.0722 * seen[2],
    (0.0193 * seen[0] + 0.1192 * seen[1] + 0.9505 * seen[2]) / 1.08883,
  ].map((t) => (t > 0.008856 ? Math.cbrt(t) : 7.787 * t + 16 / 116)) as unknown as Colour;
  return [116 * xyz[1] - 16, 500 * (xyz[0] - xyz[1]), 200 * (xyz[1] - xyz[2])];
}

describe.each([
  ["light", LIGHT, "#ffffff"],
  ["dark", DARK, "#161b23"],
] as const)("on %s", (_, palette, background) => {
  test.each(palette)("%s stands out from the background", (colour) => {
    expect(contrast(colour, background)).toBeGreaterThanOrEqual(3);
  });

  // 10 is about four times what an eye can just tell apart side by side (2.3).
  test.each(Object.keys(VISION))("no two look alike with %s", (vision) => {
    const seen = palette.map((colour) => lab(colour, VISION[vision] as readonly Colour[]));
    let nearest = { distance: Number.POSITIVE_INFINITY, pair: "" };
    for (let i = 0; i < seen.length; i++)
      for (let j = 0; j < i; j++) {
        const distance = Math.hypot(...[0, 1, 2].map((k) => (seen[i] as Colour)[k as 0] - (seen[j] as Colour)[k as 0]));
        if (distance < nearest.distance) nearest = { distance, pair: `${palette[i]} and ${palette[j]}` };
      }
    expect(nearest).toMatchObject({ distance: expect.any(Number) });
    if (nearest.distance < 10) throw new Error(`${nearest.pair}: ${nearest.distance.toFixed(1)}`);
  });
});

test("the ninth run starts over", () => {
  expect(runColour(8, false)).toBe(runColour(0, false));
});
