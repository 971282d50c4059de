/**
 * A sum whose rounding error is carried along (Neumaier 1974): as good as one in twice the precision. Values are added
 * one by one in the order they come in, so that the result does not depend on how they were batched.
 */
export class CompensatedSum {
  #sum = 0;
  #error = 0;

  add(value: number): void {
    const sum = this.#sum + value;
    this.#error += Math.abs(this.#sum) >= Math.abs(value) ? this.#sum - sum + value : value - sum + this.#sum;
    this.#sum = sum;
  }

  get value(): number {
    return this.#sum + this.#error;
  }
}
