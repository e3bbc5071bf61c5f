import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';

import { doctor } from '../../src/doctor/doctor.js';
import type { Check, CheckName } from '../../src/doctor/types.js';
import type { Project } from '../../src/project/project.js';
import { useDatabase } from '../support/database.js';
import { checkOf, find, wrongChecks } from '../support/doctor.js';
import { createFleet, type TestFleet } from '../support/fleet.js';

const database = useDatabase();
let fleet: TestFleet;
/** The project as an ordinary user, with a name that needs quotes. */
let project: Project;
let login: string;
let owner: string;

beforeAll(async () => {
  login = `${database.name} Login`;
  owner = `${database.name} "Owner"`;
  await database.query(`CREATE ROLE ${quote(login)} LOGIN PASSWORD 'p'; CREATE ROLE ${quote(owner)}`);
  await database.query(`GRANT USAGE ON SCHEMA public TO ${quote(login)}, ${quote(owner)}`);
  fleet = await createFleet(database);
  const admin = await fleet.project();
  project = { ...admin, database: { ...admin.database, user: login, password: 'p' } };
});
afterEach(async () => {
  await database.query('DELETE FROM domains; DELETE FROM tenants').catch(() => undefined);
});
afterAll(async () => {
  await fleet.remove();
  await database.query(
    `DROP OWNED BY ${quote(login)}, ${quote(owner)} CASCADE; DROP ROLE ${quote(login)}, ${quote(owner)}`,
  );
});

function quote(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** Carries out the statements that a check suggests. */
async function follow({ suggestions = [] }: Check): Promise<void> {
  for (const statement of suggestions) await database.query(statement);
}

it('each right that is lacking is told with the statement that grants it', async () => {
  await fleet.migrate({ selection: { kind: 'shared' } });
  await database.query(`REVOKE CREATE ON DATABASE ${quote(database.name)} FROM PUBLIC`);
  // Without the right to read it, nothing can be said about the fleet.
  const first = await doctor(project);
  expect(find(first.checks, 'missing-schemas')).toMatchObject({ skipped: true });
  for (const name of [
    'database-privileges',
    'shared-schema-privileges',
    'registry-privileges',
    'shared-migrations',
  ] as CheckName[]) {
    const check = find(first.checks, name);
    expect(check, name).toMatchObject({ ok: false });
    expect(check.skipped).toBeUndefined();
    if (name !== 'shared-migrations') await follow(check);
  }
  expect(find(first.checks, 'registry-privileges').items).toHaveLength(8);
  await database.query(`GRANT SELECT ON pgmigrations TO ${quote(login)}`);
  expect(await wrongChecks(project)).toEqual([]);
});

it('tenants of other owners are listed', async () => {
  await fleet.create('theirs', 'ours');
  await database.query(
    `GRANT USAGE ON SCHEMA theirs, ours TO ${quote(login)}; GRANT SELECT ON theirs.pgmigrations, ours.pgmigrations TO ${quote(login)}`,
  );
  expect((await checkOf(project, 'tenant-privileges')).items).toEqual([
    'ours: no USAGE or CREATE on the schema',
    'theirs: no USAGE or CREATE on the schema',
  ]);
  await database.query(
    `GRANT CREATE ON SCHEMA theirs TO ${quote(login)}; ALTER SCHEMA ours OWNER TO ${quote(login)}; ALTER TABLE ours.pgmigrations OWNER TO ${quote(login)}`,
  );
  const check = await checkOf(project, 'tenant-privileges');
  expect(check).toMatchObject({ ok: false, actual: '1 tenant of 2 not' });
  expect(check.items).toEqual([expect.stringMatching(/^theirs: its migrations table belongs to "/)]);
  await database.query('DROP SCHEMA ours, theirs CASCADE');
});

it('a schema that may not be read is told', async () => {
  await fleet.create('closed');
  expect(await checkOf(project, 'tenant-migrations')).toMatchObject({
    ok: false,
    actual: '1 unreadable',
    items: [expect.stringMatching(/^closed: The database user may not read/)],
  });
  await database.query('DROP SCHEMA closed CASCADE');
});

it('the configured role must exist, be ours to take, and have the rights of an owner', async () => {
  const acting = { ...project, role: owner };
  expect(await checkOf({ ...project, role: 'nobody at all' }, 'set-role')).toMatchObject({
    ok: false,
    actual: 'the role "nobody at all" does not exist',
  });
  const { checks } = await doctor(acting);
  for (const name of [
    'set-role',
    'database-privileges',
    'shared-schema-privileges',
    'registry-privileges',
  ] as CheckName[]) {
    expect(find(checks, name), name).toMatchObject({ ok: false });
    await follow(find(checks, name));
  }
  expect(find(checks, 'registry-privileges').items).toEqual([`SELECT on "tenants" for "${owner}"`]);
  expect(await wrongChecks(acting)).toEqual([]);
});

it('repairs act as the configured role', async () => {
  const acting = { ...project, role: owner };
  await database.query(`INSERT INTO tenants (schema_name, status) VALUES ('half', 'provisioning')`);
  const created = await checkOf(acting, 'unfinished-creations', { fix: true });
  expect(created).toMatchObject({ ok: true, fixed: true });
  await database.query(`UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'half.projects_pkey'::regclass`);
  await database.query('ALTER TABLE half.pgmigrations DROP CONSTRAINT pgmigrations_pkey');
  const { checks } = await doctor(acting, { fix: true });
  expect(find(checks, 'invalid-indexes')).toMatchObject({ ok: true, fixed: true });
  expect(find(checks, 'migrations-tables')).toMatchObject({ ok: true, fixed: true });
  const { rows } = await database.query(
    `SELECT DISTINCT pg_get_userbyid(relowner)::text AS owner FROM pg_class WHERE relnamespace = 'half'::regnamespace`,
  );
  expect(rows).toEqual([{ owner }]);
  // What the role may not change is told, and stays.
  await database.query('ALTER TABLE tenants DISABLE TRIGGER tenants_registry_notify');
  const refused = await checkOf(acting, 'registry-triggers', { fix: true });
  expect(refused).toMatchObject({ ok: false, failures: [expect.stringMatching(/must be owner/)] });
  await database.query('ALTER TABLE tenants ENABLE TRIGGER tenants_registry_notify; DROP SCHEMA half CASCADE');
});
