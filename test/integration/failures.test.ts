import { createServer, type AddressInfo } from 'node:net';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { listTenants } from '../../src/fleet/list-tenants.js';
import { status } from '../../src/fleet/status.js';
import { createTenant } from '../../src/lifecycle/create-tenant.js';
import type { Project } from '../../src/project/project.js';
import { plan } from '../../src/run/plan.js';
import { exitCodeOf } from '../../src/run/report.js';
import type { MigrateReport } from '../../src/run/types.js';
import { useFleet } from '../support/fleet.js';
import { firstPosition, STRIDE } from '../support/positions.js';
import { openProxy, type Proxy } from '../support/proxy.js';

let proxy: Proxy;
const fleet = useFleet({ each: true, tenants: ['t1'] });
const { database } = fleet;

beforeEach(async () => {
  proxy = await openProxy(database);
});
afterEach(async () => {
  await proxy.close();
});

/** The backend of a connection that was cut may hold the lock of the run for a moment. */
const PATIENT = { lockWaitMs: 10_000 };

const through = (overrides: Partial<Project> = {}): Promise<MigrateReport> =>
  fleet.migrate({}, { database: proxy.config, canary: 0, concurrency: 1, ...PATIENT, ...overrides });

describe('a lane whose connection is cut', () => {
  const KINDS: [string, string][] = [
    ['one transaction', 'CREATE TABLE two (id int); CREATE TABLE more (id int);'],
    [
      'a migration built while it runs',
      `exports.up = async (pgm) => { await pgm.db.query('SELECT 1'); pgm.createTable('two', { id: 'id' }); };`,
    ],
  ];

  it.each(KINDS.flatMap(([kind, text]) => [false, true].map((deliver) => [kind, deliver, text] as const)))(
    '%s, at one message after the other, delivered: %s: it is at its old or its new place, and the result says which',
    async (kind, deliver, text) => {
      await fleet.tenantMigration(`0002_two.${text.startsWith('exports') ? 'js' : 'sql'}`, text);
      const old = ['0001_projects'];
      let positions = 0;
      for (let position = firstPosition(`${kind} ${deliver}`), wasCut = true; wasCut; position += STRIDE) {
        wasCut = false;
        let lane = false;
        let seen = 0;
        proxy.cut({
          deliver,
          when: ({ type, sql }) => {
            // Everything from the transaction's beginning on is the lane's; the control connection is silent then.
            lane ||= sql.startsWith('BEGIN ISOLATION');
            if (!lane || wasCut || !['Q', 'P', 'B', 'E', 'S'].includes(type)) return false;
            seen += 1;
            wasCut = seen === position;
            return wasCut;
          },
        });
        const report = await through({ retries: 0 });
        const now = await fleet.applied('t1');
        const [result] = report.results;
        if (result?.status === 'applied') expect(now).toEqual([...old, '0002_two']);
        else {
          expect(result).toMatchObject({ tenant: 't1', status: 'failed', committed: [] });
          expect(result).not.toMatchObject({ unknownOutcome: true });
          expect(now).toEqual(old);
        }
        const tables = await fleet.tables('t1');
        expect(tables.includes('two')).toBe(now.length === 2);
        const second = await fleet.migrate({}, PATIENT);
        expect(second.tenants).toMatchObject({ failed: 0 });
        expect(await fleet.applied('t1')).toEqual([...old, '0002_two']);
        await database.query(
          `DROP TABLE t1.two; DROP TABLE IF EXISTS t1.more; DELETE FROM t1.pgmigrations WHERE name = '0002_two'`,
        );
        await proxy.close();
        proxy = await openProxy(database);
        positions += 1;
      }
      expect(positions * STRIDE).toBeGreaterThan(10);
    },
    120_000,
  );

  it('outside a transaction, at one message after the other: a second run finishes', async () => {
    await fleet.tenantMigration(
      '0002_two.sql',
      '-- tenants: no-transaction\nCREATE INDEX CONCURRENTLY two ON projects (name);',
    );
    for (const deliver of [false, true]) {
      for (let position = firstPosition(`outside ${deliver}`), wasCut = true; wasCut; position += STRIDE) {
        wasCut = false;
        let lane = false;
        let seen = 0;
        proxy.cut({
          deliver,
          when: ({ type, sql }) => {
            lane ||= sql.includes('client_connection_check_interval');
            if (!lane || wasCut || !['Q', 'S'].includes(type)) return false;
            seen += 1;
            wasCut = seen === position;
            return wasCut;
          },
        });
        const report = await through({ retries: 0 });
        const applied = (await fleet.applied('t1')).includes('0002_two');
        expect(report.results[0]?.status).toBe(applied ? 'applied' : 'failed');
        expect((await fleet.migrate({}, PATIENT)).tenants.failed).toBe(0);
        const { rows } = await database.query(`SELECT indisvalid FROM pg_index WHERE indexrelid = 't1.two'::regclass`);
        expect(rows).toEqual([{ indisvalid: true }]);
        await database.query(`DROP INDEX t1.two; DELETE FROM t1.pgmigrations WHERE name = '0002_two'`);
        await proxy.close();
        proxy = await openProxy(database);
      }
    }
  }, 120_000);

  it('is opened again, and the tenant tried again', async () => {
    await fleet.tenantMigration('0002_two.sql', 'CREATE TABLE two (id int);');
    proxy.cut({ when: ({ sql }) => sql === 'CREATE TABLE two (id int)' });
    const report = await through();
    expect(report.results).toMatchObject([{ status: 'applied', attempts: [{ count: 1 }] }]);
  });

  it('and an answer to COMMIT that is lost: what became of it is looked up', async () => {
    await fleet.tenantMigration('0002_two.sql', 'CREATE TABLE two (id int);');
    proxy.cut({ when: ({ sql }) => sql === 'COMMIT', deliver: true });
    const report = await through({ retries: 0 });
    expect(report.results).toMatchObject([{ tenant: 't1', status: 'applied', migrations: ['0002_two'] }]);
    expect(report.results[0]).not.toHaveProperty('attempts');
  });

  it('while it was idle spoils nothing, even without retries', async () => {
    await fleet.create('t2', 't3');
    await fleet.tenantMigration('0002_two.sql', 'CREATE TABLE two (id int);');
    let terminated: Promise<unknown> | undefined;
    const report = await fleet.migrate(
      {
        onEvent: (event) => {
          if (event.type !== 'tenant:done') return;
          terminated ??= database.query(
            `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'tenants: lane%' AND state = 'idle'`,
          );
        },
      },
      { canary: 0, concurrency: 1, retries: 1 },
    );
    await terminated;
    expect(report.tenants).toMatchObject({ applied: 3, failed: 0 });
  });
});

