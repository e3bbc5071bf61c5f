import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { doctor } from '../../src/doctor/doctor.js';
import { isUpToDate, status } from '../../src/fleet/status.js';
import type { Project } from '../../src/project/project.js';
import { useDatabase } from '../support/database.js';
import { ask } from '../support/every-command.js';
import { createFleet, type TestFleet } from '../support/fleet.js';

const database = useDatabase();
let fleet: TestFleet;
let role: string;

beforeAll(async () => {
  fleet = await createFleet(database);
  await fleet.migrate({ selection: { kind: 'shared' } });
  await fleet.create('t1', 't2');
  await fleet.tenantMigration('0002_two.sql', 'CREATE TABLE two (id int);');
  role = `member_${database.name}`;
  await database.query(`CREATE ROLE ${role} LOGIN PASSWORD 'any';
    GRANT CREATE ON DATABASE ${database.name} TO ${role}; GRANT USAGE, CREATE ON SCHEMA public, t1, t2 TO ${role};
    GRANT ALL ON ALL TABLES IN SCHEMA public, t1, t2 TO ${role}; GRANT ALL ON ALL SEQUENCES IN SCHEMA public, t1, t2 TO ${role}`);
});
afterAll(async () => {
  await database.query(`DROP OWNED BY ${role} CASCADE; DROP ROLE ${role}`);
  await fleet.remove();
});

/** The project as someone sees it who owns none of the tables. */
const asMember = (): Promise<Project> =>
  fleet.project({ database: { ...database.config, user: role, password: 'any' } });

const ADVICE = expect.arrayContaining([expect.stringContaining('BYPASSRLS')]) as unknown;

describe('where row-level security hides tenants', () => {
  beforeAll(() =>
    database.query(`ALTER TABLE public.tenants ENABLE ROW LEVEL SECURITY;
      CREATE POLICY a_part ON public.tenants USING (schema_name = 't1')`),
  );
  afterAll(() =>
    database.query('DROP POLICY a_part ON public.tenants; ALTER TABLE public.tenants DISABLE ROW LEVEL SECURITY'),
  );

  it.each([
    ['migrate', async () => await fleet.migrate({}, await asMember())],
    ['status', async () => await status(await asMember())],
    ['query', async () => await ask(await asMember(), 'SELECT 1')],
  ])('%s refuses to go on with the rest', async (_, run) => {
    await expect(run()).rejects.toMatchObject({
      exitCode: 2,
      message: expect.stringContaining('"public"."tenants"') as string,
      suggestions: ADVICE,
    });
  });

  it('doctor says so, and gives no advice to drop schemas', async () => {
    const { checks } = await doctor(await asMember());
    expect(checks.find(({ name }) => name === 'table-rules')).toMatchObject({
      ok: false,
      items: ['public.tenants: row-level security hides rows from this user'],
    });
    expect(JSON.stringify(checks)).not.toContain('DROP SCHEMA');
  });

  it('their owner is not concerned', async () => {
    expect((await status(await fleet.project())).tenants.total).toBe(2);
    const { checks } = await doctor(await fleet.project());
    expect(checks.find(({ name }) => name === 'table-rules')).toMatchObject({ ok: true });
  });
});

describe('where row-level security hides applied migrations', () => {
  beforeEach(() =>
    database.query(
      `ALTER TABLE t1.pgmigrations ENABLE ROW LEVEL SECURITY; CREATE POLICY none ON t1.pgmigrations USING (false)`,
    ),
  );
  afterEach(() =>
    database.query('DROP POLICY none ON t1.pgmigrations; ALTER TABLE t1.pgmigrations DISABLE ROW LEVEL SECURITY'),
  );

  it('status does not take the tenant for one without migrations', async () => {
    const report = await status(await asMember());
    expect(isUpToDate(report)).toBe(false);
    expect(report.cohorts.filter(({ state }) => state === 'unreadable')).toMatchObject([{ tenants: ['t1'] }]);
  });

  it('migrate leaves the tenant alone, and says what to do', async () => {
    const report = await fleet.migrate({}, { ...(await asMember()), canary: 0 });
    expect(report.results).toContainEqual(
      expect.objectContaining({
        tenant: 't1',
        status: 'failed',
        error: expect.objectContaining({
          message: expect.stringContaining('row-level security policy for table "pgmigrations"') as string,
          suggestions: ADVICE,
        }) as unknown,
      }),
    );
    expect(await fleet.tables('t1')).not.toContain('two');
  });

  it('doctor names the tenant', async () => {
    const { checks } = await doctor(await asMember());
    expect(checks.find(({ name }) => name === 'tenant-migrations')).toMatchObject({ ok: false, suggestions: ADVICE });
    expect(JSON.stringify(checks)).not.toContain('DROP SCHEMA');
  });
});

it('migrations and queries of the user find the rows that policies let them find', async () => {
  await database.query(`ALTER TABLE t2.projects ENABLE ROW LEVEL SECURITY; CREATE POLICY own ON t2.projects USING (name = 'mine');
    INSERT INTO t2.projects (name) VALUES ('mine'), ('hidden'); GRANT ALL ON t2.projects TO ${role}`);
  const asked = { ...(await asMember()), fallThrough: 'off' } as Project;
  expect(await ask(asked, 'SELECT name FROM projects')).toMatchObject({ rows: [['t2', 'mine']], failed: [] });
});
