import { Client, escapeIdentifier, type ClientConfig, type QueryResult, type QueryResultRow } from 'pg';
import { afterAll, afterEach, beforeAll, inject } from 'vitest';

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
 */
export async function createTestDatabase(options: { name?: string; server?: string } = {}): Promise<TestDatabase> {
  count += 1;
  const unique = `${inject('runPrefix')}${process.pid}_${count}`;
  const name = options.name === undefined ? unique : `${unique}_${options.name}`;
  const quoted = escapeIdentifier(name);
  const admin = options.server ?? inject('adminUrl');
  const template = options.server === undefined ? inject('templateDatabase') : 'template1';
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
    drop: async () => {
      dropped ??= closeAll().then(() =>
        onAdminConnection(admin, (client) => client.query(`DROP DATABASE IF EXISTS ${quoted} WITH (FORCE)`)),
      );
      await dropped;
    },
  };
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
 * A database for all tests of the file (or of the `describe` it is called in), dropped after them. On an external server
 * the database of a failed test stays, and its name is printed.
 */
export function useDatabase(options: { name?: string } = {}): TestDatabase {
  let database: TestDatabase | undefined;
  let failed = false;
  const current = (): TestDatabase => {
    if (database === undefined) throw new Error('The database exists from beforeAll on, inside tests and hooks only.');
    return database;
  };
  beforeAll(async () => {
    database = await createTestDatabase(options);
  });
  afterEach(({ task }) => {
    failed ||= task.result?.state === 'fail';
  });
  afterAll(async () => {
    if (database === undefined) return;
    if (failed && inject('externalServer')) await keep(database);
    else await database.drop();
  });
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

function clientsOf(url: string) {
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
