import { rm } from 'node:fs/promises';

import { beforeEach, describe, expect, it } from 'vitest';

import { readRun } from '../../src/journal/read/runs.js';
import { createTenant } from '../../src/lifecycle/create-tenant.js';
import { createTenants } from '../../src/lifecycle/many/create-tenants.js';
import type { CreateTenantsOptions, CreateTenantsReport } from '../../src/lifecycle/many/types.js';
import type { CreateHookContext } from '../../src/project/hook-types.js';
import type { Project } from '../../src/project/project.js';
import { useFleet } from '../support/fleet.js';

const fleet = useFleet({
  files: {
    'tenants.config.json': JSON.stringify({ tenants: { types: { shop: './migrations/shop' } } }),
    'migrations/shop/0001_goods.sql': 'CREATE TABLE goods (id int);',
    'migrations/shared/0002_extra.sql': `ALTER TABLE tenants ADD COLUMN plan text CHECK (plan <> 'none') DEFAULT 'free', ADD COLUMN seats int;`,
  },
  tenants: [],
});

beforeEach(async () => {
  const { rows } = await fleet.database.query<{ schema: string }>(`SELECT schema_name AS schema FROM tenants`);
  for (const { schema } of rows) await fleet.database.query(`DROP SCHEMA IF EXISTS "${schema}" CASCADE`);
  await fleet.database.query('DELETE FROM tenants');
});

async function createAll(
  csv: string,
  options: Partial<CreateTenantsOptions> = {},
  overrides: Partial<Project> = {},
): Promise<CreateTenantsReport> {
  return await createTenants(await fleet.project(overrides), { tenants: { csv }, ...options });
}

async function problemsOf(csv: string): Promise<string[]> {
  const before = await picture();
  const error = await createAll(csv).then(
    () => undefined,
    (reason: unknown) => reason as { code: string; exitCode: number; details: { problems?: string[] } },
  );
  expect(error).toMatchObject({ code: 'USAGE', exitCode: 2 });
  expect(await picture()).toEqual(before);
  return error?.details.problems ?? [];
}

/** Everything that a call can have changed. */
async function picture(): Promise<unknown> {
  const { rows } = await fleet.database.query(
    `SELECT (SELECT json_agg(t ORDER BY id) FROM tenants t) AS tenants, (SELECT json_agg(d ORDER BY id) FROM domains d) AS domains,
            (SELECT json_agg(nspname::text ORDER BY nspname) FROM pg_namespace WHERE nspname !~ '^pg_') AS schemas,
            (SELECT last_value FROM tenants_id_seq) AS last`,
  );
  return rows[0];
}

async function rowsOf(columns: string): Promise<unknown> {
  return (await fleet.database.query(`SELECT ${columns} FROM tenants ORDER BY schema_name`)).rows;
}

