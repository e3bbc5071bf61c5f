import { type Client, type Connection, Query, type QueryConfig, type QueryResult } from 'pg';
// See batch.ts: the package's own entry for ES modules cannot be loaded everywhere.
import { serialize } from 'pg-protocol/dist/serializer.js';

import { type Backend, noteBackend } from './backend/identity.js';
import { announcedPid } from './pg-internals.js';
import { noteFirstAnswer, SERVER_FACTS, type ServerAnswer } from './server.js';

/**
 * Unqualified names in SQL mean what the session's search path finds, functions and operators included, and one with argument
 * types that fit better wins over PostgreSQL's own (CVE-2018-1058). With an empty path nothing but `pg_catalog` is searched.
 * And where row-level security would hide rows from us, the server raises an error: with fewer rows we would decide wrongly.
 */
export const EMPTY_SETTINGS: readonly (readonly [name: string, value: string])[] = [
  ['search_path', ''],
  ['row_security', 'off'],
];

/** The settings as expressions to be selected, for the transaction that is open. */
export const EMPTY_FOR_TRANSACTION = settings(true);
/** The same for the session. */
export const EMPTY_FOR_SESSION = settings(false);

/** What belongs to the user finds the rows that policies let it find, as elsewhere. The path is the caller's to set. */
export const USERS_ROW_SECURITY = 'SET LOCAL row_security TO DEFAULT';

/** Sessions that keep the settings. */
const settled = new WeakSet<Client>();

/**
 * Empties the search path of a new connection with the first statement that is sent on it.
 *
 * Behind a pooler the settings would reach others, and whether there is one is seen by the process number. Then each of our
 * queries brings them along, in a transaction of its own, until `emptyOwnSearchPath` says that the session is not shared.
 */
export async function emptySearchPath(client: Client): Promise<void> {
  const { rows } = await client.query<ServerAnswer & Backend & { set: string | null }>(
    `SELECT CASE WHEN pg_catalog.pg_backend_pid() OPERATOR(pg_catalog.=) ${Number(announcedPid(client) ?? 0)}
       THEN pg_catalog.concat(${EMPTY_FOR_SESSION}) END AS set, ${SERVER_FACTS}`,
  );
  const [row] = rows;
  if (row === undefined) throw new Error('A SELECT without FROM has one row.');
  const { pid, startedAt, serverStartedAt } = row;
  noteFirstAnswer(client, row);
  noteBackend(client, { pid, startedAt, serverStartedAt, direct: row.set !== null });
  if (row.set === null) bringSettingsAlong(client);
  else settled.add(client);
}

/** Empties the search path of a session that is known to be ours alone; also after a `DISCARD ALL`. */
export async function emptyOwnSearchPath(client: Client): Promise<void> {
  await client.query(EMPTY_SETTINGS.map(([name, value]) => `SET ${name} TO '${value}'`).join('; '));
  settled.add(client);
}

function settings(local: boolean): string {
  return EMPTY_SETTINGS.map(([name, value]) => `pg_catalog.set_config('${name}', '${value}', ${local})`).join(', ');
}

/** What begins or ends a transaction, or is sent inside one, passes as it is; so does what is not a query by text. */
function bringSettingsAlong(client: Client): void {
  const plain = client.query.bind(client) as (...args: unknown[]) => unknown;
  const query = (text: unknown, values?: unknown): unknown => {
    if (settled.has(client) || typeof text !== 'string' || !/^\s*(?:SELECT|WITH)\b/.test(text)) {
      return plain(text, values);
    }
    return new Promise<QueryResult>((resolve, reject) => {
      const done = (error: Error | null, result: QueryResult): void =>
        error === null ? resolve(result) : reject(error);
      plain(new QueryWithSettings(client, { text, values: (values ?? []) as unknown[] }, done));
    });
  };
  client.query = query as Client['query'];
}

type Wire = { stream: { write(data: Buffer): void } };

/** The parts of node-postgres's query that its type package leaves out. */
type QueryInside = Omit<Query, 'submit'> & {
  submit(connection: Connection): Error | null;
  handleDataRow(message: unknown): void;
  handleCommandComplete(message: unknown, connection: Connection): void;
};
const PlainQuery = Query as unknown as new (
  config: QueryConfig & { queryMode: 'extended' },
  done: (error: Error | null, result: QueryResult) => void,
) => QueryInside;

const PREFIX = Buffer.concat([
  serialize.parse({ text: `SELECT ${EMPTY_FOR_TRANSACTION}` }),
  serialize.bind({}),
  serialize.execute(),
]);

/** Up to the next Sync everything is one transaction (PostgreSQL's "Message Flow"), also for a pooler in statement mode. */
class QueryWithSettings extends PlainQuery {
  readonly #client: Client;
  /** The answer to the settings is still to come. */
  #ahead = false;

  constructor(client: Client, config: QueryConfig, done: (error: Error | null, result: QueryResult) => void) {
    super({ ...config, queryMode: 'extended' }, done);
    this.#client = client;
  }

  override submit(connection: Connection): Error | null {
    this.#ahead = this.#client.getTransactionStatus() === 'I';
    if (this.#ahead) (connection as unknown as Wire).stream.write(PREFIX);
    return super.submit(connection);
  }

  override handleDataRow(message: unknown): void {
    if (!this.#ahead) super.handleDataRow(message);
  }

  override handleCommandComplete(message: unknown, connection: Connection): void {
    if (this.#ahead) this.#ahead = false;
    else super.handleCommandComplete(message, connection);
  }
}
