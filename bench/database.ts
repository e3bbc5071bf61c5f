import { Client } from 'pg';

import { stoppable } from './interruption.js';

/** Lends a connection; an interruption breaks it in the middle of a statement. */
export async function withClient<T>(url: string, use: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: url });
  client.on('error', () => undefined);
  const end = (): void => void client.end().catch(() => undefined);
  return await stoppable(end, async () => {
    try {
      await client.connect();
      return await use(client);
    } finally {
      await client.end().catch(() => undefined);
    }
  });
}

/** Gives pieces of work to some connections, each as soon as it is free. */
export async function overConnections<T>(
  url: string,
  count: number,
  pieces: readonly T[],
  each: (client: Client, piece: T) => Promise<unknown>,
): Promise<void> {
  const queue = pieces.values();
  await Promise.all(
    Array.from({ length: Math.min(count, pieces.length) }, () =>
      withClient(url, async (client) => {
        for (const piece of queue) await each(client, piece);
      }),
    ),
  );
}

/** The server settings that decide what a fleet costs. */
const SETTINGS = [
  'server_version',
  'max_connections',
  'max_locks_per_transaction',
  'shared_buffers',
  'max_wal_size',
  'fsync',
  'synchronous_commit',
  'full_page_writes',
  'wal_level',
  'autovacuum',
  'jit',
  'shared_preload_libraries',
];

/** The values of settings, as `SHOW` prints them. */
export async function readSettings(url: string): Promise<Record<string, string>> {
  return await withClient(url, async (client) => {
    const { rows } = await client.query<{ name: string; value: string }>(
      'SELECT name, current_setting(name) AS value FROM unnest($1::text[]) AS name',
      [SETTINGS],
    );
    return Object.fromEntries(rows.map(({ name, value }) => [name, value]));
  });
}

/** Median round-trip time of a connection, in ms: of a statement that does nothing. */
export async function roundTripTime(url: string): Promise<number> {
  return await withClient(url, async (client) => {
    const times: number[] = [];
    for (let n = 0; n < 50; n += 1) {
      const begun = performance.now();
      await client.query('SELECT 1');
      times.push(performance.now() - begun);
    }
    return times.sort((a, b) => a - b)[25] ?? NaN;
  });
}
