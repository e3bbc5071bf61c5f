import type { Client, Connection } from 'pg';

import { wireOf } from './pg-internals.js';

/**
 * Runs a `COPY … TO stdout` and hands over what the server sends, in pieces of any size.
 *
 * @param write takes a piece, at once; the first error that it throws is thrown at the end.
 * @throws what the server answers, or what `write` threw.
 */
export function copyOut(client: Client, text: string, write: (piece: Buffer) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    client.query(
      new CopyOut(text, write, (error) => {
        if (error === undefined) resolve();
        else reject(error);
      }),
    );
  });
}

/** A node-postgres Submittable, as in copy-in.ts. */
class CopyOut {
  /** Node-postgres fills in a callback of its own where there is none. */
  readonly callback = (): void => {};
  readonly #text: string;
  readonly #write: (piece: Buffer) => void;
  readonly #done: (error?: unknown) => void;
  #failure: { error: unknown } | undefined;

  constructor(text: string, write: (piece: Buffer) => void, done: (error?: unknown) => void) {
    this.#text = text;
    this.#write = write;
    this.#done = done;
  }

  submit(connection: Connection): Error | null {
    wireOf(connection).query(this.#text);
    return null;
  }

  handleCopyData({ chunk }: { chunk: Buffer }): void {
    if (this.#failure !== undefined) return;
    try {
      this.#write(chunk);
    } catch (error) {
      this.#failure = { error };
    }
  }

  handleRowDescription(): void {}
  handleDataRow(): void {}
  handleParseComplete(): void {}
  handlePortalSuspended(): void {}
  handleCommandComplete(): void {}
  handleEmptyQuery(): void {}

  handleError(error: Error): void {
    if (this.#failure?.error === error) return;
    const { error: first } = (this.#failure ??= { error });
    this.#done(first);
  }

  handleReadyForQuery(): void {
    if (this.#failure === undefined) this.#done();
    else this.#done(this.#failure.error);
  }
}
