/**
 * Lets what runs side by side come out in order: `reach(position)` waits until all positions before it are done. Positions
 * count from 0 and each must be ended once by `done`.
 */
export class Turns {
  #next = 0;
  readonly #done = new Set<number>();
  readonly #waiting = new Map<number, () => void>();

  reach(position: number): Promise<void> {
    if (position <= this.#next) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.set(position, resolve));
  }

  done(position: number): void {
    this.#done.add(position);
    while (this.#done.delete(this.#next)) this.#next += 1;
    const resolve = this.#waiting.get(this.#next);
    this.#waiting.delete(this.#next);
    resolve?.();
  }
}
