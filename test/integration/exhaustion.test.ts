import { execFile } from 'node:child_process';
import { chown, mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { Client } from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import { status } from '../../src/fleet/status.js';
import { createTenant } from '../../src/lifecycle/create-tenant.js';
import { exitCodeOf } from '../../src/run/report.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { type DebianPostgres, findPostgres, startPostgres } from '../support/debian-postgres.js';
import { createFleet, type TestFleet } from '../support/fleet.js';
import { openProxy } from '../support/proxy.js';

const bin = findPostgres();
if (bin === undefined) console.warn('No PostgreSQL of the operating system: tests with a small server are SKIPPED.');

/** Databases of the small server, each with its own fleet. */
describe.skipIf(bin === undefined)('a small server', () => {
  let server: DebianPostgres;
  let admin: Client;
  let fleet: TestFleet | undefined;
  let count = 0;

  beforeAll(async () => {
    server = await startPostgres(bin ?? '', {
      max_connections: '12',
      superuser_reserved_connections: '3',
      max_locks_per_transaction: '10',
      max_wal_senders: '0',
      autovacuum: 'off',
    });
    admin = new Client(server.config);
    admin.on('error', () => undefined);
    await admin.connect();
    await admin.query(`CREATE ROLE app LOGIN PASSWORD 'x'`);
  }, 60_000);
  afterAll(async () => {
    await admin.end();
    await server.stop();
  });
  afterEach(async () => {
    await fleet?.remove();
    fleet = undefined;
  });

  /** A fleet that belongs to the user `app`, who has no reserved connections. */
  async function smallFleet(tenants: number): Promise<TestFleet> {
    count += 1;
    const name = `small_${count}`;
    await admin.query(`CREATE DATABASE ${name} OWNER app`);
    const config = { ...server.config, user: 'app', password: 'x', database: name };
    const url = `postgres://app:x@127.0.0.1:${String(config.port)}/${name}`;
    const query: TestDatabase['query'] = async (sql, values) => {
      const client = new Client({ ...server.config, database: name });
      await client.connect();
      try {
        return await client.query(sql, values);
      } finally {
        await client.end();
      }
    };
    const made = await createFleet({
      name,
      url,
      config,
      query,
      client: () => Promise.reject(new Error('unused')),
      drop: () => Promise.resolve(),
    });
    fleet = made;
    await made.migrate({ selection: { kind: 'shared' } });
    const names = Array.from({ length: tenants }, (_, index) => `t${String(index).padStart(2, '0')}`);
    for (const schema of names) await createTenant(await made.project(), { schema });
    return made;
  }

  /** Takes connections from the others, as many as there are at most, and returns what gives them back. */
  async function occupy(connections: number): Promise<() => Promise<void>> {
    const clients: Client[] = [];
    for (let left = connections; left > 0; left -= 1) {
      const client = new Client({ ...server.config, user: 'app', password: 'x' });
      client.on('error', () => undefined);
      const refused = await client.connect().then(
        () => false,
        () => true,
      );
      if (refused) break;
      clients.push(client);
    }
    return async () => {
      for (const client of clients) await client.end();
    };
  }

  it('with too few connections for the lanes: fewer are used, and it says so', async () => {
    const small = await smallFleet(8);
    await small.tenantMigration('0002_two.sql', 'SELECT pg_sleep(0.02); CREATE TABLE two (id int);');
    const release = await occupy(5);
    const report = await small.migrate({}, { concurrency: 6, canary: 0 });
    await release();
    expect(report.tenants).toMatchObject({ applied: 8, failed: 0 });
    expect(report.concurrency).toBeLessThan(3);
    expect(report.warnings).toContainEqual(expect.stringContaining('free connection'));
  });

  it('whose connections are taken in the middle: waits for one, or leaves the rest for another run', async () => {
    const small = await smallFleet(10);
    await small.tenantMigration('0002_two.sql', 'SELECT pg_sleep(0.02); CREATE TABLE two (id int);');
    let release: Promise<() => Promise<void>> | undefined;
    const report = await small.migrate(
      {
        onEvent: (event) => void (event.type === 'phase' && event.phase === 'tenants' && (release ??= occupy(8))),
      },
      { concurrency: 3, canary: 0, retries: 1 },
    );
    const { applied, failed, notExecuted } = report.tenants;
    expect(applied + failed + notExecuted).toBe(10);
    for (const result of report.results) {
      if (result.status === 'failed') {
        expect(result.error).toMatchObject({ code: 'DATABASE_REFUSED', sqlstate: '53300' });
      }
    }
    await (
      await release
    )?.();
    expect((await small.migrate()).tenants).toMatchObject({ total: 10, failed: 0, notExecuted: 0 });
    expect(await small.tables('t09')).toContain('two');
  });

  it('without any connection left: exit code 5, and what to do', async () => {
    const small = await smallFleet(1);
    const release = await occupy(100);
    const project = await small.project();
    const refused = {
      code: 'DATABASE_REFUSED',
      exitCode: 5,
      suggestions: ['Lower --concurrency, or free connections on the server.'],
    };
    await expect(small.migrate()).rejects.toMatchObject(refused);
    await expect(createTenant(project, { schema: 'x' })).rejects.toMatchObject(refused);
    await expect(status(project)).rejects.toMatchObject(refused);
    await release();
    expect((await status(project)).tenants.total).toBe(1);
  });

  it('out of lock space: the tenants stay where they were, and the advice works', async () => {
    const small = await smallFleet(3);
    // Each table takes two locks. The lock table has room for 10 * 24 of them, and an unknown number more: one file fits, all
    // of them do not.
    const tables = (file: number, count: number): string =>
      Array.from({ length: count }, (_, table) => `CREATE TABLE big_${file}_${table} ();`).join('\n');
    for (let file = 0; file < 24; file += 1) {
      await small.tenantMigration(`${String(file + 2).padStart(4, '0')}_big.sql`, tables(file, 50));
    }
    const report = await small.migrate({}, { canary: 0, concurrency: 1 });
    expect(exitCodeOf(report)).toBe(1);
    expect(report.tenants).toMatchObject({ applied: 0, failed: 3 });
    for (const result of report.results) {
      expect(result).toMatchObject({
        committed: [],
        error: { sqlstate: '53200', suggestions: [expect.stringContaining('max_locks_per_transaction')] },
      });
    }
    expect(await small.tables('t01')).toEqual(['pgmigrations', 'projects']);
    const advised = await small.migrate({}, { canary: 0, concurrency: 1, transaction: 'migration' });
    expect(advised.tenants).toMatchObject({ applied: 3, failed: 0 });

    await small.tenantMigration('0100_too_big.sql', tables(100, 1200));
    const alone = await small.migrate({}, { canary: 1, concurrency: 1, transaction: 'migration' });
    expect(alone.results[0]).toMatchObject({
      status: 'failed',
      error: { sqlstate: '53200', suggestions: [expect.stringContaining('split the migration')] },
    });
  }, 60_000);

  it('out of temporary space: that tenant fails with the limit, the others are migrated', async () => {
    const small = await smallFleet(3);
    await small.database.query('INSERT INTO t01.projects (name) SELECT md5(n::text) FROM generate_series(1, 100000) n');
    await admin.query(`ALTER ROLE app SET work_mem = '64kB'; ALTER ROLE app SET temp_file_limit = '1MB'`);
    await small.tenantMigration('0002_sorted.sql', 'CREATE TABLE sorted AS SELECT name FROM projects ORDER BY name;');
    const report = await small.migrate({}, { canary: 0 });
    await admin.query('ALTER ROLE app RESET ALL');
    expect(report.tenants).toMatchObject({ applied: 2, failed: 1 });
    expect(report.results.find(({ status }) => status === 'failed')).toMatchObject({
      tenant: 't01',
      error: { sqlstate: '53400', suggestions: [expect.stringContaining('temp_file_limit')] },
    });
    expect(await small.tables('t01')).toEqual(['pgmigrations', 'projects']);
    expect((await small.migrate()).tenants).toMatchObject({ applied: 1, failed: 0 });
  });

  const isRoot = process.getuid?.() === 0;
  if (!isRoot) console.warn('Not root: the test with a disk that is full is SKIPPED.');

  it.skipIf(!isRoot)('with a full disk: 53100, everything where it was, and a second run finishes', async (context) => {
    const folder = await mkdtemp(join(tmpdir(), 'pg-tenants-disk-'));
    const mounted = await promisify(execFile)('mount', ['-t', 'tmpfs', '-o', 'size=5m', 'none', folder]).then(
      () => true,
      () => false,
    );
    if (!mounted) context.skip('A tmpfs cannot be mounted here.');
    try {
      const { uid, gid } = await stat(server.data);
      await chown(folder, uid, gid);
      const small = await smallFleet(4);
      await admin.query(`CREATE TABLESPACE tiny LOCATION '${folder}'`);
      await admin.query('GRANT CREATE ON TABLESPACE tiny TO app');
      await small.tenantMigration('0002_rows.sql', FILL);
      const report = await small.migrate({}, { canary: 0, concurrency: 1 });
      const failed = report.results.filter((result) => result.status === 'failed');
      expect(report.tenants.applied).toBeGreaterThan(0);
      expect(failed.length).toBeGreaterThan(0);
      for (const result of failed) {
        expect(result).toMatchObject({
          migration: '0002_rows',
          error: { sqlstate: '53100', suggestions: [expect.stringContaining('make room')] },
        });
        expect(await small.applied(result.tenant)).toEqual(['0001_projects']);
        expect(await small.tables(result.tenant)).toEqual(['pgmigrations', 'projects']);
      }
      await promisify(execFile)('mount', ['-o', 'remount,size=64m', folder]);
      expect((await small.migrate()).tenants).toMatchObject({ applied: failed.length, failed: 0 });

      // Now the bookkeeping itself finds no room: its next row needs a page of a disk that is full.
      await small.database.query(
        `ALTER TABLE t00.pgmigrations ADD pad text;
         ALTER TABLE t00.pgmigrations ALTER pad SET STORAGE PLAIN, ALTER pad SET DEFAULT repeat('x', 5000);
         UPDATE t00.pgmigrations SET pad = DEFAULT;
         ALTER TABLE t00.pgmigrations SET TABLESPACE tiny;
         CREATE TABLE hog (t text) TABLESPACE tiny;
         ALTER TABLE hog ALTER t SET STORAGE PLAIN`,
      );
      const hog = small.database.query(`INSERT INTO hog SELECT repeat('x', 5000) FROM generate_series(1, 20000)`);
      await expect(hog).rejects.toMatchObject({ code: '53100' });
      await small.tenantMigration('0003_three.sql', 'CREATE TABLE three (id int);');
      const second = await small.migrate({}, { canary: 0, concurrency: 1 });
      expect(second.tenants).toMatchObject({ applied: 3, failed: 1 });
      expect(second.results.find(({ status }) => status === 'failed')).toMatchObject({
        tenant: 't00',
        committed: [],
        error: { sqlstate: '53100', suggestions: [expect.stringContaining('make room')] },
      });
      expect(await small.applied('t00')).toEqual(['0001_projects', '0002_rows']);
      expect(await small.tables('t00')).not.toContain('three');
      await promisify(execFile)('mount', ['-o', 'remount,size=128m', folder]);
      expect((await small.migrate()).tenants).toMatchObject({ applied: 1, failed: 0 });
      await admin.query(`DROP DATABASE ${small.database.name} WITH (FORCE)`);
      await admin.query('DROP TABLESPACE tiny');
    } finally {
      if (mounted) await promisify(execFile)('umount', ['-l', folder]);
      await rm(folder, { recursive: true, force: true });
    }
  });
});

it('a server that is lost for good ends the run in bounded time', async () => {
  const database = await createTestDatabase();
  const made = await createFleet(database);
  await made.migrate({ selection: { kind: 'shared' } });
  await database.query(`INSERT INTO tenants (schema_name) SELECT 'n' || n FROM generate_series(1, 60) n`);
  await made.migrate({ missing: 'create' });
  await made.tenantMigration('0002_two.sql', 'SELECT pg_sleep(0.01); CREATE TABLE two (id int);');
  const proxy = await openProxy(database);
  let done = 0;
  const started = performance.now();
  const report = await made.migrate(
    {
      onEvent: (event) => {
        if (event.type === 'tenant:done' && event.result.status === 'applied' && (done += 1) === 10) void proxy.close();
      },
    },
    { database: proxy.config, canary: 0, concurrency: 3, restartWaitMs: 2000 },
  );
  const took = Math.round(performance.now() - started);
  // About as long as a server takes to start again: the lock of the run is tried for, and lost answers are looked up.
  expect(took).toBeLessThan(20_000);
  const { applied, failed, notExecuted } = report.tenants;
  expect(applied + failed + notExecuted).toBe(60);
  // Beside what was under way: what was committed right before, and may not have reached the disk.
  expect(failed).toBeLessThanOrEqual(3 + done);
  expect(notExecuted).toBeGreaterThan(30);
  expect((await made.migrate()).tenants).toMatchObject({ failed: 0, notExecuted: 0 });
  await made.remove();
  await database.drop();
}, 120_000);

const FILL = `CREATE TABLE filled (t text) TABLESPACE tiny;
INSERT INTO filled SELECT repeat(md5(n::text), 40) FROM generate_series(1, 1500) n;`;
