import type { Client, Connection } from 'pg';

import { isServerError } from '../errors/index.js';

/** One statement of a batch, with its parameters. */
export type BatchItem = { text: string; values?: readonly (string | number | boolean | null)[] };

/** The server's answer to one statement: its command tag, such as `COMMIT` or `INSERT 0 1`, and its rows as text. */
export type BatchAnswer = { command: string; rows: (string | null)[][] };

/** A batch that the server refused at one statement. Nothing after that statement was carried out. */
export class BatchError extends Error {
  override readonly name = 'BatchError';
  /** Position of the statement that failed; the statements before it were carried out. */
  readonly index: number;
  override readonly cause: Error;

  constructor(index: number, cause: Error) {
    super(cause.message, { cause });
    this.index = index;
    this.cause = cause;
  }
}

/**
 * Sends statements in one round trip and waits for all answers.
 *
 * The statements travel as extended-protocol messages with a single Sync at the end. After an error the server skips
 * everything up to that Sync, so nothing that follows a failed statement is carried out, not even a `COMMIT`, and not
 * even when the failed one is the `BEGIN` itself. (One Sync per statement, as in node-postgres's pipeline mode, would
 * carry on outside a transaction there.) Source: PostgreSQL's "Message Flow", section "Extended Query".
 *
 * Each text must be a single statement. The client must not be in pipeline mode.
 *
 * @throws BatchError when the server refuses a statement or the connection breaks; `cause` is the original error. A
 *   break after the last statement was answered counts as success.
 */
export function sendBatch(client: Client, items: readonly BatchItem[]): Promise<BatchAnswer[]> {
  if (items.length === 0) return Promise.resolve([]);
  return new Promise((resolve, reject) => {
    client.query(
      new Batch(items, (error, answers) => {
        if (error === null) resolve(answers);
        else reject(error);
      }),
    );
  });
}

type DataRow = { fields: (string | null)[] };
type CommandComplete = { text: string };
type Done = (error: BatchError | null, answers: BatchAnswer[]) => void;

/** A node-postgres Submittable: the documented way to put custom message flows on a connection. */
class Batch {
  /** Node-postgres fills in a callback of its own where there is none. */
  readonly callback = (): void => {};
  readonly #items: readonly BatchItem[];
  readonly #answers: BatchAnswer[] = [];
  #rows: (string | null)[][] = [];
  #done: Done | null;

  constructor(items: readonly BatchItem[], done: Done) {
    this.#items = items;
    this.#done = done;
  }

  submit(connection: Connection): Error | null {
    const wire = connection as unknown as Wire;
    wire.stream.cork();
    try {
      for (const { text, values } of this.#items) {
        wire.parse({ text, name: '', types: [] });
        wire.bind({ values: (values ?? []).map((value) => (value === null ? null : String(value))) });
        wire.execute({});
      }
      wire.sync();
    } finally {
      wire.stream.uncork();
    }
    return null;
  }

  handleRowDescription(): void {}
  handleParseComplete(): void {}
  handleCopyData(): void {}

  handlePortalSuspended(): void {}

  handleDataRow(message: DataRow): void {
    this.#rows.push(message.fields);
  }

  handleCommandComplete(message: CommandComplete): void {
    this.#answers.push({ command: message.text, rows: this.#rows });
    this.#rows = [];
  }

  handleEmptyQuery(): void {
    this.handleCommandComplete({ text: '' });
  }

  handleCopyInResponse(connection: Connection): void {
    (connection as unknown as Wire).sendCopyFail('COPY FROM STDIN has no source here');
  }

  handleError(error: Error): void {
    if (!isServerError(error) && this.#answers.length === this.#items.length) this.#finish(null);
    else this.#finish(new BatchError(this.#answers.length, error));
  }

  handleReadyForQuery(): void {
    this.#finish(null);
  }

  #finish(error: BatchError | null): void {
    const done = this.#done;
    this.#done = null;
    done?.(error, this.#answers);
  }
}

/** The part of node-postgres's connection that speaks the extended protocol; its type package leaves it out. */
type Wire = {
  stream: { cork(): void; uncork(): void };
  parse(message: { text: string; name: string; types: number[] }): void;
  bind(message: { values: (string | null)[] }): void;
  execute(message: object): void;
  sync(): void;
  sendCopyFail(message: string): void;
};
