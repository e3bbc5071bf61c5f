import type { TenantAssignment } from '../../engine/types.js';

/** Takes work in chunks from one queue, in its order, however many ask at once. */
export class Chunks {
  readonly #queue: AsyncIterator<TenantAssignment>;
  readonly #size: number;
  #last: Promise<unknown> = Promise.resolve();
  #ended = false;

  constructor(work: AsyncIterable<TenantAssignment>, size: number) {
    this.#queue = work[Symbol.asyncIterator]();
    this.#size = size;
  }

  /** The next tenants; none when there are no more. Rejects when the queue does. */
  take(): Promise<TenantAssignment[]> {
    const taken = this.#last.then(() => this.#fill());
    this.#last = taken.catch(() => {});
    return taken;
  }

  /** Nothing more is taken. */
  end(): void {
    this.#ended = true;
  }

  async #fill(): Promise<TenantAssignment[]> {
    const chunk: TenantAssignment[] = [];
    while (!this.#ended && chunk.length < this.#size) {
      const next = await this.#queue.next();
      if (next.done === true) this.#ended = true;
      else chunk.push(next.value);
    }
    return chunk;
  }
}
