/** The message of an event of a killed process: long and short ones, with characters of one to four bytes. */
export function messageOf(prefix: string, number: number): string {
  const filling = "loss \u00e4\u20ac\u{1f600} ".repeat((number * 37) % 101);
  return `${prefix}:${number} ${filling}`;
}
