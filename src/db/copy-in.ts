import { once } from 'node:events';
import type { Writable } from 'node:stream';

import type { Client, Connection } from 'pg';

import { type Wire, wireOf } from './pg-internals.js';

/**
 * Runs a `COPY … FROM stdin` and feeds it, no faster than the server reads.
 *
 * @param data the rows in the format that the statement announces, in pieces of any size. When reading them fails, the
 *   statement is made to fail with it.
 * @throws what the server answers, or what `data` threw.
 */
export function copyIn(client: Client, text: string, data: AsyncIterable<Buffer>): Promise<void> {
  return new Promise((resolve, reject) => {
    client.query(
      new CopyIn(text, data, (error) => {
        if (error === undefined) resolve();
        else reject(error);
      }),
    );
  });
}

/** A node-postgres Submittable, like the batch. After an error the server drops what is still sent (protocol, "COPY"). */
class CopyIn {
  /** Node-postgres fills in a callback of its own where there is none. */
  readonly callback = (): void => {};
  readonly #text: string;
  readonly #data: AsyncIterable<Buffer>;
  readonly #done: (error?: unknown) => void;
  #failed = false;
  #sourceError: unknown;

  constructor(text: string, data: AsyncIterable<Buffer>, done: (error?: unknown) => void) {
    this.#text = text;
    this.#data = data;
    this.#done = done;
  }

  submit(connection: Connection): Error | null {
    wireOf(connection).query(this.#text);
    return null;
  }

  handleCopyInResponse(connection: Connection): void {
    void this.#feed(wireOf(connection));
  }

  handleRowDescription(): void {}
  handleDataRow(): void {}
  handleParseComplete(): void {}
  handleCopyData(): void {}
  handlePortalSuspended(): void {}
  handleCommandComplete(): void {}
  handleEmptyQuery(): void {}

  handleError(error: Error): void {
    if (this.#failed) return;
    this.#failed = true;
    this.#done(this.#sourceError ?? error);
  }

  handleReadyForQuery(): void {
    if (!this.#failed) this.#done();
  }

  async #feed(wire: Wire): Promise<void> {
    try {
      for await (const chunk of this.#data) {
        if (this.#failed) return;
        wire.sendCopyFromChunk(chunk);
        if (wire.stream.writableNeedDrain) await roomIn(wire.stream);
      }
      if (!this.#failed) wire.endCopyFrom();
    } catch (error) {
      this.#sourceError = error;
      if (!this.#failed) wire.sendCopyFail('the source of the rows failed');
    }
  }
}

/** Waits until a stream takes more, or has ended: whoever writes next learns that. */
async function roomIn(stream: Writable): Promise<void> {
  const waiting = new AbortController();
  const { signal } = waiting;
  try {
    await Promise.race([once(stream, 'drain', { signal }), once(stream, 'close', { signal })]);
  } catch {
    // `once` rejects when the stream fails; the query hears of that by itself.
  } finally {
    waiting.abort();
  }
}
