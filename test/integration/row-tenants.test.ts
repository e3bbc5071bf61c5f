import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { exec } from '../../src/each-tenant/exec/exec.js';
import { query } from '../../src/each-tenant/query/query.js';
import { listTenants } from '../../src/fleet/list-tenants.js';
import { status } from '../../src/fleet/status.js';
import type { FleetEvent } from '../../src/fleet/types.js';
import { cloneTenant } from '../../src/lifecycle/clone-tenant.js';
import { createTenant } from '../../src/lifecycle/create-tenant.js';
import { deleteTenant } from '../../src/lifecycle/delete-tenant.js';
import { createTenants } from '../../src/lifecycle/many/create-tenants.js';
import { renameTenant } from '../../src/lifecycle/rename-tenant.js';
import { readTenantSize } from '../../src/lifecycle/tenant-size.js';
import type { CreateHookContext } from '../../src/project/hook-types.js';
import type { Project } from '../../src/project/project.js';
import { plan } from '../../src/run/plan.js';
import { rollback } from '../../src/run/rollback.js';
import { drift } from '../../src/structure/drift.js';
import { findPostgres } from '../support/debian-postgres.js';
import { useFleet } from '../support/fleet.js';
import { fillSql, ROW_FILES } from '../support/row-fleet.js';

const fleet = useFleet({ files: ROW_FILES });
const { database } = fleet;
let project: Project;
/** The same as a role for which the policies hold. */
let limited: Project;
let role: string;

beforeAll(async () => {
  await fleet.migrate({ selection: { kind: 'shared' } });
  project = await fleet.project();
  const { rows } = await database.query<{ name: string }>('SELECT current_database() AS name');
  role = `${rows[0]?.name}_app`;
  await database.query(`CREATE ROLE ${role} LOGIN PASSWORD 'secret'`);
  await database.query(
    `GRANT USAGE ON SCHEMA public TO ${role}; GRANT ALL ON ALL TABLES IN SCHEMA public TO ${role}; GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO ${role}`,
  );
  limited = { ...project, database: { ...database.config, user: role, password: 'secret' } };
  await fleet.create('own');
  for (const schema of ['acme', 'globex']) {
    await createTenant(project, { schema, type: 'pooled', domains: [`${schema}.example.com`] });
    await database.query(fillSql(schema, 3));
  }
});
afterAll(async () => {
  await database.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
});

const POOLED = { type: 'pooled', state: 'upToDate', rows: true, pending: [], last: null };

async function count(table: string, tenant: string): Promise<number> {
  const { rows } = await database.query<{ count: number }>(
    `SELECT count(*)::int AS count FROM ${table} WHERE tenant_id = (SELECT id FROM tenants WHERE schema_name = $1)`,
    [tenant],
  );
  return rows[0]?.count ?? 0;
}

describe('the fleet', () => {
  it('shows row-level tenants in status, plan and list, and migrates the others', async () => {
    await fleet.tenantMigration(
      '0002_more.sql',
      '-- Up Migration\nCREATE TABLE more ();\n-- Down Migration\nDROP TABLE more;\n',
    );
    const before = await status(project);
    expect(before.tenants).toMatchObject({ total: 3, upToDate: 2, pending: 1, missing: 0 });
    expect(before.cohorts).toContainEqual(
      expect.objectContaining({ ...POOLED, count: 2, tenants: ['acme', 'globex'] }),
    );
    const planned = await plan(project, { selection: { kind: 'all' } });
    expect(planned.cohorts).toContainEqual(expect.objectContaining({ ...POOLED, count: 2 }));
    expect(await fleet.migrate()).toMatchObject({ tenants: { total: 3, applied: 1, upToDate: 2, failed: 0 } });
    expect(await fleet.migrate({ selection: { kind: 'tenants', names: ['acme'] } })).toMatchObject({
      tenants: { total: 1, upToDate: 1 },
    });
    const listed = await listTenants(project, { migrations: true });
    expect(listed.map(({ schema, rows, migrations }) => [schema, rows, migrations?.state])).toEqual([
      ['acme', true, undefined],
      ['globex', true, undefined],
      ['own', undefined, 'upToDate'],
    ]);
  });

  it('has nothing to roll back and nothing that could differ', async () => {
    const back = await rollback(project, { selection: { kind: 'tenants', types: ['pooled'] }, target: { count: 1 } });
    expect(back.tenants).toMatchObject({ total: 2, failed: 0, rolledBack: 0 });
    expect((await drift(project)).tenants).toEqual({ total: 1, equal: 1, different: 0 });
    await expect(drift(project, { against: { kind: 'tenant', tenant: 'acme' } })).rejects.toThrow(
      'has no schema to compare with',
    );
  });
});

