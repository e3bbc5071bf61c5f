import type { TenantResult } from '../engine/types.js';

/** Results in the order in which they come, for one reader. */
export class ResultQueue implements AsyncIterable<TenantResult> {
  readonly #ready: TenantResult[] = [];
  #wake: (() => void) | undefined;
  #failure: { error: unknown } | undefined;
  #ended = false;

  push(result: TenantResult): void {
    this.#ready.push(result);
    this.#wake?.();
  }

  /** The first failure is thrown to the reader once everything has ended. */
  fail(error: unknown): void {
    this.#failure ??= { error };
  }

  end(): void {
    this.#ended = true;
    this.#wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<TenantResult> {
    for (;;) {
      const result = this.#ready.shift();
      if (result !== undefined) {
        yield result;
        continue;
      }
      if (this.#ended) break;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    if (this.#failure !== undefined) throw this.#failure.error;
  }
}