describe('a server that is gone', () => {
  it('in the middle: the run ends, and not one tenant after the other', async () => {
    await database.query(`INSERT INTO tenants (schema_name) SELECT 'n' || n FROM generate_series(1, 300) n`);
    await fleet.migrate({ missing: 'create' });
    await fleet.tenantMigration('0002_two.sql', 'CREATE TABLE two (id int);');
    let done = 0;
    const project = await fleet.project({
      database: proxy.config,
      canary: 0,
      concurrency: 3,
      retries: 1,
      restartWaitMs: 2000,
    });
    const running = fleet.migrate(
      {
        onEvent: (event) => {
          done += event.type === 'tenant:done' ? 1 : 0;
          if (done === 20) void proxy.close();
        },
      },
      project,
    );
    const report = await running;
    expect(report.durationMs).toBeLessThan(20_000);
    const { applied, failed, notExecuted } = report.tenants;
    expect(applied + failed + notExecuted).toBe(301);
    // Beside what was under way: what was committed right before, and may not have reached the disk.
    const unknown = report.results.filter((one) => one.status === 'failed' && one.unknownOutcome === true).length;
    expect(failed - unknown).toBeLessThanOrEqual(6);
    expect(unknown).toBeLessThan(40);
    expect(notExecuted).toBeGreaterThan(200);
    expect(report.results.filter((one) => one.status === 'notExecuted')).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ reason: expect.stringMatching(/lockLost|unreachable/) as string }),
      ]),
    );
    for (const one of report.results) {
      if (one.status !== 'failed') continue;
      expect(['OUTCOME_UNKNOWN', 'DATABASE_UNREACHABLE']).toContain(one.error.code);
      expect(one.error.suggestions).not.toHaveLength(0);
      if (one.error.code === 'OUTCOME_UNKNOWN') {
        expect(one.error.message).toContain(`whether "${one.tenant}" was changed`);
      }
    }
    expect(exitCodeOf(report)).toBe(1);
    expect((await fleet.migrate()).tenants).toMatchObject({ total: 301, failed: 0, notExecuted: 0 });
  }, 120_000);

  it('that lets no more lanes in: what was not tried is not failed', async () => {
    await database.query(`INSERT INTO tenants (schema_name) SELECT 'n' || n FROM generate_series(1, 50) n`);
    await fleet.migrate({ missing: 'create' });
    await fleet.tenantMigration('0002_two.sql', 'CREATE TABLE two (id int);');
    const role = `limited_${database.name}`.slice(0, 60);
    const report = await fleet.migrate(
      {},
      { canary: 0, concurrency: 4, retries: 0, database: await limitedTo(1, role) },
    );
    await database.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
    expect(report.tenants.failed).toBeLessThanOrEqual(4);
    expect(report.tenants.notExecuted).toBeGreaterThan(30);
    expect(report.results).toContainEqual(expect.objectContaining({ status: 'notExecuted', reason: 'unreachable' }));
  });

  /** A role with so many connections. */
  async function limitedTo(connections: number, role: string) {
    await database.query(
      `CREATE ROLE ${role} LOGIN PASSWORD 'x' CONNECTION LIMIT ${connections};
       GRANT ALL ON SCHEMA public TO ${role}; GRANT ALL ON ALL TABLES IN SCHEMA public TO ${role}`,
    );
    await database.query(
      `DO $$ DECLARE n text; BEGIN FOR n IN SELECT nspname FROM pg_namespace WHERE nspname ~ '^(n|t)[0-9]+$' LOOP
         EXECUTE format('GRANT ALL ON SCHEMA %I TO ${role}; GRANT ALL ON ALL TABLES IN SCHEMA %I TO ${role}', n, n); END LOOP; END $$`,
    );
    return { ...database.config, user: role, password: 'x' };
  }
});

