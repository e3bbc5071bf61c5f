import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { doctor } from '../../src/doctor/doctor.js';
import { status } from '../../src/fleet/status.js';
import { listRuns, readRun } from '../../src/journal/read/runs.js';
import { createTenant } from '../../src/lifecycle/create-tenant.js';
import type { Project } from '../../src/project/project.js';
import { plan } from '../../src/run/plan.js';
import { withAdmin } from '../support/admin.js';
import { useFleet } from '../support/fleet.js';

const SCHEMAS = `SELECT nspname::text AS name FROM pg_namespace WHERE nspname !~ '^pg_' ORDER BY 1`;
const fleet = useFleet({ each: true });
const { database } = fleet;

const schemas = async (): Promise<string[]> => (await database.query(SCHEMAS)).rows.map((row) => String(row['name']));
const ready = async (...tenants: string[]): Promise<void> => {
  await fleet.migrate({ selection: { kind: 'shared' } });
  await fleet.create(...tenants);
  await fleet.tenantMigration('0002_two.sql', 'CREATE TABLE two (id int);');
};
const journalWarnings = (warnings: readonly string[]): string[] => warnings.filter((text) => text.includes('journal'));

describe('without the right to make the journal', () => {
  let role: string;
  /** The project as a role that owns the tenants, but may not create schemas. */
  const limited = async (): Promise<Project> => {
    const project = await fleet.project();
    const { database: config } = project;
    return { ...project, database: { ...config, user: role, password: role } };
  };
  beforeEach(async () => {
    role = `limited_${database.name.replaceAll(/\W/g, '').slice(-20)}`;
    await database.query(
      `CREATE ROLE ${role} LOGIN PASSWORD '${role}'; GRANT CREATE ON DATABASE "${database.name}" TO ${role}; GRANT ALL ON SCHEMA public TO ${role}`,
    );
    const project = await limited();
    await fleet.migrate({ selection: { kind: 'shared' } }, { ...project, journal: false });
    await createTenant({ ...project, journal: false }, { schema: 't1' });
    await database.query(`REVOKE CREATE ON DATABASE "${database.name}" FROM ${role}`);
    await fleet.tenantMigration('0002_two.sql', 'CREATE TABLE two (id int);');
  });
  afterEach(async () => {
    await database.query(`DROP OWNED BY ${role} CASCADE; DROP ROLE ${role}`);
  });

  it('everything works, and one warning says what is missing', async () => {
    const report = await fleet.migrate({}, await limited());
    expect(report).toMatchObject({ tenants: { applied: 1, failed: 0 }, run: null });
    expect(journalWarnings(report.warnings)).toHaveLength(1);
    expect(report.warnings.join()).toMatch(
      new RegExp(`"${role}" may not create the schema "tenants_journal"[^]*journal: false`),
    );
    expect(await schemas()).not.toContain('tenants_journal');
    const now = await status(await limited());
    expect(now.tenants.upToDate).toBe(1);
    expect(now).not.toHaveProperty('runs');
    expect(await listRuns(await limited())).toEqual({ runs: [] });
    await expect(readRun(await limited(), 1)).rejects.toMatchObject({ code: 'UNKNOWN_RUN' });
  });

  it('a schema that was made for the role is used', async () => {
    await database.query(`CREATE SCHEMA tenants_journal AUTHORIZATION ${role}`);
    const report = await fleet.migrate({}, await limited());
    expect(journalWarnings(report.warnings)).toEqual([expect.stringContaining('as the files are now')].slice(1));
    expect(report.run).toBe(1);
  });

  it('the journal of a superuser is not written, and the warning has what to grant', async () => {
    await fleet.migrate();
    await fleet.tenantMigration('0003_three.sql', 'CREATE TABLE three (id int);');
    const report = await fleet.migrate({}, await limited());
    expect(report.tenants).toMatchObject({ applied: 1 });
    expect(report.warnings.join()).toMatch(/GRANT USAGE ON SCHEMA "tenants_journal" TO/);
    await database.query(
      `GRANT USAGE ON SCHEMA tenants_journal TO ${role}; GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA tenants_journal TO ${role}`,
    );
    const again = await fleet.migrate({}, await limited());
    expect(journalWarnings(again.warnings)).toEqual([]);
    expect(again.run).toBeGreaterThan(0);
  });

  it('a configured role that may makes the journal and owns it', async () => {
    await database.query(
      `ALTER ROLE ${role} NOINHERIT; CREATE ROLE ${role}_owner; GRANT ${role}_owner TO ${role}; GRANT CREATE ON DATABASE "${database.name}" TO ${role}_owner`,
    );
    await fleet.migrate({ selection: { kind: 'shared' } }, { ...(await limited()), role: `${role}_owner` });
    const { rows } = await database.query(
      `SELECT nspowner::regrole::text AS owner FROM pg_namespace WHERE nspname = 'tenants_journal'`,
    );
    expect(rows).toEqual([{ owner: `${role}_owner` }]);
    const project = { ...(await limited()), role: `${role}_owner` };
    const second = await fleet.migrate({ selection: { kind: 'shared' } }, project);
    expect(second.run).toBe(2);
    await database.query(`DROP OWNED BY ${role}_owner CASCADE; DROP ROLE ${role}_owner`);
  });
});

