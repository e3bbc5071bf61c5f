import { runner } from 'node-pg-migrate';
import { escapeIdentifier, type Client } from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { qualified } from '../../src/db/identifiers.js';
import { inspectRegistry } from '../../src/registry/check.js';
import { registryMigration } from '../../src/registry/migration-template.js';
import { REGISTRY_CHANNEL, type RegistryShape } from '../../src/registry/names.js';
import { useDatabase } from '../support/database.js';
import { createProject, type TestProject } from '../support/project.js';
import { SHAPE, SHAPES } from '../support/registry-shapes.js';
import { createRegistry, register } from '../support/registry.js';

const database = useDatabase();
let client: Client;

beforeAll(async () => {
  client = await database.client();
});

describe.each(SHAPES)('the registry migration with %s', (_, shape) => {
  let project: TestProject;

  beforeAll(async () => {
    project = await createProject({ 'migrations/0001_registry.sql': registryMigration(shape) });
    await client.query(`DROP SCHEMA IF EXISTS ${escapeIdentifier(shape.schema)} CASCADE`);
    await client.query(`CREATE SCHEMA ${escapeIdentifier(shape.schema)}`);
  });

  afterAll(() => project.remove());

  it('is run up and down and up by plain node-pg-migrate', async () => {
    await migrate(shape, project, 'up');
    expect(await inspectRegistry(client, shape)).toBe('present');
    expect(await objectsOf(shape)).not.toEqual([]);
    await migrate(shape, project, 'down');
    expect(await objectsOf(shape)).toEqual([]);
    await migrate(shape, project, 'up');
  });

  it('announces every change of either table with the keys before and after', async () => {
    const other = await database.client();
    const heard: unknown[] = [];
    other.on('notification', ({ channel, payload }) => heard.push([channel, JSON.parse(payload ?? '')]));
    await other.query(`LISTEN ${REGISTRY_CHANNEL}`);
    const hostile = `${'"'.repeat(30)}\\${"'".repeat(32)}`;
    await client.query('SET search_path TO pg_temp');
    await register(client, shape, { schema: hostile, domains: [{ domain: 'a.example', primary: true }] });
    const { columns } = shape.tenants;
    const tenants = qualified(shape.schema, shape.tenants.table);
    const schemaName = escapeIdentifier(columns.schemaName);
    const domains = qualified(shape.schema, shape.domains.table);
    const domain = escapeIdentifier(shape.domains.columns.domain);
    await client.query(`UPDATE ${tenants} SET ${schemaName} = 'new' WHERE ${schemaName} = $1`, [hostile]);
    await client.query(`UPDATE ${tenants} SET ${schemaName} = ${schemaName}`);
    await client.query(`UPDATE ${domains} SET ${domain} = $1`, ['b'.repeat(253)]);
    await client.query(`DELETE FROM ${tenants}`);
    await client.query('RESET search_path');
    await client.query(`NOTIFY ${REGISTRY_CHANNEL}, '"end"'`);
    await expect.poll(() => heard.at(-1)).toEqual([REGISTRY_CHANNEL, 'end']);
    expect(heard.map((message) => (message as unknown[])[1])).toEqual([
      { schemas: [hostile] },
      { domains: ['a.example'] },
      { schemas: [hostile, 'new'] },
      { domains: ['a.example', 'b'.repeat(253)] },
      { schemas: ['new'] },
      { domains: ['b'.repeat(253)] },
      'end',
    ]);
    await other.end();
  });
});

describe('the registry', () => {
  beforeEach(async () => {
    await createRegistry(client, SHAPE);
    await register(client, SHAPE, { schema: 'acme', domains: [{ domain: 'acme.example', primary: true }] });
  });

  it.each([
    [
      'a second primary domain',
      'INSERT INTO domains (domain, tenant_id, is_primary) SELECT $1, id, true FROM tenants',
      'b',
    ],
    ['a domain in upper case', 'INSERT INTO domains (domain, tenant_id) SELECT $1, id FROM tenants', 'ACME.example'],
    ['a domain twice', 'INSERT INTO domains (domain, tenant_id) SELECT $1, id FROM tenants', 'acme.example'],
    ['a name over 63 bytes', 'INSERT INTO tenants (schema_name) VALUES ($1)', 'ä'.repeat(32)],
    ['an unknown status', `INSERT INTO tenants (schema_name, status) VALUES ('x', $1)`, 'sleeping'],
  ])('refuses %s', async (_, sql, value) => {
    await expect(client.query(sql, [value])).rejects.toMatchObject({ code: expect.stringMatching(/^235/) });
  });

  it('stays silent about an update that changes nothing, whatever columns its owner adds', async () => {
    await client.query(`ALTER TABLE tenants ADD COLUMN settings json, ADD COLUMN place point`);
    const { rowCount } = await client.query(`UPDATE tenants SET settings = '{"a": 1}', place = '(1,2)'`);
    expect(rowCount).toBe(1);
    const other = await database.client();
    const heard: (string | undefined)[] = [];
    other.on('notification', ({ payload }) => heard.push(payload));
    await other.query(`LISTEN ${REGISTRY_CHANNEL}`);
    await client.query('UPDATE tenants SET settings = settings');
    await client.query(`NOTIFY ${REGISTRY_CHANNEL}, 'end'`);
    await expect.poll(() => heard).toEqual(['end']);
    await other.end();
  });

  it('is written with the usual names and without quotes', () => {
    const text = registryMigration(SHAPE);
    const statements = text.split('\n').filter((line) => !line.startsWith('--'));
    expect(statements.join('\n')).not.toContain('"');
    expect(text).toMatch(/^CREATE TABLE tenants \($/m);
  });
});

async function migrate(shape: RegistryShape, project: TestProject, direction: 'up' | 'down'): Promise<void> {
  await runner({
    dbClient: client,
    dir: project.path('migrations'),
    direction,
    schema: shape.schema,
    migrationsTable: 'pgmigrations',
    migrationsSchema: shape.schema,
    count: 1,
    singleTransaction: true,
    log: () => undefined,
  });
  await client.query('RESET search_path');
}

/** Relations and functions of the shared schema but for the bookkeeping. */
async function objectsOf({ schema }: RegistryShape): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    `SELECT relname AS name FROM pg_class WHERE relnamespace = to_regnamespace($1) AND relname NOT LIKE 'pgmigrations%'
      UNION ALL SELECT proname FROM pg_proc WHERE pronamespace = to_regnamespace($1)`,
    [escapeIdentifier(schema)],
  );
  return rows.map(({ name }) => name);
}
