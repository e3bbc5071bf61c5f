import { setTimeout as sleep } from 'node:timers/promises';

import { afterAll, beforeAll, beforeEach, describe, expect, inject, it, onTestFinished } from 'vitest';

import { serializeError } from '../../src/errors/serialize.js';
import { TenantsError } from '../../src/errors/tenants-error.js';
import { findLostCommits } from '../../src/run/durability/find-lost-commits.js';
import { exitCodeOf } from '../../src/run/report.js';
import type { MigrateReport } from '../../src/run/types.js';
import { withAdmin } from '../support/admin.js';
import { ensureBuilt } from '../support/build.js';
import { createFleet, type FleetDatabase, type TestFleet, useFleet } from '../support/fleet.js';
import { type RestartableServer, startRestartableServer } from '../support/restartable-server.js';

const TENANTS = 40;

describe('a server that crashes in the middle', () => {
  let server: RestartableServer;
  let fleet: TestFleet<FleetDatabase>;

  beforeAll(async () => {
    await ensureBuilt();
    // The log is written as late as the server allows.
    server = await startRestartableServer({ wal_writer_delay: '10s', wal_writer_flush_after: '1GB' });
    fleet = await createFleet(await server.createDatabase('crashes'));
    await fleet.migrate({ selection: { kind: 'shared' } });
    await fleet.database.query(
      `INSERT INTO tenants (schema_name) SELECT 't' || n FROM generate_series(1, ${TENANTS}) n`,
    );
    await fleet.migrate({ missing: 'create' });
  }, 120_000);
  afterAll(async () => {
    await fleet?.remove();
    await server?.close();
  });

  it.each([
    ['standard', 1],
    ['multiprocessing', 2],
  ])(
    'takes back tenants that were done: they are found out and done again: %s',
    async (executor, number) => {
      let takenBack = false;
      for (let round = 1; round <= 5 && !takenBack; round += 1) {
        const name = `0${number}0${round}_${executor}`;
        await fleet.tenantMigration(`${name}.sql`, `COMMENT ON TABLE projects IS '${name}';`);
        const report = await migrateAndCrash(executor, 10);
        expect(report.results.filter(({ status }) => status !== 'applied')).toEqual([]);
        expect(report.tenants).toMatchObject({ applied: TENANTS, failed: 0, notExecuted: 0 });
        expect(exitCodeOf(report)).toBe(0);
        expect(await recorded(name)).toBe(TENANTS);
        takenBack = report.warnings.some((warning) => warning.includes('took back what was done for'));
      }
      expect(takenBack).toBe(true);
    },
    120_000,
  );

  it('is waited for when it does so at the very end', async () => {
    for (let round = 1; round <= 3; round += 1) {
      const name = `030${round}_end`;
      await fleet.tenantMigration(`${name}.sql`, `COMMENT ON TABLE projects IS '${name}';`);
      const report = await migrateAndCrash('standard', TENANTS);
      expect(report.results.filter(({ status }) => status !== 'applied')).toEqual([]);
      expect(await recorded(name)).toBe(TENANTS);
    }
  }, 120_000);

  /** The server ends at once after so many tenants, and starts again soon. */
  async function migrateAndCrash(executor: string, after: number): Promise<MigrateReport> {
    let done = 0;
    let away: Promise<void> | undefined;
    const report = await fleet.migrate(
      {
        onEvent: ({ type }) => {
          if (type !== 'tenant:done' || (done += 1) !== after) return;
          away = server
            .stop('immediate')
            .then(() => sleep(500))
            .then(() => server.start());
        },
      },
      { executor, canary: 0, concurrency: 2, maxProcesses: 2 },
    );
    await away;
    return report;
  }

  /** Tenants that have the migration, as the database itself says. */
  async function recorded(name: string): Promise<number> {
    let count = 0;
    for (let n = 1; n <= TENANTS; n += 1) count += (await fleet.applied(`t${n}`)).includes(name) ? 1 : 0;
    return count;
  }
});