describe('create-tenant', () => {
  it('adds a row and domains, and no schema', async () => {
    const created = await createTenant(project, {
      schema: 'initech',
      type: 'pooled',
      domains: ['initech.example.com'],
    });
    expect(created).toMatchObject({ created: true, migrations: [], tenant: { type: 'pooled', status: 'active' } });
    const { rows } = await database.query(`SELECT to_regnamespace('initech') AS schema`);
    expect(rows).toEqual([{ schema: null }]);
    const again = { schema: 'initech', type: 'pooled', domains: ['initech.example.com'] };
    await expect(createTenant(project, again)).rejects.toMatchObject({ code: 'TENANT_EXISTS' });
    expect(await createTenant(project, { ...again, ifNotExists: true })).toMatchObject({ created: false });
    await expect(createTenant(project, { ...again, schema: 'x' })).rejects.toMatchObject({ code: 'DOMAIN_TAKEN' });
    await expect(createTenant(project, { schema: 'x', type: 'pooled', adopt: true })).rejects.toThrow(
      'no schema of their own',
    );
    await expect(createTenant(project, { schema: 'x', type: 'poled' })).rejects.toMatchObject({
      suggestions: ['The types are premium, pooled.'],
    });
  });

  it('creates many from a list, beside tenants that have schemas', async () => {
    const csv = 'schema,domain,type\nbulk_a,bulk-a.example.com,pooled\nbulk_b,,pooled\nbulk_c,,premium\n';
    const report = await createTenants(project, { tenants: { csv } });
    expect(report.tenants).toMatchObject({ total: 3, created: 3, failed: 0 });
    expect(await createTenants(project, { tenants: { csv } })).toMatchObject({ tenants: { exists: 3 } });
    const { rows } = await database.query(
      `SELECT to_regnamespace('bulk_a') AS a, to_regnamespace('bulk_c') IS NOT NULL AS c`,
    );
    expect(rows).toEqual([{ a: null, c: true }]);
    for (const schema of ['bulk_a', 'bulk_b', 'bulk_c']) await deleteTenant(project, { schema });
  });

  it('calls hooks that see the rows of the new tenant, and leaves nothing behind when one fails', async () => {
    const hooks = {
      afterCreateTenant: async ({ client }: CreateHookContext) => {
        await client?.query(`INSERT INTO customers (name) VALUES ('first')`);
      },
    };
    await createTenant(limited, { schema: 'hooked', type: 'pooled', hooks });
    expect(await count('customers', 'hooked')).toBe(1);
    const failing = { afterCreateTenant: () => Promise.reject(new Error('no')) };
    await expect(createTenant(project, { schema: 'gone', type: 'pooled', hooks: failing })).rejects.toThrow('no');
    expect((await database.query(`SELECT FROM tenants WHERE schema_name = 'gone'`)).rowCount).toBe(0);
  });
});

describe('query and exec', () => {
  const collect = async (options: { sql: string; names: string[]; write?: boolean }, as: Project) => {
    const found: unknown[] = [];
    const report = await query(as, {
      ...options,
      onRows: ({ tenant, rows }) => void found.push(...rows.map((row) => [tenant, ...row])),
    });
    return { found, failed: report.failed };
  };

  it('sees the rows of one tenant at a time', async () => {
    const sql = 'SELECT min(name), count(*)::int FROM customers';
    const { found } = await collect({ sql, names: ['acme', 'globex'] }, limited);
    expect(found).toEqual([
      ['acme', 'acme 1', '3'],
      ['globex', 'globex 1', '3'],
    ]);
    const update = { sql: `UPDATE customers SET email = 'x' || email`, names: ['acme'], write: true };
    expect((await collect(update, limited)).failed).toEqual([]);
    const { rows } = await database.query(`SELECT count(*)::int AS n FROM customers WHERE email LIKE 'x%'`);
    expect(rows).toEqual([{ n: 3 }]);
  });

  it('refuses a user for whom policies do not hold, and statements that would reach all tenants', async () => {
    const { found, failed } = await collect({ sql: 'SELECT * FROM customers', names: ['acme'] }, project);
    expect(found).toEqual([]);
    expect(failed).toMatchObject([
      { tenant: 'acme', error: { message: expect.stringContaining('does not restrict') } },
    ]);
    const truncate = await collect({ sql: 'TRUNCATE customers CASCADE', names: ['acme'], write: true }, limited);
    expect(truncate.failed).toMatchObject([
      { error: { message: expect.stringContaining('would change them for all') } },
    ]);
  });

  it('runs a program that sees the rows of one tenant', async () => {
    const lines: string[] = [];
    const script = `const { Client } = require('pg'); const c = new Client({ connectionString: process.env.DATABASE_URL });
      c.connect().then(() => c.query('SELECT count(*)::int AS n, min(name) AS first FROM customers')).then(({ rows }) => { console.log(process.env.TENANT_NAME, JSON.stringify(rows)); return c.end(); });`;
    const options = {
      command: [process.execPath, '-e', script] as const,
      cwd: process.cwd(),
      env: process.env,
      names: ['acme', 'globex'],
      onLines: (_tenant: string, _stream: string, text: readonly string[]) => void lines.push(...text),
    };
    const report = await exec(limited, options as unknown as Parameters<typeof exec>[1]);
    expect(report.results.map(({ exitCode }) => exitCode)).toEqual([0, 0]);
    expect(lines.toSorted()).toEqual(['acme [{"n":3,"first":"acme 1"}]', 'globex [{"n":3,"first":"globex 1"}]']);
    const refused = await exec(project, options as unknown as Parameters<typeof exec>[1]);
    expect(refused.results[0]?.error?.message).toContain('does not restrict');
  });
});

