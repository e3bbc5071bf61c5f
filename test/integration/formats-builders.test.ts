import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { createMigrationsTable } from '../../src/engine/bookkeeping.js';
import { createTenant } from '../../src/lifecycle/create-tenant.js';
import { rollback } from '../../src/run/rollback.js';
import { readFingerprints } from '../../src/structure/read-structure.js';
import { useDatabase } from '../support/database.js';
import type { TestFleet } from '../support/fleet.js';
import { createFormatFleet, readFixture, TENANT_DIRECTORY } from '../support/format-fixtures.js';
import { type Reference, REFERENCE_TOOLS } from '../support/reference-tools.js';

const TENANTS = ['t1', 'Odd "Tenant"', 't3'];
const FIXTURES = [
  {
    format: 'knex' as const,
    names: ['20250301090000_users', '20250302090000_tasks', '20250303090000_search', '20250304090000_labels'],
    data: 'SELECT title, due::text, email, name, settings, tags, label_id IS NOT NULL AS labeled FROM $.users u LEFT JOIN $.tasks t ON t.user_id = u.id ORDER BY email',
  },
  {
    format: 'kysely' as const,
    names: ['1740819600000_users', '1740906000000_tasks', '1740992400000_search', '1741078800000_labels'],
    data: 'SELECT title, due::text, email, name, settings, label_id FROM $.users u LEFT JOIN $.tasks t ON t.user_id = u.id ORDER BY email',
  },
];

describe.each(FIXTURES)('migrations of $format', ({ format, names, data }) => {
  const database = useDatabase();
  let fleet: TestFleet;
  let reference: Reference;

  beforeAll(async () => {
    fleet = await createFormatFleet(database, format, format);
    await fleet.migrate({ selection: { kind: 'shared' } });
    const project = await fleet.project();
    for (const schema of ['t1', 't3']) await createTenant(project, { schema, noMigrate: true });
    await database.query('CREATE SCHEMA "Odd ""Tenant"""');
    await database.query(`INSERT INTO tenants (schema_name, name, status) VALUES ('Odd "Tenant"', 'odd', 'active')`);
    await database.query('CREATE SCHEMA reference');
    await database.query(createMigrationsTable('reference', 'pgmigrations').text);
    const folder = fleet.files.path(TENANT_DIRECTORY);
    const files = Object.keys(await readFixture(format));
    reference = await REFERENCE_TOOLS[format](database.url, 'reference', folder, files);
  });
  afterAll(async () => {
    await reference.end();
    await fleet.remove();
  });

  const quoted = (schema: string): string => `"${schema.replaceAll('"', '""')}"`;
  const rowsOf = async (schema: string): Promise<unknown[]> =>
    (await database.query(data.replaceAll('$', quoted(schema)))).rows;
  const fingerprints = async (): Promise<(string | undefined)[]> => {
    const client = await database.client();
    const { rows } = await database.query<{ version: string }>(
      `SELECT current_setting('server_version_num') AS version`,
    );
    const version = Number(rows[0]?.version);
    const schemas = ['reference', ...TENANTS];
    const found = await readFingerprints(client, database.config, schemas, {
      level: 'structure',
      version,
      connections: 1,
    });
    return schemas.map((schema) => JSON.stringify(found.get(schema)));
  };

  it('make of every tenant what the tool itself makes of one schema, and take it away again, with every executor', async () => {
    const same = async (): Promise<string | undefined> => {
      const found = new Set(await fingerprints());
      expect([...found]).toHaveLength(1);
      return [...found][0];
    };
    const [empty] = await fingerprints();
    await reference.up();
    expect(await fleet.migrate({}, { executor: 'standard' })).toMatchObject({ tenants: { applied: 3, failed: 0 } });
    for (const schema of TENANTS) expect(await fleet.applied(schema)).toEqual(names);
    const full = await same();
    for (const schema of TENANTS) expect(await rowsOf(schema)).toEqual(await rowsOf('reference'));
    expect(await fleet.migrate()).toMatchObject({ tenants: { upToDate: 3, applied: 0 } });

    const back = await rollback(await fleet.project({ executor: 'multiprocessing' }), {
      selection: { kind: 'tenants' },
      target: { count: names.length },
      confirmed: true,
    });
    expect(back).toMatchObject({ tenants: { rolledBack: 3, failed: 0 } });
    expect(await fingerprints()).toEqual([full, empty, empty, empty]);

    expect(await fleet.migrate({}, { executor: 'worker-threads' })).toMatchObject({ tenants: { applied: 3 } });
    expect(await same()).toBe(full);
    for (const schema of TENANTS) expect(await rowsOf(schema)).toEqual(await rowsOf('reference'));
    await reference.down();
    expect(await fingerprints()).toEqual([empty, full, full, full]);
  });
});
