/** One curve of a run as typed arrays: 24 bytes a point, outside of JavaScript's heap. */
export class Series {
  readonly split: string;
  readonly metric: string;
  readonly dataset: string | null;
  length = 0;
  /** NaN where a record belongs to no step. */
  step: Float64Array;
  /** Milliseconds since 1970. */
  time: Float64Array;
  value: Float64Array;
  #order: { readonly axis: "step" | "time"; readonly length: number; readonly indices: Uint32Array | null } | undefined;

  constructor(split: string, metric: string, dataset: string | null) {
    this.split = split;
    this.metric = metric;
    this.dataset = dataset;
    this.step = new Float64Array(16);
    this.time = new Float64Array(16);
    this.value = new Float64Array(16);
  }

  push(step: number, time: number, value: number): void {
    if (this.length === this.value.length) this.#grow();
    const at = this.length++;
    this.step[at] = step;
    this.time[at] = time;
    this.value[at] = value;
  }

  get last(): { readonly step: number | null; readonly value: number } {
    const step = this.step[this.length - 1] ?? Number.NaN;
    return { step: Number.isNaN(step) ? null : step, value: this.value[this.length - 1] ?? Number.NaN };
  }

  /**
   * The points that lie on an axis in ascending order, as indices; null where that is the order in which they are, as in every file of ours.
   */
  order(axis: "step" | "time"): Uint32Array | null {
    if (this.#order?.axis === axis && this.#order.length === this.length) return this.#order.indices;
    const x = axis === "step" ? this.step : this.time;
    let isAscending = true;
    for (let i = 0; i < this.length && isAscending; i++) {
      const here = x[i] as number;
      isAscending = !Number.isNaN(here) && (i === 0 || here >= (x[i - 1] as number));
    }
    let indices: Uint32Array | null = null;
    if (!isAscending) {
      const valid: number[] = [];
      for (let i = 0; i < this.length; i++) if (!Number.isNaN(x[i] as number)) valid.push(i);
      indices = Uint32Array.from(valid).sort((a, b) => (x[a] as number) - (x[b] as number) || a - b);
    }
    this.#order = { axis, length: this.length, indices };
    return indices;
  }

  #grow(): void {
    // By half, so that at most a third of the memory is unused.
    const capacity = Math.ceil(this.value.length * 1.5);
    for (const name of ["step", "time", "value"] as const) {
      const grown = new Float64Array(capacity);
      grown.set(this[name]);
      this[name] = grown;
    }
  }
}