describe('rename-tenant and clone-tenant', () => {
  it('changes the name in the registry, and its rows stay its own', async () => {
    expect(await renameTenant(limited, { from: 'globex', to: 'globex_2' })).toMatchObject({
      tenant: { schema: 'globex_2' },
    });
    expect(await count('customers', 'globex_2')).toBe(3);
    await expect(renameTenant(project, { from: 'globex_2', to: 'acme' })).rejects.toMatchObject({
      code: 'TENANT_EXISTS',
    });
    await renameTenant(project, { from: 'globex_2', to: 'globex' });
  });

  it('does not clone', async () => {
    await expect(cloneTenant(project, { source: 'acme', schema: 'copy' })).rejects.toThrow(
      'share tables with other tenants',
    );
  });
});

describe('delete-tenant', () => {
  const add = async (schema: string, customers: number): Promise<void> => {
    await createTenant(project, { schema, type: 'pooled', domains: [`${schema}.example.org`] });
    await database.query(fillSql(schema, customers));
  };

  it('counts the rows first, then deletes those and nothing else', async () => {
    await add('short', 4);
    expect((await readTenantSize(limited, 'short')).rows).toEqual([
      { table: 'invoices', rows: 8 },
      { table: 'customers', rows: 4 },
      { table: 'employees', rows: 4 },
    ]);
    await expect(deleteTenant(project, { schema: 'short', keepSchema: true })).rejects.toThrow(
      'no schema that could be kept',
    );
    expect(await deleteTenant(limited, { schema: 'short' })).toMatchObject({ tenant: { status: 'deleted' } });
    expect(await count('customers', 'acme')).toBe(3);
    expect((await database.query(`SELECT FROM tenants WHERE schema_name = 'short'`)).rowCount).toBe(0);
  });

  it('deletes many rows in batches, and goes on after it was interrupted', async () => {
    await add('large', 50);
    const cancel = new AbortController();
    const onEvent = (event: FleetEvent): void => {
      if (event.type === 'warning' && event.message.includes('many rows')) cancel.abort();
    };
    const interrupted = deleteTenant(limited, { schema: 'large', batchSize: 20, cancel: cancel.signal, onEvent });
    await expect(interrupted).rejects.toMatchObject({ code: 'INTERRUPTED' });
    const { rows } = await database.query(`SELECT status FROM tenants WHERE schema_name = 'large'`);
    expect(rows).toEqual([{ status: 'deleting' }]);
    await deleteTenant(limited, { schema: 'large', batchSize: 20 });
    expect((await database.query(`SELECT FROM tenants WHERE schema_name = 'large'`)).rowCount).toBe(0);
    expect(await count('invoices', 'globex')).toBe(6);
  });

  it('writes a script that puts registration and rows back', async () => {
    await add('saved', 2);
    await database.query(
      `UPDATE customers SET name = E'tab\\tand \\\\ back' WHERE tenant_id = (SELECT id FROM tenants WHERE schema_name = 'saved')`,
    );
    const dump = fleet.files.path('saved.sql');
    await deleteTenant(limited, { schema: 'saved', dump });
    const text = await readFile(dump, 'utf8');
    expect(text).toContain('COPY "public"."customers"');
    expect(text).toContain('tab\\tand \\\\ back');
    expect(text.indexOf('"customers"')).toBeLessThan(text.indexOf('"invoices"'));
    const postgres = findPostgres();
    if (postgres !== undefined) {
      await promisify(execFile)(join(postgres, 'psql'), ['-v', 'ON_ERROR_STOP=1', '-q', '-f', dump, database.url]);
      expect([await count('customers', 'saved'), await count('invoices', 'saved')]).toEqual([2, 4]);
      const { rows } = await database.query(`SELECT domain FROM domains WHERE domain = 'saved.example.org'`);
      expect(rows).toHaveLength(1);
    }
    await expect(deleteTenant(project, { schema: 'acme', dump })).rejects.toMatchObject({ code: 'FILE_EXISTS' });
    expect(await count('customers', 'acme')).toBe(3);
  });
});
