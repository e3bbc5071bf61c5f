import { describe, expect, it } from 'vitest';

import { useCliProject } from './cli-project.js';

/** What one would type in a new project, in this order. */
describe('a project from its first command on', () => {
  const cli = useCliProject();
  const { call: run } = cli;

  it('has everything pending, and no tenants', async () => {
    const outcome = await run(['status', '--check', '--json']);
    expect(outcome.code).toBe(3);
    expect(outcome.json()).toEqual({
      shared: { applied: [], pending: ['0001_registry'] },
      tenants: { total: 0, upToDate: 0, pending: 0, ahead: 0, outOfOrder: 0, missing: 0 },
      cohorts: [],
    });
    expect((await run(['status'])).code).toBe(0);
  });

  it('cannot list or create tenants before there is a registry', async () => {
    const list = await run(['list', '--json']);
    expect(list.code).toBe(2);
    expect(list.json()).toMatchObject({ error: { code: 'REGISTRY_MISSING' } });
    const create = await run(['create-tenant', 'acme', '--json']);
    expect(create.code).toBe(2);
    expect(create.json()).toMatchObject({ error: { code: 'REGISTRY_MISSING' } });
  });

  it('migrates the shared schema of an empty database', async () => {
    const outcome = await run(['migrate', '--shared', '--json']);
    expect(outcome.code).toBe(0);
    const document = outcome.json<Record<string, unknown>>();
    expect(Object.keys(document)).toEqual(
      'command exitCode durationMs executor processes concurrency run shared tenants results'.split(' '),
    );
    expect(document).toEqual({
      command: 'migrate',
      exitCode: 0,
      durationMs: expect.any(Number) as number,
      run: 1,
      executor: 'standard',
      processes: 1,
      concurrency: 4,
      shared: { status: 'applied', migrations: ['0001_registry'], error: null },
      tenants: { total: 0, applied: 0, upToDate: 0, failed: 0, notExecuted: 0, missing: 0 },
      results: [],
    });
  });

  it('creates a tenant with domains, label and columns', async () => {
    await cli.database.query('ALTER TABLE tenants ADD plan text, ADD seats int');
    const args = ['create-tenant', 'acme', 'acme.example.com', '--domain', 'b.test,c.test', '--domain', 'd.test'];
    const outcome = await run([...args, '--label', 'Acme, Ltd.', '--set', 'plan=a,b', '--set', 'seats=25', '--json']);
    expect(outcome.stderr).not.toMatch(/error/i);
    expect(outcome.code).toBe(0);
    const document = outcome.json<{ tenant: object }>();
    expect(Object.keys(document)).toEqual(['tenant', 'domains', 'migrations', 'durationMs']);
    expect(Object.keys(document.tenant)).toEqual(['schema', 'name', 'type', 'status']);
    expect(document).toEqual({
      tenant: { schema: 'acme', name: 'Acme, Ltd.', type: null, status: 'active' },
      domains: [
        { domain: 'acme.example.com', primary: true },
        { domain: 'b.test', primary: false },
        { domain: 'c.test', primary: false },
        { domain: 'd.test', primary: false },
      ],
      migrations: ['0001_projects'],
      durationMs: expect.any(Number) as number,
    });
    const { rows } = await cli.database.query(`SELECT plan, seats FROM tenants WHERE schema_name = 'acme'`);
    expect(rows).toEqual([{ plan: 'a,b', seats: 25 }]);
  });

  it('takes a tenant that is there as success only when asked to', async () => {
    const again = await run(['create-tenant', 'acme', 'acme.example.com']);
    expect(again).toMatchObject({ code: 2, stdout: '' });
    expect(again.stderr).toMatch(/Error: There is a tenant "acme" already/);
    expect((await run(['create-tenant', 'globex', '--no-migrate'])).code).toBe(0);
    const same = await run(['create-tenant', 'globex', '--if-not-exists', '--json']);
    expect(same.code).toBe(0);
    expect(same.json()).toMatchObject({ tenant: { schema: 'globex' }, migrations: [] });
    expect((await run(['create-tenant', 'globex', '--if-not-exists'])).stdout).toMatch(/Found tenant globex/);
  });

  it('adopts a schema that is not registered, with --adopt alone', async () => {
    await cli.database.query('CREATE SCHEMA legacy');
    const refused = await run(['create-tenant', 'legacy', '--json']);
    expect(refused.code).toBe(2);
    expect(refused.json()).toMatchObject({ error: { code: 'SCHEMA_EXISTS' } });
    expect((await run(['create-tenant', 'legacy', '--adopt'])).code).toBe(0);
  });

  it('refuses a type and a domain that cannot be', async () => {
    const type = await run(['create-tenant', 'x', '--type', 'shop', '--json']);
    expect(type.code).toBe(2);
    expect(type.json()).toMatchObject({ error: { code: 'UNKNOWN_TYPE' } });
    const domain = await run(['create-tenant', 'x', 'https://x.test/', '--json']);
    expect(domain.code).toBe(2);
    expect(domain.json()).toMatchObject({ error: { code: 'INVALID_DOMAIN' } });
  });

  it('lists the tenants', async () => {
    const outcome = await run(['list', '--json']);
    expect(outcome.code).toBe(0);
    const { tenants } = outcome.json<{ tenants: object[] }>();
    expect(tenants.map((tenant) => Object.keys(tenant))).toEqual(
      Array.from({ length: 3 }, () => ['schema', 'name', 'type', 'status', 'domains']),
    );
    expect(tenants).toMatchObject([
      { schema: 'acme', domains: [{ domain: 'acme.example.com', primary: true }, {}, {}, {}] },
      { schema: 'globex', domains: [] },
      { schema: 'legacy' },
    ]);
    const text = await run(['list']);
    expect(text.stdout).toMatch(/^acme\s+Acme, Ltd\.\s+-\s+active\s+acme\.example\.com\*/m);
  });

  it('plans what is to be done, and shows its SQL when asked', async () => {
    const outcome = await run(['plan', '--json']);
    expect(outcome.code).toBe(0);
    expect(outcome.json()).toEqual({
      findings: expect.any(Array) as unknown[],
      shared: { applied: ['0001_registry'], pending: [] },
      tenants: { total: 3, upToDate: 2, pending: 1, ahead: 0, outOfOrder: 0, missing: 0 },
      cohorts: [
        {
          type: null,
          last: '0001_projects',
          applied: 1,
          pending: [],
          count: 2,
          tenants: ['acme', 'legacy'],
          mode: 'compiled',
        },
        {
          type: null,
          last: null,
          applied: 0,
          pending: ['0001_projects'],
          count: 1,
          tenants: ['globex'],
          mode: 'compiled',
        },
      ],
    });
    const withSql = await run(['plan', '--sql', '--tenant', 'globex', '--json']);
    expect(withSql.json()).toMatchObject({
      cohorts: [{ sql: expect.stringContaining('CREATE TABLE projects') as string }],
    });
    expect((await run(['plan', '--sql'])).stdout).toContain('CREATE TABLE projects');
  });

  it('migrates the tenants that are behind', async () => {
    const outcome = await run(['migrate', '--tenants-only', '--json']);
    expect(outcome.code).toBe(0);
    expect(outcome.json()).toMatchObject({
      shared: { status: 'skipped' },
      tenants: { total: 3, applied: 1, upToDate: 2 },
      results: [{ tenant: 'globex', status: 'applied', migrations: ['0001_projects'] }],
    });
    expect((await run(['status', '--check'])).code).toBe(0);
    const again = await run(['migrate']);
    expect(again.code).toBe(0);
    expect(again.stdout).toMatch(/^Nothing to do/);
  });

  it('writes migrations and says where', async () => {
    const outcome = await run(['create-migration', 'add invoices', '--json'], { env: { DATABASE_URL: undefined } });
    expect(outcome.code).toBe(0);
    expect(outcome.json()).toEqual({ name: '0002_add-invoices', path: 'migrations/tenant/0002_add-invoices.sql' });
    const shared = await run(['create-migration', 'x', '--shared', '--language', 'ts']);
    expect(shared.stdout).toBe('migrations/shared/0002_x.ts\n');
    const language = await run(['create-migration', 'x', '--language', 'py']);
    expect(language.code).toBe(2);
    expect(language.stderr).toMatch(/sql, js, ts/);
  });

  it('refuses to migrate tenants alone while shared migrations are pending', async () => {
    const outcome = await run(['migrate', '--tenant', 'acme', '--json']);
    expect(outcome.code).toBe(2);
    expect(outcome.json()).toMatchObject({ error: { code: 'SHARED_PENDING' } });
    expect((await run(['migrate', '--tenant', 'acme', '--skip-shared-check'])).code).toBe(0);
  });

  it('understands the shared schema by its name', async () => {
    const outcome = await run(['migrate', '--schema', 'public', '--json']);
    expect(outcome.code).toBe(0);
    expect(outcome.json()).toMatchObject({ shared: { migrations: ['0002_x'] }, tenants: { total: 0 } });
  });

  it('names a failing tenant and exits with 1', async () => {
    await cli.database.query('CREATE TABLE globex.invoices (id int)');
    await cli.project.write(
      'migrations/tenant/0003_invoices.sql',
      '-- Up Migration\nCREATE TABLE invoices (id int);\n',
    );
    const outcome = await run(['migrate', '--canary', '0', '--json']);
    expect(outcome.code).toBe(1);
    expect(outcome.json()).toMatchObject({
      exitCode: 1,
      tenants: { applied: 2, failed: 1 },
      results: expect.arrayContaining([
        expect.objectContaining({ tenant: 'globex', status: 'failed', migration: '0003_invoices' }),
      ]) as unknown[],
    });
    const text = await run(['migrate']);
    expect(text.code).toBe(1);
    expect(text.stdout).toMatch(/globex/);
    expect(text.stdout).toMatch(/42P07/);
    expect(text.stdout).toContain('tenants migrate --failed');
    const check = await run(['status', '--check', '--tenant', 'acme']);
    expect(check.code).toBe(0);
    expect((await run(['status', '--check', '--type', 'x'])).code).toBe(2);
  });

  it('names the nearest of unknown tenants', async () => {
    const outcome = await run(['migrate', '--tenant', 'acmee,nobody', '--json']);
    expect(outcome.code).toBe(2);
    expect(outcome.json()).toMatchObject({
      error: {
        code: 'UNKNOWN_TENANT',
        problems: ['There is no tenant "acmee". Did you mean "acme"?', 'There is no tenant "nobody".'],
      },
    });
  });
});