describe('a database that cannot be used from the start', () => {
  it.each<[string, (project: Project) => Promise<unknown>]>([
    ['migrate', (project) => fleet.migrate({}, project)],
    ['status', (project) => status(project)],
    ['plan', (project) => plan(project, { selection: { kind: 'all' } })],
    ['list', (project) => listTenants(project)],
    ['create-tenant', (project) => createTenant(project, { schema: 'x' })],
  ])('%s says why', async (_command, run) => {
    const closed = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => closed.once('listening', resolve));
    const { port } = closed.address() as AddressInfo;
    await new Promise((resolve) => closed.close(resolve));
    const cases: [Project['database'], string, string][] = [
      [{ ...database.config, port }, 'DATABASE_UNREACHABLE', String(port)],
      [{ ...database.config, password: 'wrong-secret' }, 'DATABASE_REFUSED', 'password'],
      [{ ...database.config, database: 'no_such_db' }, 'DATABASE_REFUSED', 'no_such_db'],
    ];
    for (const [config, code, word] of cases) {
      const failed = run(await fleet.project({ database: config }));
      await expect(failed).rejects.toMatchObject({
        code,
        exitCode: 5,
        message: expect.stringContaining(word) as string,
      });
      const error = (await failed.catch((one: unknown) => one)) as Error;
      expect(JSON.stringify([error, error.message, error.stack])).not.toContain('wrong-secret');
    }
  });

  it('and one whose connection breaks during the survey is unreachable, too', async () => {
    proxy.cut({ when: ({ sql }) => sql.includes('pg_namespace') });
    await expect(through()).rejects.toMatchObject({ code: 'DATABASE_UNREACHABLE', exitCode: 5 });
    proxy.cut({ when: ({ sql }) => sql.includes('query_to_xml') });
    await expect(status(await fleet.project({ database: proxy.config }))).rejects.toMatchObject({
      code: 'DATABASE_UNREACHABLE',
    });
  });
});

it('a tenant that the role may not touch fails, the others go on', async () => {
  await fleet.create('t2', 't3', 't4');
  await fleet.tenantMigration('0002_two.sql', 'CREATE TABLE two (id int);');
  const role = `mig_${database.name}`.slice(0, 60);
  await database.query(
    `CREATE ROLE ${role} LOGIN PASSWORD 'x'; GRANT ALL ON SCHEMA public, t1, t3, t4 TO ${role};
     GRANT ALL ON ALL TABLES IN SCHEMA public, t1, t3 TO ${role}; GRANT ALL ON ALL SEQUENCES IN SCHEMA t1, t3 TO ${role};
     GRANT SELECT ON ALL TABLES IN SCHEMA t4 TO ${role}`,
  );
  const limited = { ...database.config, user: role, password: 'x' };
  const report = await fleet.migrate({}, { database: limited });
  expect(report.tenants).toMatchObject({ applied: 2, failed: 2 });
  const failed = report.results.filter(({ status }) => status === 'failed');
  expect(failed).toMatchObject([
    { tenant: 't2', error: { code: 'TENANT_UNREADABLE' } },
    { tenant: 't4', error: { sqlstate: '42501' } },
  ]);
  const seen = await status(await fleet.project({ database: limited }));
  expect(seen.cohorts.find(({ state }) => state === 'unreadable')?.tenants).toEqual(['t2']);
  await database.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
});