describe('a list of tenants', () => {
  it('creates each with domains, type, label and columns of the owner, and records it', async () => {
    const report = await createAll(
      '\uFEFFschema,domain,type,label,plan,seats\r\nacme,"acme.example.com; www.acme.test",,"Acme, ""Ltd""",gold,12\r\ncorner,,shop,,,\n',
    );
    expect(report).toMatchObject({
      tenants: { total: 2, created: 2, exists: 0, failed: 0, notExecuted: 0 },
      results: [
        {
          line: 2,
          tenant: 'acme',
          type: null,
          status: 'created',
          domains: [
            { domain: 'acme.example.com', primary: true },
            { domain: 'www.acme.test', primary: false },
          ],
          migrations: ['0001_projects'],
        },
        { line: 3, tenant: 'corner', type: 'shop', status: 'created', domains: [], migrations: ['0001_goods'] },
      ],
      warnings: [],
    });
    expect(await rowsOf('schema_name, name, type, plan, seats, status')).toEqual([
      { schema_name: 'acme', name: 'Acme, "Ltd"', type: null, plan: 'gold', seats: 12, status: 'active' },
      { schema_name: 'corner', name: null, type: 'shop', plan: 'free', seats: null, status: 'active' },
    ]);
    expect(await fleet.tables('corner')).toEqual(['goods', 'pgmigrations']);
    const { run, results } = await readRun(await fleet.project(), report.run ?? 0);
    expect(run).toMatchObject({ command: 'create-tenant', exitCode: 0, counts: { total: 2, created: 2 } });
    expect(results.map(({ tenant, status }) => [tenant, status])).toEqual([
      ['acme', 'created'],
      ['corner', 'created'],
    ]);
  });

  it('can be carried out again, and creates what is new', async () => {
    await createAll('schema,domain\na,a.test\nb,b.test\n');
    const report = await createAll('schema,domain\na,a.test\nb,B.test.\nc,c.test\n');
    expect(report.tenants).toMatchObject({ total: 3, created: 1, exists: 2 });
    expect(report.results.map(({ status }) => status)).toEqual(['exists', 'exists', 'created']);
    const again = await createAll('schema,domain\na,a.test\nb,b.test\nc,c.test\n');
    expect(again).toMatchObject({ tenants: { exists: 3 }, run: null });
  });

  it('says everything that is wrong, line by line, before anything is changed', async () => {
    await createTenant(await fleet.project(), { schema: 'taken', domains: ['taken.test'] });
    await fleet.database.query('CREATE SCHEMA IF NOT EXISTS "Mixed"');
    const lines = [
      'schema,domain,type,plan,seats',
      'Acme,,,,',
      'a,a.test http://a.test,,,',
      'a,,,,',
      'b,,nothing,,many',
      'taken,other.test,,,',
      'c,taken.test,,,',
      'd,a b c.test,,,',
      'e,c.test,,,',
      'mixed,,,,',
      'f,,',
      'public,,,,',
    ];
    const problems = await problemsOf(lines.join('\n'));
    expect(problems).toEqual([
      'Line 2: "Acme" cannot be the name of a tenant: upper-case letters must be quoted wherever SQL names the schema.',
      'Line 3: "http://a.test" cannot be a domain: it has a scheme.',
      'Line 4: The tenant "a" is in line 3 already.',
      'Line 5: There is no tenant type "nothing" in the configuration.',
      'Line 6: The tenant "taken" exists already, without the domain "other.test".',
      'Line 7: 1 domain taken already: "taken.test" belongs to tenant "taken".',
      'Line 9: The domain "c.test" is in line 8 already.',
      'Line 10: "mixed" cannot be the name of a tenant: it differs from the schema "Mixed" in upper and lower case only.',
      'Line 11: 3 values where the header has 5 columns.',
      'Line 12: "public" is the shared schema: the public tenant is created by itself.',
    ]);
  });

  it('says what is wrong with the header, with the file and with the values of columns', async () => {
    expect(await problemsOf('')).toEqual(['Line 1: The file is empty: it needs a header such as schema,domain.']);
    expect(await problemsOf('name;domain\na;b')).toEqual(['Line 1: The header lacks "schema"; it has "name;domain".']);
    expect(await problemsOf('schema,domain,domains,,plan,plan\na')).toEqual([
      'Line 1: The header names "domains" twice.',
      'Line 1: Column 4 of the header has no name.',
      'Line 1: The header names "plan" twice.',
    ]);
    expect(await problemsOf('schema,plam\na,gold')).toEqual([
      'Line 2: The tenant table has no column "plam". Did you mean "plan"?',
    ]);
    expect(await problemsOf('schema,seats\na,1\nb,x\nc,"1\nd,2')).toEqual([
      'Line 3: The column "seats" does not take it: invalid input syntax for type integer: "x".',
      'Line 4: A quote is not closed.',
    ]);
    expect(await problemsOf('schema,status,id\na,active,7')).toEqual([
      'Line 1: The column "status" cannot be given: it is set by the command.',
      'Line 1: The column "id" cannot be given: the database numbers the tenants.',
    ]);
  });

  it('creates the others when the database refuses one', async () => {
    const report = await createAll('schema,plan\na,gold\nb,none\nc,gold\n');
    expect(report.tenants).toMatchObject({ created: 2, failed: 1, notExecuted: 0 });
    expect(report.results[1]).toMatchObject({ line: 3, tenant: 'b', status: 'failed', error: { code: 'USAGE' } });
    expect(await rowsOf('schema_name')).toEqual([{ schema_name: 'a' }, { schema_name: 'c' }]);
    const { run, results } = await readRun(await fleet.project(), report.run ?? 0);
    expect(run).toMatchObject({ exitCode: 1, counts: { created: 2, failed: 1 } });
    expect(results.find(({ tenant }) => tenant === 'b')).toMatchObject({ status: 'failed' });
  });

  it('begins no other tenant of a type whose first one fails', async () => {
    const hooks = {
      afterCreateTenant: async ({ type }: { type: string | null }) => {
        await Promise.resolve();
        if (type === 'shop') throw new Error('no shops today');
      },
    };
    const csv = 'schema,type\ns1,shop\na,\ns2,shop\nb,\n';
    const report = await createAll(csv, { hooks });
    expect(report.results.map(({ tenant, status }) => [tenant, status])).toEqual([
      ['s1', 'failed'],
      ['a', 'created'],
      ['s2', 'notExecuted'],
      ['b', 'created'],
    ]);
    expect(report.results[2]).toMatchObject({ reason: 'canaryFailed' });
    expect(await rowsOf('schema_name')).toEqual([{ schema_name: 'a' }, { schema_name: 'b' }]);
  });

  it('ends between two tenants when it is interrupted, and the same list continues it', async () => {
    const stop = new AbortController();
    const csv = `schema\n${Array.from({ length: 12 }, (_, index) => `t${index}`).join('\n')}`;
    const onEvent: CreateTenantsOptions['onEvent'] = (event) => {
      if (event.type === 'tenant:done') stop.abort();
    };
    const report = await createAll(csv, { drain: stop.signal, onEvent }, { concurrency: 2 });
    expect(report.interrupted).toBe(true);
    expect(report.tenants.created).toBeGreaterThan(0);
    expect(report.tenants.notExecuted).toBeGreaterThan(0);
    const rows = await fleet.database.query(
      `SELECT t.schema_name, to_regclass(t.schema_name || '.projects') IS NOT NULL AS whole FROM tenants t`,
    );
    expect(rows.rows).toHaveLength(report.tenants.created);
    expect(rows.rows.every(({ whole }) => whole === true)).toBe(true);
    const rest = await createAll(csv);
    expect(rest.tenants).toMatchObject({
      total: 12,
      exists: report.tenants.created,
      created: report.tenants.notExecuted,
    });
  });

  it('calls hooks in the transaction of each tenant', async () => {
    const seen: string[] = [];
    const hooks = {
      beforeCreateTenant: ({ tenant, domains }: { tenant: string; domains: readonly string[] }) =>
        void seen.push(`before ${tenant} ${domains.join()}`),
      afterCreateTenant: async ({ tenant, client }: CreateHookContext) => {
        await client?.query(`INSERT INTO projects (name) VALUES ('first')`);
        seen.push(`after ${tenant}`);
      },
    };
    await createAll('schema,domain\na,a.test\nb,b.test\n', { hooks }, { concurrency: 1 });
    expect(seen).toEqual(['before a a.test', 'after a', 'before b b.test', 'after b']);
    expect(
      (await fleet.database.query('SELECT name FROM a.projects UNION ALL SELECT name FROM b.projects')).rows,
    ).toHaveLength(2);
  });

  it('finishes a tenant that a killed process left behind, and takes several transactions where a migration needs them', async () => {
    await fleet.tenantMigration(
      '0002_index.sql',
      '-- Up Migration\n-- tenants: no-transaction\nCREATE INDEX CONCURRENTLY named ON projects (name);\n',
    );
    await fleet.database.query(
      `INSERT INTO tenants (schema_name, status) VALUES ('left', 'provisioning'); CREATE SCHEMA "left"`,
    );
    const report = await createAll('schema\nleft\nnew\n');
    expect(report.tenants).toMatchObject({ created: 2, failed: 0 });
    expect(await rowsOf('schema_name, status')).toEqual([
      { schema_name: 'left', status: 'active' },
      { schema_name: 'new', status: 'active' },
    ]);
    const { rows } = await fleet.database.query(
      `SELECT count(*)::int AS n FROM pg_locks WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
    );
    expect(rows).toEqual([{ n: 0 }]);
    await rm(fleet.files.path('migrations/tenant/0002_index.sql'));
  });

  it('takes a list of a program as well as a file', async () => {
    const report = await createTenants(await fleet.project(), {
      tenants: [
        { schema: 'a', domains: ['a.test'], set: { plan: 'gold' } },
        { schema: 'b', type: 'shop' },
      ],
      noMigrate: true,
    });
    expect(report.results).toMatchObject([
      { line: 1, status: 'created', migrations: [] },
      { line: 2, status: 'created', migrations: [] },
    ]);
    expect(await rowsOf('schema_name, plan')).toEqual([
      { schema_name: 'a', plan: 'gold' },
      { schema_name: 'b', plan: 'free' },
    ]);
  });
});
