import type { Client, Connection } from 'pg';
// The package's own entry for ES modules is not one for Node.js before 20.19, nor under Yarn PnP: a `.js` file without a "type".
import { serialize } from 'pg-protocol/dist/serializer.js';

import { isServerError } from '../errors/serialize.js';
import { connectionOf, wireOf } from './pg-internals.js';

/** One statement of a batch, with its parameters. */
export type BatchItem = {
  text: string;
  values?: readonly (string | number | boolean | null)[];
  /**
   * The server keeps it as a prepared statement of the session, found again by its text: what is sent for every tenant is
   * then looked at and planned once. The plan is made again whenever the search path is not that of the first time.
   */
  prepared?: boolean;
};

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

/** A statement that a session keeps; `ready` once the server is known to have it. */
type Kept = { name: string; ready: boolean };

/** What each session keeps, by text. */
const kept = new WeakMap<Connection, Map<string, Kept>>();

/** To be called when the server has forgotten a session's prepared statements, after a `DISCARD ALL` for instance. */
export function forgetPrepared(client: Client): void {
  const connection = connectionOf(client);
  if (connection === undefined) return;
  for (const one of kept.get(connection)?.values() ?? []) one.ready = false;
}

function keptBy(connection: Connection, text: string): Kept {
  const session = kept.get(connection) ?? new Map<string, Kept>();
  kept.set(connection, session);
  const one = session.get(text) ?? { name: `tenants:${session.size + 1}`, ready: false };
  session.set(text, one);
  return one;
}

/** A node-postgres Submittable: the documented way to put custom message flows on a connection. */
class Batch {
  /** Node-postgres fills in a callback of its own where there is none. */
  readonly callback = (): void => {};
  readonly #items: readonly BatchItem[];
  readonly #answers: BatchAnswer[] = [];
  /** The statements that are kept, each at the place of its item. */
  #kept: (Kept | undefined)[] = [];
  #rows: (string | null)[][] = [];
  #done: Done | null;

  constructor(items: readonly BatchItem[], done: Done) {
    this.#items = items;
    this.#done = done;
  }

  /** All messages are one buffer: to write many small ones costs more than everything else that is done here. */
  submit(connection: Connection): Error | null {
    const { stream } = wireOf(connection);
    this.#kept = this.#items.map(({ text, prepared }) => (prepared === true ? keptBy(connection, text) : undefined));
    const messages = this.#items.flatMap((item, index) => messagesOf(item, this.#kept[index]));
    if (stream.writable) stream.write(Buffer.concat([...messages, serialize.sync()]));
    return null;
  }

  handleRowDescription(): void {}
  handleCopyData(): void {}

  handlePortalSuspended(): void {}

  handleDataRow(message: DataRow): void {
    this.#rows.push(message.fields);
  }

  handleCommandComplete(message: CommandComplete): void {
    const statement = this.#kept[this.#answers.length];
    if (statement !== undefined) statement.ready = true;
    this.#answers.push({ command: message.text, rows: this.#rows });
    this.#rows = [];
  }

  handleEmptyQuery(): void {
    this.handleCommandComplete({ text: '' });
  }

  handleCopyInResponse(connection: Connection): void {
    wireOf(connection).sendCopyFail('COPY FROM STDIN has no source here');
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

/** Messages of what has no parameters. Much of a batch is the same for every tenant, and the same object then. */
const constants = new WeakMap<BatchItem, Buffer[]>();

function messagesOf(item: BatchItem, statement: Kept | undefined): Buffer[] {
  if (item.values !== undefined || statement !== undefined) return serialized(item, statement);
  const known = constants.get(item) ?? [Buffer.concat(serialized(item, undefined))];
  constants.set(item, known);
  return known;
}

function serialized({ text, values = [] }: BatchItem, statement: Kept | undefined): Buffer[] {
  const asText = values.map((value) => (value === null ? null : String(value)));
  const name = statement?.name ?? '';
  const run = [serialize.bind({ statement: name, values: asText }), serialize.execute()];
  if (statement === undefined) return [serialize.parse({ text }), ...run];
  if (statement.ready) return run;
  // An earlier batch may have failed right after the server had taken it in.
  return [serialize.close({ type: 'S', name }), serialize.parse({ text, name }), ...run];
}
