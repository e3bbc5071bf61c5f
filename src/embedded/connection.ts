import { realpath } from 'node:fs/promises';

import { Client, escapeIdentifier } from 'pg';

import { USER } from './initialize.js';

/** What opens the embedded server. */
export type Login = { host: string; user: string; password: string };

/** The login of the superuser. */
export function loginWith(password: string): Login {
  return { host: '127.0.0.1', user: USER, password };
}

/** ms after which a refused password is more than the passing answer of another program on the port. */
const REFUSED_FOR = 1_500;

/**
 * Returns a function to be called until a server answers: `ours` accepts the password and works on this data directory,
 * `refused` is one that has not accepted it for a while, `waiting` anything that may still change.
 */
export function awaitAnswer(login: Login, data: string): (port: number) => Promise<'ours' | 'refused' | 'waiting'> {
  let refusedSince: number | undefined;
  return async (port) => {
    const answer = await probe({ ...login, port }, data);
    if (answer === 'ours') return 'ours';
    refusedSince = answer === 'foreign' ? (refusedSince ?? Date.now()) : undefined;
    return refusedSince !== undefined && Date.now() - refusedSince > REFUSED_FOR ? 'refused' : 'waiting';
  };
}

/** Creates the database unless it is there. */
export async function ensureDatabase(login: Login & { port: number }, name: string): Promise<void> {
  await withClient(login, 'postgres', async (client) => {
    const found = await client.query('SELECT 1 FROM pg_catalog.pg_database WHERE datname OPERATOR(pg_catalog.=) $1', [
      name,
    ]);
    if (found.rowCount === 0) await client.query(`CREATE DATABASE ${escapeIdentifier(name)}`);
  });
}

/** Who answers on the port: our server, any other, or none (yet). */
async function probe(login: Login & { port: number }, data: string): Promise<'ours' | 'foreign' | 'silent'> {
  try {
    const { rows } = await withClient(login, 'postgres', (client) =>
      client.query<{ data: string }>(`SELECT pg_catalog.current_setting('data_directory') AS data`),
    );
    const found = rows[0]?.data ?? '';
    return (await realpath(found)) === (await realpath(data)) ? 'ours' : 'foreign';
  } catch (error) {
    return isRefusedPassword(error) ? 'foreign' : 'silent';
  }
}

async function withClient<T>(
  login: Login & { port: number },
  database: string,
  action: (client: Client) => Promise<T>,
): Promise<T> {
  const client = new Client({ ...login, database, ssl: false, connectionTimeoutMillis: 5_000 });
  client.on('error', () => undefined);
  try {
    await client.connect();
    return await action(client);
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** 28P01 invalid_password, 28000 invalid_authorization_specification. */
function isRefusedPassword(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === '28P01' || error.code === '28000');
}
