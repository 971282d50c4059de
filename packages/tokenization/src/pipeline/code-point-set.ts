/** A set of code points as bits: one look-up a test, whatever the set. */
const WORDS = 0x110000 / 32;

export class CodePointSet {
  readonly #bits: Uint32Array;
  #complement: CodePointSet | undefined;

  constructor(bits: Uint32Array = new Uint32Array(WORDS)) {
    this.#bits = bits;
  }

  /** Of a table of unicode-tables.ts: alternating, code points to skip and code points in the set, in base 36. */
  static parse(table: string): CodePointSet {
    const set = new CodePointSet();
    let position = 0;
    table.split(" ").forEach((number, index) => {
      const end = position + Number.parseInt(number, 36);
      if (index % 2 === 1) set.addRange(position, end - 1);
      position = end;
    });
    return set;
  }

  has(point: number): boolean {
    return ((this.#bits[point >>> 5]! >>> (point & 31)) & 1) === 1;
  }

  /** Both ends belong to the range. */
  addRange(first: number, last: number): void {
    for (let point = first; point <= last; ) {
      if ((point & 31) === 0 && point + 31 <= last) {
        this.#bits[point >>> 5] = 0xffffffff;
        point += 32;
      } else {
        this.#bits[point >>> 5]! |= 1 << (point & 31);
        point++;
      }
    }
  }

  addAll(other: CodePointSet): void {
    for (let i = 0; i < WORDS; i++) this.#bits[i]! |= other.#bits[i]!;
  }

  intersection(other: CodePointSet): CodePointSet {
    return new CodePointSet(this.#bits.map((bits, index) => bits & other.#bits[index]!));
  }

  /** To be taken of a set that no longer changes. */
  complement(): CodePointSet {
    this.#complement ??= new CodePointSet(this.#bits.map((bits) => ~bits));
    return this.#complement;
  }
}

/** A table of values: code points to skip, code points with the value, the value; in base 36. */
export function parseValues(table: string): Uint8Array {
  const values = new Uint8Array(0x110000);
  const numbers = table.split(" ").map((number) => Number.parseInt(number, 36));
  let position = 0;
  for (let i = 0; i < numbers.length; i += 3) {
    position += numbers[i]!;
    values.fill(numbers[i + 2]!, position, position + numbers[i + 1]!);
    position += numbers[i + 1]!;
  }
  return values;
}
