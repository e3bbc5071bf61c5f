import { createHash } from 'node:crypto';

import { Client, escapeIdentifier, type ClientConfig, type QueryResult, type QueryResultRow } from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, inject } from 'vitest';

import { urlOfDatabase, withAdmin } from './admin.js';

/** A database of one test file, empty at first. */
export type TestDatabase = {
  /** With the password. */
  url: string;
  config: ClientConfig;
  name: string;
  /** A connected client; it is closed when the database is dropped. */
  client(): Promise<Client>;
  /** One statement on a connection that the database keeps for this purpose. */
  query<R extends QueryResultRow = QueryResultRow>(sql: string, values?: unknown[]): Promise<QueryResult<R>>;
  /** Closes all clients and drops the database; a second call does nothing. */
  drop(): Promise<void>;
};

let count = 0;

/**
 * Clones the template under a name that no other test of this or another invocation uses.
 *
 * @param options.name a label that becomes the end of the name
 * @param options.server URL of another server than that of all tests, on which the database is made empty
 * @param options.template the database to copy, from `prepareDatabase`; default is an empty one
 * @returns also what closes all of its clients
 */
export async function createTestDatabase(
  options: { name?: string; server?: string; template?: string } = {},
): Promise<TestDatabase & { close(): Promise<void> }> {
  count += 1;
  const unique = `${inject('runPrefix')}${process.pid}_${count}`;
  const name = options.name === undefined ? unique : `${unique}_${options.name}`;
  const quoted = escapeIdentifier(name);
  const admin = options.server ?? inject('adminUrl');
  const template = options.template ?? (options.server === undefined ? inject('templateDatabase') : 'template1');
  await onAdminConnection(admin, async (client) => {
    await client.query(
      `CREATE DATABASE ${quoted} TEMPLATE ${escapeIdentifier(template)} ${await copyingFiles(client)}`,
    );
  });
  const { client, query, closeAll } = clientsOf(urlOfDatabase(admin, name));
  let dropped: Promise<unknown> | undefined;
  return {
    url: urlOfDatabase(admin, name),
    config: configOf(admin, name),
    name,
    client,
    query,
    close: closeAll,
    drop: async () => {
      dropped ??= closeAll().then(() =>
        onAdminConnection(admin, (client) => client.query(`DROP DATABASE IF EXISTS ${quoted} WITH (FORCE)`)),
      );
      await dropped;
    },
  };
}

const prepared = new Map<string, Promise<string>>();

/**
 * A database to copy, which all test files of this invocation share: whoever asks for a key first makes it. Returns its
 * name, for `createTestDatabase`.
 */
export function prepareDatabase(key: string, prepare: (database: TestDatabase) => Promise<void>): Promise<string> {
  const found = prepared.get(key) ?? prepareOnce(key, prepare);
  prepared.set(key, found);
  return found;
}

async function prepareOnce(key: string, prepare: (database: TestDatabase) => Promise<void>): Promise<string> {
  const admin = inject('adminUrl');
  const name = `${inject('runPrefix')}${createHash('sha256').update(key).digest('hex').slice(0, 20)}`;
  // Another process may be making it: its lock is held until the database is there.
  await withAdmin(admin, async (client) => {
    await client.query('SELECT pg_advisory_lock(hashtextextended($1, 0))', [name]);
    const { rowCount } = await client.query('SELECT FROM pg_database WHERE datname = $1', [name]);
    if (rowCount !== 0) return;
    const database = await createTestDatabase();
    await prepare(database);
    await database.close();
    await client.query(`ALTER DATABASE ${escapeIdentifier(database.name)} RENAME TO ${escapeIdentifier(name)}`);
  });
  return name;
}

/** One connection for all databases of this process: each statement is worth less than to connect. */
let adminConnection: Promise<Client> | undefined;

async function onAdminConnection(url: string, action: (client: Client) => Promise<unknown>): Promise<void> {
  if (url !== inject('adminUrl')) return void (await withAdmin(url, action));
  adminConnection ??= (async () => {
    const client = new Client({ connectionString: url });
    client.on('error', () => (adminConnection = undefined));
    await client.connect();
    // It does not keep the process from ending.
    (client as Client & { unref(): void }).unref();
    return client;
  })();
  await action(await adminConnection);
}

/** A third of the time of the other strategy, and the only one before PostgreSQL 15. */
async function copyingFiles(client: Client): Promise<string> {
  const { rows } = await client.query<{ old: boolean }>(
    `SELECT current_setting('server_version_num')::int < 150000 AS old`,
  );
  return rows[0]?.old === true ? '' : 'STRATEGY file_copy';
}

/**
 * A database for all tests of the file (or of the `describe` it is called in), dropped after them; with `each`, one for each
 * test, dropped after it. On an external server the database of a failed test stays, and its name is printed.
 *
 * @param options.template name of the database to copy
 */
export function useDatabase(
  options: { name?: string; each?: boolean; template?: () => Promise<string> } = {},
): TestDatabase {
  let database: TestDatabase | undefined;
  let failed = false;
  const current = (): TestDatabase => {
    if (database === undefined) throw new Error('The database exists inside tests and hooks only.');
    return database;
  };
  const create = async (): Promise<void> => {
    const template = await options.template?.();
    database = await createTestDatabase({
      ...(options.name === undefined ? {} : { name: options.name }),
      ...(template === undefined ? {} : { template }),
    });
  };
  const drop = async (): Promise<void> => {
    if (failed && inject('externalServer')) await keep(current());
    else await database?.drop();
    failed = false;
  };
  if (options.each === true) {
    beforeEach(create);
    afterEach(({ task }) => {
      failed = task.result?.state === 'fail';
      return drop();
    });
  } else {
    beforeAll(create);
    afterEach(({ task }) => void (failed ||= task.result?.state === 'fail'));
    afterAll(drop);
  }
  return {
    get url() {
      return current().url;
    },
    get config() {
      return current().config;
    },
    get name() {
      return current().name;
    },
    client: () => current().client(),
    query: (sql, values) => current().query(sql, values),
    drop: () => current().drop(),
  };
}

function configOf(url: string, database: string): ClientConfig {
  const { hostname, port, username, password } = new URL(url);
  return {
    host: hostname,
    port: Number(port === '' ? '5432' : port),
    user: decodeURIComponent(username),
    password: decodeURIComponent(password),
    database,
  };
}

/** Connections to one database, and a statement on one that is kept for this purpose. */
export function clientsOf(url: string) {
  const clients: Client[] = [];
  const client = async (): Promise<Client> => {
    const made = new Client({ connectionString: url });
    // Tests end backends on purpose; an unheard error event would end the test process.
    made.on('error', () => undefined);
    clients.push(made);
    await made.connect();
    return made;
  };
  let shared: Promise<Client> | undefined;
  const query: TestDatabase['query'] = async (sql, values) => (await (shared ??= client())).query(sql, values);
  const closeAll = async (): Promise<void> => {
    await Promise.all(clients.map((each) => each.end().catch(() => undefined)));
  };
  return { client, query, closeAll };
}

async function keep(database: TestDatabase): Promise<void> {
  await database.query(`COMMENT ON DATABASE ${escapeIdentifier(database.name)} IS 'kept'`);
  console.warn(`A test failed; its database stays: ${database.name}`);
}
