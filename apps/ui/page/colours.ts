/**
 * Colours of runs: told apart with any of the common kinds of colour blindness, and with a contrast of 3 to 1 or more against the background
 * (a test measures both). The ninth run starts over; its name is in the legend and beside the pointer.
 */
export const LIGHT: readonly string[] = [
  "#0067b1",
  "#e06416",
  "#0b7a5b",
  "#a03c8c",
  "#846000",
  "#3a2f8f",
  "#6b7682",
  "#c01048",
];
export const DARK: readonly string[] = [
  "#58b0f0",
  "#ff8f4a",
  "#3fc796",
  "#e488cb",
  "#f0dc5a",
  "#8f7dff",
  "#c3ccd6",
  "#e0446e",
];

export function runColour(index: number, isDark: boolean): string {
  const palette = isDark ? DARK : LIGHT;
  return palette[index % palette.length] as string;
}
