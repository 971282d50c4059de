/** White space as Python's `str.isspace` has it, which is neither JavaScript's `\s` nor its `trim`. */
export function isSpace(character: string | undefined): boolean {
  if (character === undefined) return false;
  const unit = character.charCodeAt(0);
  if (unit < 0x80) return unit === 0x20 || (unit >= 0x09 && unit <= 0x0d) || (unit >= 0x1c && unit <= 0x1f);
  return unit === 0x85 || (unit !== 0xfeff && /\s/.test(character));
}

/** `str.lstrip`, of white space or of a set of characters. */
export function stripStart(text: string, characters?: string): string {
  const isStripped = stripper(characters);
  let start = 0;
  for (let point = text.codePointAt(start); point !== undefined; point = text.codePointAt(start)) {
    const character = String.fromCodePoint(point);
    if (!isStripped(character)) break;
    start += character.length;
  }
  return text.slice(start);
}

/** `str.rstrip` */
export function stripEnd(text: string, characters?: string): string {
  const isStripped = stripper(characters);
  let end = text.length;
  while (end > 0) {
    const pair = end > 1 && text.codePointAt(end - 2)! > 0xffff;
    if (!isStripped(text.slice(pair ? end - 2 : end - 1, end))) break;
    end -= pair ? 2 : 1;
  }
  return text.slice(0, end);
}

function stripper(characters: string | undefined): (character: string) => boolean {
  if (characters === undefined) return isSpace;
  const set = new Set(characters);
  return (character) => set.has(character);
}
