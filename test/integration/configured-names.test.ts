import { array, assert, asyncProperty, constantFrom, dictionary } from 'fast-check';
import { expect, it } from 'vitest';

import { openClient, closeClient } from '../../src/db/connect.js';
import { quoteIdentifier } from '../../src/db/identifiers.js';
import { listTenants } from '../../src/fleet/list-tenants.js';
import { status } from '../../src/fleet/status.js';
import { createDomain } from '../../src/lifecycle/create-domain.js';
import { createTenant } from '../../src/lifecycle/create-tenant.js';
import { registryMigration } from '../../src/registry/migration-template.js';
import { orderBy } from '../../src/util/tenant-order.js';
import { anyName, anyText, schemas } from '../support/arbitrary-names.js';
import { createTestDatabase } from '../support/database.js';
import { ask } from '../support/every-command.js';
import { createFleet, useFleet } from '../support/fleet.js';
import { SHAPE } from '../support/registry-shapes.js';

const fleet = useFleet({ each: true });
const { database } = fleet;

/** Seven names that nothing else in a database has. */
const sevenNames = schemas(7);

it('tables, columns and schemas of any name can be configured', async () => {
  await assert(
    asyncProperty(
      sevenNames,
      async ([shared = '', extra = '', tenants = '', domains = '', bookkeeping = '', key = '', id = '']) => {
        const own = await createTestDatabase();
        const made = await createFleet(own);
        const shape = {
          ...SHAPE,
          schema: shared,
          tenants: { table: tenants, columns: { ...SHAPE.tenants.columns, schemaName: key, id } },
          domains: { ...SHAPE.domains, table: domains },
        };
        await made.files.write('migrations/shared/0001_registry.sql', registryMigration(shape));
        const loaded = await made.project();
        const settings = {
          registry: shape,
          migrationsTable: bookkeeping,
          shared: { ...loaded.shared, schema: shared },
          tenants: { ...loaded.tenants, order: orderBy(key), extraSearchPath: [extra] },
        };
        await own.query(
          `CREATE SCHEMA ${quoteIdentifier(extra)}; CREATE TABLE ${quoteIdentifier(extra)}.found AS SELECT 'in extra' AS t`,
        );
        expect((await made.migrate({ selection: { kind: 'shared' } }, settings)).shared.status).toBe('applied');
        const project = await made.project(settings);
        await createTenant(project, { schema: 'acme', domains: ['acme.example.com'] });
        await made.tenantMigration('0002_copy.sql', 'CREATE TABLE copied AS SELECT t FROM found;');
        expect((await made.migrate({}, settings)).tenants).toMatchObject({ applied: 1, failed: 0 });
        expect(await ask(project, 'SELECT t FROM copied')).toEqual({ rows: [['acme', 'in extra']], failed: [] });
        expect(await made.tables('acme')).toEqual(['copied', 'projects', bookkeeping].sort(byCodePoint));
        expect(await made.tables('public')).toEqual([]);
        expect((await listTenants(project)).map(({ schema, domains: [first] }) => [schema, first?.domain])).toEqual([
          ['acme', 'acme.example.com'],
        ]);
        await made.remove();
        await own.drop();
      },
    ),
    { numRuns: 5, endOnFailure: true },
  );
});

it('migration files of any name are applied once, and found again', async () => {
  await fleet.migrate({ selection: { kind: 'shared' } });
  await fleet.create('acme');
  const endings = array(anyText, { minLength: 4, maxLength: 4 });
  let count = 1;
  await assert(
    asyncProperty(endings, async (texts) => {
      const names = texts.map((text) => {
        count += 1;
        const ending = [...text.replaceAll(/[/.\\\n\r]/g, '_')].slice(0, 40).join('');
        return `${String(count).padStart(4, '0')}_${ending}x`;
      });
      for (const [index, name] of names.entries()) {
        const script = `exports.up = (pgm) => pgm.createTable('made_${name.slice(0, 4)}', { id: 'id' });`;
        if (index % 2 === 0) {
          await fleet.tenantMigration(`${name}.sql`, `CREATE TABLE made_${name.slice(0, 4)} (id int);`);
        } else await fleet.tenantMigration(`${name}.js`, script);
      }
      const report = await fleet.migrate();
      expect(report.results).toMatchObject([{ tenant: 'acme', status: 'applied', migrations: names }]);
      expect((await fleet.applied('acme')).slice(-4)).toEqual(names);
      expect((await status(await fleet.project())).tenants).toMatchObject({ upToDate: 1 });
    }),
    { numRuns: 6, endOnFailure: true },
  );
});

it('columns, values and labels of a new tenant are stored as they were given', async () => {
  await fleet.migrate({ selection: { kind: 'shared' } });
  let count = 0;
  const taken = new Set(Object.values(SHAPE.tenants.columns));
  const columns = dictionary(
    anyName.filter((name) => !taken.has(name)),
    anyText,
    { minKeys: 1, maxKeys: 4, noNullPrototype: true },
  );
  await assert(
    asyncProperty(columns, anyText, async (set, label) => {
      count += 1;
      const schema = `t${count}`;
      for (const name of Object.keys(set)) {
        await database.query(`ALTER TABLE tenants ADD COLUMN IF NOT EXISTS ${quoteIdentifier(name)} text`);
      }
      const made = await createTenant(await fleet.project(), { schema, label, set });
      expect(made.tenant.name).toBe(label);
      const { rows } = await database.query('SELECT * FROM tenants WHERE schema_name = $1', [schema]);
      for (const [name, value] of Object.entries(set)) expect(rows[0]?.[name]).toBe(value);
    }),
    { numRuns: 10, endOnFailure: true },
  );
});

it('names and domains that new tenants cannot have are refused, and nothing is made', async () => {
  await fleet.migrate({ selection: { kind: 'shared' } });
  const project = await fleet.project();
  await createTenant(project, { schema: 'acme' });
  const bad = anyText.filter((text) => !/^[a-z_][a-z0-9_]*$/.test(text));
  await assert(
    asyncProperty(bad, constantFrom('', 'a\0b', 'a\0user\0postgres'), async (text, more) => {
      const schema = text + more;
      await expect(createTenant(project, { schema })).rejects.toMatchObject({ code: 'INVALID_NAME', exitCode: 2 });
      await expect(createDomain(project, { schema: 'acme', domain: `${schema}/` })).rejects.toMatchObject({
        code: 'INVALID_DOMAIN',
        exitCode: 2,
      });
    }),
    { numRuns: 60 },
  );
  expect((await listTenants(project)).map(({ schema, domains }) => [schema, domains])).toEqual([['acme', []]]);
});

it('a name with a NUL does not reach the beginning of a connection', async () => {
  const client = await openClient(database.config, 'rename-tenant a\0options\0-c work_mem=9MB');
  const { rows } = await client.query(
    `SELECT current_setting('work_mem') AS mem, current_setting('application_name') AS name`,
  );
  await closeClient(client);
  expect(rows).toEqual([{ mem: '4MB', name: 'tenants: rename-tenant aoptions-c work_mem=9MB' }]);
});

function byCodePoint(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
