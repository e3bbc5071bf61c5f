import type { QueryConfig } from 'pg';

/** A text and its values as a plain object. Cursors, streams and other objects that are queries themselves are not. */
export function isPlainQuery(value: unknown): value is QueryConfig & { rowMode?: unknown } {
  if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Object.prototype) return false;
  return 'text' in value && typeof value.text === 'string';
}

/** The queries of a lent client that are being answered: user code may not have waited for all of them. */
export class RunningQueries {
  readonly #running = new Set<Promise<unknown>>();

  /** Whether a query is being answered at this moment. */
  get busy(): boolean {
    return this.#running.size > 0;
  }

  add<T>(answer: Promise<T>): Promise<T> {
    this.#running.add(answer);
    // A failure reaches the code that waits for the answer; if none does, it must not end the process.
    answer.catch(() => undefined).finally(() => this.#running.delete(answer));
    return answer;
  }

  /** Waits for all of them, and throws the error of one that failed. */
  async settled(): Promise<void> {
    while (this.busy) await Promise.all(this.#running);
  }

  /** Waits for all of them, failed or not. */
  async ended(): Promise<void> {
    while (this.busy) await Promise.allSettled(this.#running);
  }
}
