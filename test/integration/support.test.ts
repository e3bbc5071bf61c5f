import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { connect } from 'node:net';

import { Client } from 'pg';
import { afterEach, describe, expect, it } from 'vitest';

import { createTestDatabase, useDatabase } from '../support/database.js';
import { createProject } from '../support/project.js';
import { countActivity, openProxy, type Proxy } from '../support/proxy.js';

const database = useDatabase();

describe('test databases', () => {
  it('are empty clones with names of their own', async () => {
    const other = await createTestDatabase({ name: 'Ärger "mit" Namen' });
    await other.query('CREATE TABLE only_here (id int)');
    const { rows } = await database.query(`SELECT to_regclass('only_here') AS found, current_database() AS name`);
    expect(rows).toEqual([{ found: null, name: database.name }]);
    expect(other.name).not.toBe(database.name);
    await other.drop();
    const left = await database.query('SELECT 1 FROM pg_database WHERE datname = $1', [other.name]);
    expect(left.rowCount).toBe(0);
    await other.drop();
  });

  it('can be opened by url and by config', async () => {
    for (const config of [database.config, { connectionString: database.url }]) {
      const client = new Client(config);
      await client.connect();
      const { rows } = await client.query('SELECT current_database() AS name');
      expect(rows).toEqual([{ name: database.name }]);
      await client.end();
    }
  });
});

describe('test projects', () => {
  it('hold the files they were created with until they are removed', async () => {
    const project = await createProject({ 'migrations/tenant/0001_a.sql': 'SELECT 1;' }, { name: 'mit Ümlaut' });
    expect(await readFile(project.path('migrations', 'tenant', '0001_a.sql'), 'utf8')).toBe('SELECT 1;');
    expect(await readFile(await project.write('x/y.json', '{}'), 'utf8')).toBe('{}');
    await project.remove();
    expect(existsSync(project.root)).toBe(false);
  });
});

describe('the counting proxy', () => {
  let proxy: Proxy | undefined;

  afterEach(async () => {
    await proxy?.close();
    proxy = undefined;
  });

  it('counts connections, statements and round trips', async () => {
    const { counts, result } = await countActivity(database, async ({ config }) => {
      const client = new Client(config);
      await client.connect();
      await client.query('SELECT 1');
      const { rows } = await client.query('SELECT $1::int AS n', [2]);
      await client.query('BEGIN; COMMIT');
      await client.end();
      return rows;
    });
    expect(result).toEqual([{ n: 2 }]);
    expect(counts).toMatchObject({ connections: 1, cancelRequests: 0, statements: 3, roundTrips: 3 });
    expect(counts.messages).toMatchObject({ Q: 2, P: 1, B: 1, E: 1, S: 1, X: 1 });
  });

  it('counts a pipeline as one round trip', async () => {
    proxy = await openProxy(database);
    const client = new Client({ connectionString: proxy.url, pipeline: true });
    await client.connect();
    proxy.reset();
    await Promise.all(Array.from({ length: 50 }, (_, n) => client.query('SELECT $1::int', [n])));
    expect(proxy.counts()).toMatchObject({ connections: 0, statements: 50, roundTrips: 1 });
    await client.end();
  });

  it('passes texts that are larger than a packet unchanged', async () => {
    proxy = await openProxy(database);
    const client = new Client(proxy.config);
    await client.connect();
    const text = 'ä'.repeat(1_000_000);
    const { rows } = await client.query('SELECT $1::text AS text', [text]);
    expect(rows).toEqual([{ text }]);
    await client.end();
  });

  it('cuts a connection before a message reaches the server', async () => {
    await database.query('CREATE TABLE cut_before (id int)');
    proxy = await openProxy(database);
    const client = new Client(proxy.config);
    client.on('error', () => undefined);
    await client.connect();
    proxy.cutAfter('Q', 2);
    await client.query('INSERT INTO cut_before VALUES (1)');
    await expect(client.query('INSERT INTO cut_before VALUES (2)')).rejects.toThrow(/terminated/);
    const { rows } = await database.query('SELECT id FROM cut_before');
    expect(rows).toEqual([{ id: 1 }]);
  });

  it('loses the answer to a COMMIT that the server has executed', async () => {
    await database.query('CREATE TABLE lost_answer (id int)');
    proxy = await openProxy(database);
    const client = new Client(proxy.config);
    client.on('error', () => undefined);
    await client.connect();
    proxy.cut({ when: (frame) => frame.sql === 'COMMIT', deliver: true });
    await client.query('BEGIN');
    await client.query('INSERT INTO lost_answer VALUES ($1)', [1]);
    await expect(client.query('COMMIT')).rejects.toThrow(/terminated/);
    await expect
      .poll(async () => (await database.query('SELECT id FROM lost_answer')).rows, { timeout: 5_000 })
      .toEqual([{ id: 1 }]);
  });

  it.each([
    ['now', []],
    ['before', []],
    ['after', [{ id: 1 }]],
  ] as const)('cuts a chosen connection and no other: %s', async (when, kept) => {
    await database.query('DROP TABLE IF EXISTS cut_chosen; CREATE TABLE cut_chosen (id int)');
    proxy = await openProxy(database);
    const clients = [new Client(proxy.config), new Client(proxy.config)] as const;
    for (const client of clients) {
      client.on('error', () => undefined);
      await client.connect();
    }
    proxy.cutOne((open) => open - 1, when);
    await expect(clients[1].query('INSERT INTO cut_chosen VALUES (1)')).rejects.toThrow(/terminated|not queryable/);
    await expect
      .poll(async () => (await database.query('SELECT id FROM cut_chosen')).rows, { timeout: 5_000 })
      .toEqual(kept);
    expect((await clients[0].query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
    await clients[0].end();
  });

  it('cuts a chosen connection that stays silent', async () => {
    proxy = await openProxy(database);
    const client = new Client(proxy.config);
    const ended = new Promise((resolve) => client.once('error', resolve));
    await client.connect();
    proxy.cutOne(() => 0, 'before');
    expect(await ended).toMatchObject({ message: expect.stringMatching(/terminated/) as string });
  });

  it('delays what is sent to the server', async () => {
    proxy = await openProxy(database);
    const client = new Client(proxy.config);
    await client.connect();
    proxy.setLatency(60);
    const start = performance.now();
    await client.query('SELECT 1');
    expect(performance.now() - start).toBeGreaterThanOrEqual(59);
    await client.end();
  });

  it('tells cancel requests from connections', async () => {
    proxy = await openProxy(database);
    const client = new Client(proxy.config);
    await client.connect();
    const sleeping = client.query('SELECT pg_sleep(20)');
    sleeping.catch(() => undefined);
    await expect
      .poll(
        async () =>
          (await database.query(`SELECT 1 FROM pg_stat_activity WHERE query ~ '^SELECT pg_sleep' AND state = 'active'`))
            .rowCount,
      )
      .toBe(1);
    const request = Buffer.alloc(16);
    [16, 80877102, Reflect.get(client, 'processID'), Reflect.get(client, 'secretKey')].forEach((value, index) =>
      request.writeInt32BE(value, index * 4),
    );
    connect(proxy.config.port ?? 0, '127.0.0.1').end(request);
    await expect(sleeping).rejects.toThrow(/canceling statement/);
    expect(proxy.counts()).toMatchObject({ connections: 1, cancelRequests: 1 });
    await client.end();
  });
});
