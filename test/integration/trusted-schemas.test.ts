import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { doctor } from '../../src/doctor/doctor.js';
import { status } from '../../src/fleet/status.js';
import { createTenant } from '../../src/lifecycle/create-tenant.js';
import { renameTenant } from '../../src/lifecycle/rename-tenant.js';
import type { Project } from '../../src/project/project.js';
import { checkOf } from '../support/doctor.js';
import { ask, usePopulatedFleet, execute, READING } from '../support/every-command.js';
import { hasPgBouncer, startPgBouncer } from '../support/pgbouncer.js';
import { namesIn, plantShadows, recordSql, shadowCalls } from '../support/shadow-objects.js';

let role: string;
const fleet = usePopulatedFleet();
const { database } = fleet;

beforeEach(async () => {
  role = `stranger_${database.name}`;
  await database.query(`CREATE ROLE ${role}`);
});
afterEach(async () => {
  await database.query(`DROP OWNED BY ${role} CASCADE; DROP ROLE ${role}`);
});

describe('doctor tells who else may create in the shared schema', () => {
  const check = async () => await checkOf(await fleet.project(), 'schema-creators');

  it('everybody is wrong, with the statement that takes the right away', async () => {
    await database.query('GRANT CREATE ON SCHEMA public TO PUBLIC');
    expect(await check()).toMatchObject({
      ok: false,
      actual: 'everybody',
      items: ['public: PUBLIC'],
      suggestions: ['REVOKE CREATE ON SCHEMA "public" FROM PUBLIC'],
    });
    await database.query('REVOKE CREATE ON SCHEMA public FROM PUBLIC');
    expect(await check()).toMatchObject({ ok: true, actual: 'no other role' });
  });

  it('a role that was granted the right by name is told', async () => {
    await database.query(`REVOKE CREATE ON SCHEMA public FROM PUBLIC; GRANT CREATE ON SCHEMA public TO ${role}`);
    expect(await check()).toMatchObject({ ok: true, actual: '1 role besides', items: [`public: "${role}"`] });
  });
});

describe("doctor looks at the registry's triggers", () => {
  it('a function of an older version that searches the path of its caller is told, and works', async () => {
    await database.query('ALTER FUNCTION public.tenants_registry_notify() RESET search_path');
    const { checks } = await doctor(await fleet.project());
    expect(checks.find(({ name }) => name === 'registry-triggers')).toMatchObject({ ok: true });
    expect(checks.find(({ name }) => name === 'table-rules')).toMatchObject({
      ok: true,
      suggestions: [`In a shared migration: ALTER FUNCTION "public"."tenants_registry_notify"() SET search_path TO ''`],
    });
  });

  it("the owner's own are fine, those that run a function of another session are not", async () => {
    await database.query(`CREATE FUNCTION public.audit() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
      CREATE TRIGGER audit AFTER INSERT ON public.tenants FOR EACH ROW EXECUTE FUNCTION public.audit()`);
    expect(await checkOf(await fleet.project(), 'table-rules')).toMatchObject({ ok: true });
    await database.query(`GRANT CREATE ON SCHEMA public TO ${role}; ALTER FUNCTION public.audit() OWNER TO ${role}`);
    expect(await checkOf(await fleet.project(), 'table-rules')).toMatchObject({
      ok: false,
      items: ['public.tenants: trigger "audit"'],
    });
  });
});

it("a migrations table with someone's types is not read, because that could run their code", async () => {
  await database.query(`CREATE TYPE t1.evil AS (word text);
    CREATE FUNCTION t1.evil(t1.evil) RETURNS text LANGUAGE plpgsql AS 'BEGIN CREATE TABLE public.called (); RETURN $1.word; END';
    CREATE CAST (t1.evil AS text) WITH FUNCTION t1.evil(t1.evil) AS IMPLICIT;
    DROP TABLE t1.pgmigrations; CREATE TABLE t1.pgmigrations (id int, name t1.evil, run_on timestamp);
    INSERT INTO t1.pgmigrations VALUES (1, ROW('0001_projects'), now())`);
  const { cohorts } = await status(await fleet.project());
  expect(cohorts.filter(({ state }) => state === 'unreadable')).toMatchObject([{ tenants: ['t1'] }]);
  expect((await fleet.migrate({}, { canary: 0 })).tenants).toMatchObject({ applied: 1, failed: 1 });
  await doctor(await fleet.project());
  expect((await database.query(`SELECT to_regclass('public.called') AS called`)).rows).toEqual([{ called: null }]);
});

it.each<[string, (project: Project) => Promise<unknown>]>([
  ['status', (project) => status(project)],
  ['migrate', (project) => fleet.migrate({}, project)],
  ['query', (project) => ask(project, 'SELECT 1')],
  ['exec', (project) => execute(project, 'true')],
  ['doctor', (project) => doctor(project)],
])('extraSearchPath may not name a tenant: %s', async (_, run) => {
  const project = await fleet.project();
  const wrong = { ...project, tenants: { ...project.tenants, extraSearchPath: ['t2'] } };
  await expect(run(wrong)).rejects.toMatchObject({ code: 'CONFIG_INVALID', exitCode: 2 });
});

it('nor one that is about to be made', async () => {
  const project = await fleet.project();
  const wrong = { ...project, tenants: { ...project.tenants, extraSearchPath: ['tools'] } };
  await expect(createTenant(wrong, { schema: 'tools' })).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
  await expect(renameTenant(wrong, { from: 't1', to: 'tools' })).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
});

it.skipIf(!hasPgBouncer)(
  'behind a pooler in transaction mode nothing of others is called either',
  async () => {
    const recording = await recordSql(database);
    const recorded = await fleet.project({ database: recording.proxy.config });
    for (const [, run] of READING.slice(0, 4)) await run(recorded);
    await doctor(recorded);
    await recording.proxy.close();
    await database.query(`GRANT USAGE, CREATE ON SCHEMA public TO ${role}`);
    await plantShadows(database, { schema: 'public', role }, await namesIn(database, recording.sql()));
    const bouncer = await startPgBouncer(database.config, { size: 3 });
    try {
      const project = await fleet.project({ database: bouncer.config });
      for (const [, run] of READING.slice(0, 4)) await run(project);
      await doctor(project);
      expect(await ask(project, 'TABLE projects')).toMatchObject({ failed: [] });
      expect(await shadowCalls(database)).toBe(0);
    } finally {
      await bouncer.stop();
    }
  },
  60_000,
);
