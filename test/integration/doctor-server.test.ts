import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { doctor } from '../../src/doctor/doctor.js';
import type { Project } from '../../src/project/project.js';
import { useDatabase } from '../support/database.js';
import { asDatabase, type DebianPostgres, findPostgres, startPostgres } from '../support/debian-postgres.js';
import { checkOf, find, wrongChecks } from '../support/doctor.js';
import { createFleet, type TestFleet } from '../support/fleet.js';
import { hasPgBouncer, startPgBouncer } from '../support/pgbouncer.js';
import { countActivity } from '../support/proxy.js';

const bin = findPostgres();

describe.skipIf(bin === undefined)('a small server (skipped without a PostgreSQL of the system)', () => {
  let server: DebianPostgres;
  let project: Project;
  let fleet: TestFleet;
  let admin: Client;

  beforeAll(async () => {
    server = await startPostgres(bin ?? '', {
      max_connections: '14',
      max_locks_per_transaction: '20',
      max_prepared_transactions: '2',
      autovacuum: 'off',
    });
    admin = new Client(server.config);
    await admin.connect();
    fleet = await createFleet(asDatabase(server, admin));
    await fleet.migrate({ selection: { kind: 'shared' } });
    await fleet.create('a1');
    project = await fleet.project();
  });
  afterAll(async () => {
    await admin?.end();
    await fleet?.remove();
    await server?.stop();
  });

  it('has too few locks, connections for the lanes, and no autovacuum', async () => {
    await admin.query(`INSERT INTO tenants (schema_name) SELECT 'x' || n FROM generate_series(1, 20) n`);
    const { checks } = await doctor({ ...project, concurrency: 16 });
    await admin.query(`DELETE FROM tenants WHERE schema_name LIKE 'x%'`);
    expect(find(checks, 'lock-table')).toMatchObject({
      ok: false,
      actual: '320 places',
      suggestions: [expect.stringMatching(/max_locks_per_transaction = \d+/), expect.any(String)],
    });
    expect(find(checks, 'connections')).toMatchObject({
      ok: false,
      expected: '16 lanes, 2 to spare',
      items: [expect.stringMatching(/lanes instead of 16 lanes/)],
    });
    expect(find(checks, 'autovacuum')).toMatchObject({ ok: false, actual: 'off' });
    expect(await checkOf({ ...project, concurrency: 2 }, 'connections')).toMatchObject({ ok: true });
    expect(await checkOf({ ...project, executor: 'multiprocessing' }, 'connections')).toMatchObject({ ok: true });
    await admin.query(`ALTER SYSTEM SET autovacuum = on`);
  });

  it('has a prepared transaction that holds a lock in a tenant', async () => {
    await admin.query('BEGIN; LOCK TABLE a1.projects IN ROW EXCLUSIVE MODE; SELECT txid_current()');
    await admin.query(`PREPARE TRANSACTION 'it''s'`);
    expect(await checkOf(project, 'blocking-transactions')).toMatchObject({ ok: true });
    const check = await checkOf(project, 'blocking-transactions', { patienceMs: 0 });
    expect(check).toMatchObject({
      ok: false,
      items: [expect.stringMatching(/^prepared transaction "it's" of user admin: waiting for .*, holds a1\.projects$/)],
    });
    expect(check.suggestions).toContain(`COMMIT PREPARED or ROLLBACK PREPARED 'it''s'`);
    await admin.query(`ROLLBACK PREPARED 'it''s'`);
    expect(await checkOf(project, 'blocking-transactions', { patienceMs: 0 })).toMatchObject({ ok: true });
  });
});

describe('through other connections', () => {
  const database = useDatabase();
  let fleet: TestFleet;
  let project: Project;

  beforeAll(async () => {
    fleet = await createFleet(database);
    await fleet.migrate({ selection: { kind: 'shared' } });
    await fleet.create('a1');
    project = await fleet.project();
  });
  afterAll(() => fleet.remove());

  it.skipIf(!hasPgBouncer)(
    'a transaction pooler is wrong, the rest is looked at (skipped without PgBouncer)',
    async () => {
      const bouncer = await startPgBouncer(database.config, { size: 5 });
      try {
        const url = new URL(bouncer.url);
        const behind = {
          ...project,
          database: { host: url.hostname, port: Number(url.port), user: url.username, database: database.name },
        };
        expect(await wrongChecks(behind)).toEqual(['pooler']);
        const { checks } = await doctor(behind);
        expect(find(checks, 'connections')).toMatchObject({ ok: false, skipped: true });
        expect(find(checks, 'tenant-migrations')).toMatchObject({ ok: true, actual: '1 up to date' });
        await expect(doctor(behind, { fix: true })).rejects.toMatchObject({ code: 'UNSAFE_POOLER', exitCode: 5 });
      } finally {
        await bouncer.stop();
      }
    },
  );

  it('a large fleet costs no statement and no connection more than a small one', async () => {
    const look = () =>
      countActivity(database, ({ config }) => doctor({ ...project, database: { ...project.database, ...config } }));
    const small = await look();
    await database.query(`DO $$ BEGIN FOR i IN 1..180 LOOP
        EXECUTE format('CREATE SCHEMA "T%s"', i);
        EXECUTE format('CREATE TABLE "T%s".pgmigrations AS SELECT * FROM a1.pgmigrations', i);
        EXECUTE format('ALTER TABLE "T%s".pgmigrations ADD PRIMARY KEY (id)', i);
      END LOOP; END $$;
      INSERT INTO tenants (schema_name) SELECT 'T' || i FROM generate_series(1, 180) i`);
    const large = await look();
    expect(find(large.result.checks, 'tenant-migrations')).toMatchObject({ ok: true, actual: '181 up to date' });
    expect(large.counts).toMatchObject({ connections: small.counts.connections, statements: small.counts.statements });
    expect(large.counts.connections).toBe(1);
    expect(large.counts.statements).toBeLessThan(50);
  });
});