describe('a schema of that name that is not ours', () => {
  it('is not written where a stranger owns it, so that its triggers do not run as us', async () => {
    await ready('t1');
    await database.query(
      `DROP SCHEMA tenants_journal CASCADE; CREATE ROLE stranger_${process.pid}; CREATE SCHEMA tenants_journal AUTHORIZATION stranger_${process.pid}`,
    );
    const report = await fleet.migrate();
    expect(report.tenants.applied).toBe(1);
    expect(journalWarnings(report.warnings)).toEqual([
      expect.stringMatching(/belongs to "stranger_\d+", whom this run does not trust/),
    ]);
    await database.query(`DROP SCHEMA tenants_journal CASCADE; DROP ROLE stranger_${process.pid}`);
  });

  it('is not written where a table has a trigger', async () => {
    await ready('t1');
    await database.query(`CREATE FUNCTION public.bad() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'it ran'; END $$;
      CREATE TRIGGER bad BEFORE INSERT ON tenants_journal.runs FOR EACH ROW EXECUTE FUNCTION public.bad()`);
    const report = await fleet.migrate();
    expect(report.tenants.applied).toBe(1);
    expect(report.warnings.join()).not.toMatch(/it ran/);
    expect(journalWarnings(report.warnings)).toEqual([
      expect.stringMatching(/"runs" is not a table that this product made/),
    ]);
  });
});

describe('a journal that goes away', () => {
  it('in the middle of a run is one warning, and the next run makes it again', async () => {
    const names = Array.from({ length: 12 }, (_, index) => `t${index + 10}`);
    await ready(...names);
    await fleet.tenantMigration('0003_slow.sql', 'SELECT pg_sleep(0.1);');
    let dropped: Promise<unknown> | undefined;
    const report = await fleet.migrate(
      {
        onEvent: ({ type }) =>
          void (type === 'tenant:done' && (dropped ??= database.query('DROP SCHEMA tenants_journal CASCADE'))),
      },
      { concurrency: 2 },
    );
    await dropped;
    expect(report).toMatchObject({ tenants: { applied: 12, failed: 0 }, run: null });
    expect(journalWarnings(report.warnings)).toHaveLength(1);
    const next = await fleet.migrate();
    expect(journalWarnings(next.warnings)).toEqual([]);
    expect(next.run).toBe(1);
  });

  it('that is locked does not hold the run up', async () => {
    await ready('t1', 't2');
    const report = await withAdmin(database.url, async (client) => {
      await client.query('BEGIN; LOCK TABLE tenants_journal.runs, tenants_journal.results IN ACCESS EXCLUSIVE MODE');
      const startedAt = Date.now();
      const done = await fleet.migrate();
      expect(Date.now() - startedAt).toBeLessThan(15_000);
      await client.query('ROLLBACK');
      return done;
    });
    expect(report).toMatchObject({ tenants: { applied: 2, failed: 0 } });
    expect(journalWarnings(report.warnings)).toHaveLength(1);
  });
});

describe('journals of other versions', () => {
  it('a newer one that lets us write is written, with its additions left alone', async () => {
    await ready('t1');
    await database.query(`UPDATE tenants_journal.about SET version = 99;
      ALTER TABLE tenants_journal.runs ADD COLUMN more text NOT NULL DEFAULT 'new'; CREATE TABLE tenants_journal.later (id int)`);
    const report = await fleet.migrate();
    expect(journalWarnings(report.warnings)).toEqual([]);
    expect((await readRun(await fleet.project(), report.run ?? 0)).results).toMatchObject([
      { tenant: 't1', status: 'applied' },
    ]);
    const { rows } = await database.query('SELECT version FROM tenants_journal.about');
    expect(rows).toEqual([{ version: 99 }]);
  });

  it('a newer one that does not is left alone by everything', async () => {
    await ready('t1');
    await database.query(
      'UPDATE tenants_journal.about SET version = 99, writable_from = 50; ALTER TABLE tenants_journal.results RENAME COLUMN tenant TO renamed',
    );
    const before = (await database.query('SELECT * FROM tenants_journal.runs')).rows;
    const report = await fleet.migrate();
    expect(report).toMatchObject({ tenants: { applied: 1 }, run: null });
    expect(journalWarnings(report.warnings)).toEqual([
      expect.stringMatching(/a newer version of tenants keeps the journal/),
    ]);
    await createTenant(await fleet.project(), { schema: 't2' });
    expect((await status(await fleet.project())).tenants.upToDate).toBe(2);
    await expect(listRuns(await fleet.project())).rejects.toMatchObject({ code: 'JOURNAL_UNUSABLE', exitCode: 2 });
    await expect(fleet.migrate({ failedOf: 'latest' })).rejects.toMatchObject({ code: 'JOURNAL_UNUSABLE' });
    expect((await database.query('SELECT * FROM tenants_journal.runs')).rows).toEqual(before);
  });
});

it('journal: false and other names hold, and what only reads makes no journal', async () => {
  await fleet.migrate({ selection: { kind: 'shared' } }, { journal: false });
  await createTenant(await fleet.project({ journal: false }), { schema: 't1' });
  await plan(await fleet.project(), { selection: { kind: 'all' } });
  await status(await fleet.project());
  await listRuns(await fleet.project());
  await doctor(await fleet.project());
  expect(await schemas()).toEqual(['information_schema', 'public', 't1']);
  await expect(listRuns(await fleet.project({ journal: false }))).rejects.toMatchObject({ code: 'USAGE' });
  const journal = { schema: 'It\'s "kept"' };
  const { run } = await fleet.migrate({}, { journal });
  expect((await listRuns(await fleet.project({ journal }))).runs.map(({ id }) => id)).toEqual([run]);
  expect(await schemas()).toContain('It\'s "kept"');
});