describe('commits', () => {
  const fleet = useFleet({ each: true, tenants: ['a', 'b', 'c'] });
  const { database } = fleet;
  const MODE = `CREATE TABLE mode AS SELECT current_setting('synchronous_commit') AS value;`;

  beforeEach(async () => {
    await alterDatabase('synchronous_commit TO local');
    await fleet.tenantMigration('0002_mode.sql', MODE);
  });

  const alterDatabase = async (setting: string): Promise<unknown> =>
    await database.query(`DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET ${setting}', current_database()); END $$`);

  const modes = async (): Promise<string[]> => {
    const found: string[] = [];
    for (const schema of ['a', 'b', 'c']) {
      const { rows } = await database.query<{ value: string }>(`SELECT value FROM ${schema}.mode`);
      found.push(rows[0]?.value ?? '');
    }
    return found;
  };

  it('of tenants are not waited for one by one; those of the shared schema and of new tenants are', async () => {
    await fleet.files.write('migrations/shared/0002_mode.sql', MODE);
    await fleet.migrate();
    expect(await modes()).toEqual(['off', 'off', 'off']);
    expect((await database.query('SELECT value FROM public.mode')).rows).toEqual([{ value: 'local' }]);
    await fleet.create('d');
    expect((await database.query('SELECT value FROM d.mode')).rows).toEqual([{ value: 'local' }]);
  });

  it('are waited for where the user may not write to the log', async () => {
    // A member of the superuser's role owns what the superuser owns, and is no superuser.
    const user = `writes_no_log_${process.pid}`;
    const { rows } = await database.query<{ admin: string }>('SELECT current_user AS admin');
    await database.query(`CREATE ROLE ${user} LOGIN PASSWORD 'x' IN ROLE "${rows[0]?.admin ?? ''}"`);
    onTestFinished(async () => {
      await withAdmin(inject('adminUrl'), (client) => client.query(`DROP ROLE ${user}`));
    });
    await database.query(`DO $$ DECLARE f regprocedure; BEGIN
      FOR f IN SELECT oid FROM pg_proc WHERE proname = 'pg_logical_emit_message' LOOP
        EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC, %I', f, current_user);
      END LOOP; END $$`);
    const { database: config } = await fleet.project();
    await fleet.migrate({}, { database: { ...config, user, password: 'x' } });
    expect(await modes()).toEqual(['local', 'local', 'local']);
  });

  it('are looked up when the control connection breaks and the server does not', async () => {
    let done = 0;
    let terminated: Promise<unknown> | undefined;
    const report = await fleet.migrate(
      {
        onEvent: ({ type }) => {
          if (type !== 'tenant:done' || (done += 1) !== 2) return;
          terminated = database.query(
            `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'tenants: migrate' AND datname = current_database()`,
          );
        },
      },
      { canary: 0, concurrency: 1 },
    );
    await terminated;
    expect(report.tenants).toMatchObject({ applied: 3, failed: 0, notExecuted: 0 });
    expect(report.warnings.filter((warning) => warning.includes('took back'))).toEqual([]);
    expect((await fleet.migrate()).tenants).toMatchObject({ upToDate: 3 });
  });

  it('that are left are told from those that were taken back, in either direction', async () => {
    await fleet.migrate();
    const project = await fleet.project();
    const there = await fleet.applied('a');
    const whole = { tenant: 'a', status: 'applied' as const, migrations: there, durationMs: 1 };
    const part = { ...whole, tenant: 'b', migrations: [...there, '0999_gone'] };
    const options = { flush: true, waitMs: 0 };
    const up = await findLostCommits(
      project,
      { results: [whole, part], current: new Map() },
      { ...options, direction: 'up' },
    );
    expect(up).toEqual({ lost: [{ tenant: 'b', kept: there }], unknown: [] });

    const error = serializeError(new TenantsError('MIGRATION_FAILED', 'no'));
    const failed = { tenant: 'a', status: 'failed' as const, committed: ['0999_gone', ...there], error };
    const down = await findLostCommits(
      project,
      { results: [failed], current: new Map() },
      { ...options, direction: 'down' },
    );
    expect(down.lost).toMatchObject([{ kept: ['0999_gone'] }]);

    // A tenant that had nothing to do must have what it had.
    const current = new Map([
      ['a', there],
      ['b', [...there, '0999_gone']],
    ]);
    const had = await findLostCommits(project, { results: [], current }, { ...options, direction: 'up' });
    expect(had.lost).toEqual([{ tenant: 'b', kept: [] }]);
  });
});
