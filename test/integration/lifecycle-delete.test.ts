import { chmod, readFile, stat } from 'node:fs/promises';
import { Socket } from 'node:net';
import { delimiter } from 'node:path';

import { Client } from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { tenantLock } from '../../src/db/locks.js';
import { createDomain } from '../../src/lifecycle/create-domain.js';
import { deleteTenant } from '../../src/lifecycle/delete-tenant.js';
import type { Project } from '../../src/project/project.js';
import { useDatabase } from '../support/database.js';
import { findPostgres, startPostgres } from '../support/debian-postgres.js';
import { createFleet, type TestFleet } from '../support/fleet.js';
import { openProxy } from '../support/proxy.js';

const database = useDatabase();
let fleet: TestFleet;
let project: Project;
let count = 0;
let schema: string;

beforeAll(async () => {
  fleet = await createFleet(database);
  await fleet.migrate({ selection: { kind: 'shared' } });
  project = { ...(await fleet.project()), lockTimeoutMs: 600 };
});
afterAll(() => fleet.remove());
beforeEach(async () => {
  count += 1;
  schema = `tenant_${count}`;
  await fleet.create(schema, `${schema}_other`);
  await createDomain(project, { schema, domain: `d${count}.example` });
});

/** What is left of the tenant. */
async function left(): Promise<{ status?: string; domains: number; schema: boolean; objects: number }> {
  const { rows } = await database.query<{ status: string | null; domains: number; schema: boolean; objects: number }>(
    `SELECT (SELECT status FROM tenants WHERE schema_name = $1) AS status,
            (SELECT count(*)::int FROM domains d JOIN tenants t ON t.id = d.tenant_id WHERE t.schema_name = $1) AS domains,
            to_regnamespace($1) IS NOT NULL AS schema,
            (SELECT count(*)::int FROM pg_class WHERE relnamespace = to_regnamespace($1)) AS objects`,
    [schema],
  );
  const { status, ...rest } = rows[0] ?? { status: null, domains: 0, schema: false, objects: 0 };
  return status === null ? rest : { ...rest, status };
}

const NOTHING = { domains: 0, schema: false, objects: 0 };

async function expectUntouched(): Promise<void> {
  expect(await left()).toMatchObject({ status: 'active', domains: 1, schema: true });
  expect(await fleet.tables(schema)).toEqual(['pgmigrations', 'projects']);
}

it('schema, row and domains go together, and no other tenant is touched', async () => {
  expect(await deleteTenant(project, { schema })).toMatchObject({
    tenant: { schema, name: null, type: null, status: 'deleted' },
    domains: [{ domain: `d${count}.example`, primary: true }],
    migrations: [],
    warnings: [],
  });
  expect(await left()).toEqual(NOTHING);
  expect(await fleet.tables(`${schema}_other`)).toEqual(['pgmigrations', 'projects']);
  await expect(deleteTenant(project, { schema })).rejects.toMatchObject({ code: 'UNKNOWN_TENANT', exitCode: 2 });
});

it('with keepSchema only the registration goes', async () => {
  expect(await deleteTenant(project, { schema, keepSchema: true })).toMatchObject({
    tenant: { status: 'unregistered' },
  });
  expect(await left()).toMatchObject({ domains: 0, schema: true });
  expect(await fleet.tables(schema)).toEqual(['pgmigrations', 'projects']);
});

it('a row without a schema is deleted all the same, and a tenant of any name', async () => {
  await database.query(`DROP SCHEMA ${schema} CASCADE`);
  const deleted = await deleteTenant(project, { schema });
  expect(deleted.warnings).toEqual([`There was no schema "${schema}"; only the registration was removed.`]);
  expect(await left()).toEqual(NOTHING);
  await database.query(`CREATE SCHEMA "Wei""rd é"; INSERT INTO tenants (schema_name) VALUES ('Wei"rd é')`);
  expect((await deleteTenant(project, { schema: 'Wei"rd é' })).tenant.status).toBe('deleted');
});

it('refuses the public tenant, and unknown ones with what is near', async () => {
  await expect(deleteTenant(project, { schema: 'public' })).rejects.toMatchObject({ code: 'USAGE', exitCode: 2 });
  await expect(deleteTenant(project, { schema: `tenant-${count}` })).rejects.toMatchObject({
    code: 'UNKNOWN_TENANT',
    exitCode: 2,
    message: expect.stringContaining(`"${schema}"`),
  });
});

it('refuses to take with it what is not the tenant’s own', async () => {
  const shared = `shared_${count}`;
  await database.query(`
    CREATE VIEW public.${shared}_view AS SELECT name FROM ${schema}.projects;
    CREATE TABLE public.${shared}_table (project bigint CONSTRAINT to_tenant REFERENCES ${schema}.projects, kind ${schema}.projects);
    CREATE FUNCTION public.${shared}_function() RETURNS SETOF ${schema}.projects LANGUAGE sql AS 'SELECT * FROM ${schema}.projects';
    CREATE VIEW ${schema}_other.peek AS SELECT 1 AS one FROM ${schema}.projects`);
  const refused = await deleteTenant(project, { schema }).catch((error: unknown) => error);
  expect(refused).toMatchObject({ code: 'USAGE', exitCode: 2 });
  const { problems } = (refused as { details: { problems: string[] } }).details;
  for (const name of [
    `${shared}_view`,
    'to_tenant',
    `column kind of table public.${shared}_table`,
    `${shared}_function`,
    'peek',
  ]) {
    expect(problems.join('\n')).toContain(name);
  }
  await expectUntouched();
  await deleteTenant(project, { schema, keepSchema: true });
  await database.query(`DROP SCHEMA ${schema} CASCADE; DROP TABLE public.${shared}_table`);
});

it.each([
  ['in one transaction', undefined],
  ['in several', 3],
])('objects of every kind that depend on each other are dropped %s', async (_, batchSize) => {
  await database.query(`
    CREATE TABLE ${schema}.parts (id serial PRIMARY KEY, project bigint REFERENCES ${schema}.projects, body text) PARTITION BY HASH (id);
    CREATE TABLE ${schema}.part PARTITION OF ${schema}.parts FOR VALUES WITH (MODULUS 1, REMAINDER 0);
    CREATE TYPE ${schema}.mood AS ENUM ('a'); CREATE DOMAIN ${schema}.moods AS ${schema}.mood;
    CREATE VIEW ${schema}.v AS SELECT p.*, NULL::${schema}.moods AS mood FROM ${schema}.parts p;
    CREATE MATERIALIZED VIEW ${schema}.m AS SELECT * FROM ${schema}.v;
    CREATE FUNCTION ${schema}.f(${schema}.projects) RETURNS ${schema}.mood LANGUAGE sql AS 'SELECT NULL::${schema}.mood';
    CREATE AGGREGATE ${schema}.agg (int) (SFUNC = int4pl, STYPE = int);
    ALTER TABLE ${schema}.projects ADD COLUMN author bigint REFERENCES public.tenants (id)`);
  await deleteTenant(project, { schema, ...(batchSize === undefined ? {} : { batchSize }) });
  expect(await left()).toEqual(NOTHING);
});

describe('a large schema', () => {
  beforeEach(async () => {
    for (let index = 0; index < 12; index += 1) {
      await database.query(
        `CREATE TABLE ${schema}.t${index} (id serial PRIMARY KEY, before int ${index > 0 ? `REFERENCES ${schema}.t${index - 1}` : ''})`,
      );
    }
  });

  it('is dropped in several transactions', async () => {
    const proxy = await openProxy(database);
    try {
      let commits = 0;
      proxy.cut({ when: ({ sql }) => sql === 'COMMIT' && ++commits < 0 });
      await deleteTenant({ ...project, database: proxy.config }, { schema, batchSize: 25 });
      expect(commits).toBeGreaterThan(4);
      expect(await left()).toEqual(NOTHING);
    } finally {
      await proxy.close();
    }
  });

  it('is continued by the same call when it was cut off, and served to nobody meanwhile', async () => {
    const proxy = await openProxy(database);
    try {
      let commits = 0;
      proxy.cut({ when: ({ sql }) => sql === 'COMMIT' && ++commits === 3 });
      await expect(
        deleteTenant({ ...project, database: proxy.config }, { schema, batchSize: 25 }),
      ).rejects.toMatchObject({ code: 'DATABASE_UNREACHABLE', message: expect.stringContaining('deleted in part') });
    } finally {
      await proxy.close();
    }
    const half = await left();
    expect(half).toMatchObject({ status: 'deleting', domains: 0, schema: true });
    expect(half.objects).toBeGreaterThan(0);
    expect((await fleet.migrate()).results.map(({ tenant }) => tenant)).not.toContain(schema);
    expect(await deleteTenant(project, { schema, batchSize: 25 })).toMatchObject({
      tenant: { status: 'deleted' },
      warnings: [],
    });
    expect(await left()).toEqual(NOTHING);
  });

  it('is not dumped when a part of it is gone already', async () => {
    await database.query(`UPDATE tenants SET status = 'deleting' WHERE schema_name = $1`, [schema]);
    const dump = fleet.files.path(`late-${count}.sql`);
    await withFakeDump('exit 0', 99, async () => {
      await expect(deleteTenant(project, { schema, dump })).rejects.toMatchObject({ code: 'USAGE' });
    });
    await expect(stat(dump)).rejects.toThrow('ENOENT');
    expect((await left()).status).toBe('deleting');
  });

  it('in a registry without a status column keeps its row until the schema is gone', async () => {
    const { columns } = project.registry.tenants;
    const registry = {
      ...project.registry,
      tenants: { ...project.registry.tenants, columns: { ...columns, status: null } },
    };
    const proxy = await openProxy(database);
    try {
      let commits = 0;
      proxy.cut({ when: ({ sql }) => sql === 'COMMIT' && ++commits === 3 });
      const call = deleteTenant({ ...project, registry, database: proxy.config }, { schema, batchSize: 25 });
      await expect(call).rejects.toMatchObject({ code: 'DATABASE_UNREACHABLE' });
      expect(await left()).toMatchObject({ status: 'active', domains: 0, schema: true });
      await deleteTenant({ ...project, registry }, { schema, batchSize: 25 });
      expect(await left()).toEqual(NOTHING);
    } finally {
      await proxy.close();
    }
  });
});

it('gives up when a migration holds the tenant, or someone reads its tables', async () => {
  const other = await database.client();
  await other.query('SELECT pg_advisory_lock($1::bigint)', [tenantLock(schema)]);
  await expect(deleteTenant(project, { schema })).rejects.toMatchObject({ code: 'TENANT_BUSY', exitCode: 1 });
  await other.query(`SELECT pg_advisory_unlock_all(); BEGIN; SELECT * FROM ${schema}.projects`);
  await expect(deleteTenant(project, { schema })).rejects.toMatchObject({
    code: 'TENANT_BUSY',
    details: { sqlstate: '55P03' },
  });
  await expectUntouched();
  await other.query('ROLLBACK');
});

it.each([
  ['at the DROP SCHEMA', (sql: string) => sql.startsWith('DROP SCHEMA'), false],
  ['before the COMMIT arrives', (sql: string) => sql === 'COMMIT', false],
  ['after the COMMIT has arrived', (sql: string) => sql === 'COMMIT', true],
])('knows what became of it when the connection breaks %s', async (_, when, deliver) => {
  const proxy = await openProxy(database);
  try {
    proxy.cut({ when: ({ sql }) => when(sql), deliver });
    const outcome = await deleteTenant({ ...project, database: proxy.config }, { schema }).catch(
      (error: unknown) => error,
    );
    if (deliver) {
      expect(outcome).toMatchObject({ tenant: { status: 'deleted' } });
      expect(await left()).toEqual(NOTHING);
    } else {
      expect(outcome).toMatchObject({ code: 'DATABASE_UNREACHABLE', exitCode: 5 });
      await expectUntouched();
    }
  } finally {
    await proxy.close();
  }
});

it('hooks are told, and one that fails keeps everything as it is', async () => {
  const told: unknown[] = [];
  const context = { tenant: schema, type: null, domains: [`d${count}.example`] };
  const client = { query: expect.any(Function) as unknown };
  const beforeDeleteTenant = (): void => {
    throw new Error('the invoices are not paid');
  };
  await expect(deleteTenant(project, { schema, hooks: { beforeDeleteTenant } })).rejects.toThrow('invoices');
  await expectUntouched();
  await deleteTenant(project, {
    schema,
    hooks: { beforeDeleteTenant: (one) => void told.push(one), afterDeleteTenant: (one) => void told.push(one) },
  });
  expect(told).toEqual([
    { ...context, client },
    { ...context, client: undefined },
  ]);
});

/** Puts a program in place of `pg_dump` that answers a version and else does as it is told. */
async function withFakeDump(does: string, version: number, use: () => Promise<void>): Promise<void> {
  const folder = `bin-${count}-${version}`;
  const script = `#!/bin/sh\nif [ "$1" = --version ]; then echo "pg_dump (PostgreSQL) ${version}.1"; exit 0; fi\n${does}\n`;
  await chmod(await fleet.files.write(`${folder}/pg_dump`, script), 0o755);
  const path = process.env['PATH'];
  process.env['PATH'] = `${fleet.files.path(folder)}${delimiter}${path}`;
  try {
    await use();
  } finally {
    process.env['PATH'] = path;
  }
}

describe('with a dump', () => {
  it('one that fails leaves the tenant and no file', async () => {
    const dump = fleet.files.path(`failed-${count}.sql`);
    await withFakeDump('echo "-- half a dump"; echo "out of luck" >&2; exit 3', 99, async () => {
      await expect(deleteTenant(project, { schema, dump })).rejects.toMatchObject({
        code: 'PG_DUMP_FAILED',
        exitCode: 1,
        message: expect.stringContaining('out of luck'),
      });
    });
    await expectUntouched();
    await expect(stat(dump)).rejects.toThrow('ENOENT');
  });

  it('a database that is reached through a function is refused, because the dump would be of another one', async () => {
    const dump = fleet.files.path(`elsewhere-${count}.sql`);
    const { host, port } = project.database;
    class Detour extends Socket {
      override connect(): this {
        return super.connect({ port: Number(port), host: String(host) });
      }
    }
    const database = { ...project.database, host: 'elsewhere.invalid', stream: () => new Detour() };
    await withFakeDump('echo "-- of another server"; exit 0', 99, async () => {
      await expect(deleteTenant({ ...project, database }, { schema, dump })).rejects.toMatchObject({
        code: 'CONFIG_INVALID',
        exitCode: 2,
      });
    });
    await expect(stat(dump)).rejects.toThrow('ENOENT');
    await expectUntouched();
  });

  it('a pg_dump older than the server is refused, with the version that is needed', async () => {
    const dump = fleet.files.path(`old-${count}.sql`);
    const { rows } = await database.query(`SELECT current_setting('server_version_num')::int / 10000 AS major`);
    await withFakeDump('exit 0', 12, async () => {
      await expect(deleteTenant(project, { schema, dump })).rejects.toMatchObject({
        code: 'PG_DUMP_UNAVAILABLE',
        exitCode: 2,
        message: expect.stringContaining(`PostgreSQL ${String(rows[0]?.['major'])} or newer`),
      });
    });
    await expectUntouched();
    await expect(stat(dump)).rejects.toThrow('ENOENT');
  });

  it('a file that is there is not overwritten', async () => {
    const dump = await fleet.files.write(`there-${count}.sql`, 'precious');
    await withFakeDump('echo new', 99, async () => {
      await expect(deleteTenant(project, { schema, dump })).rejects.toMatchObject({ code: 'FILE_EXISTS', exitCode: 2 });
    });
    expect(await readFile(dump, 'utf8')).toBe('precious');
    await expectUntouched();
  });

  it('nobody writes between the dump and the end, the file is private, the password in no argument', async () => {
    const dump = fleet.files.path(`good-${count}.sql`);
    const other = await database.client();
    const does = 'echo "-- $*"; echo "-- password ${PGPASSWORD:+set} for $PGUSER"; sleep 0.4';
    await withFakeDump(does, 99, async () => {
      const deleting = deleteTenant(project, { schema, dump });
      await expect.poll(async () => (await stat(dump).catch(() => undefined))?.size ?? 0).toBeGreaterThan(0);
      await expect(
        other.query(`SET lock_timeout = '100ms'; INSERT INTO ${schema}.projects (name) VALUES ('late')`),
      ).rejects.toMatchObject({ code: '55P03' });
      await deleting;
    });
    expect(await left()).toEqual(NOTHING);
    expect((await stat(dump)).mode & 0o777).toBe(0o600);
    const text = await readFile(dump, 'utf8');
    expect(text).toContain(`--schema="${schema}"`);
    expect(text).toContain('-- password set for');
    expect(text).not.toContain(String(database.config.password));
  });
});

const bin = findPostgres();
if (bin === undefined) {
  console.warn('Dumps are not tested for real: there is no PostgreSQL with a pg_dump of its own version here.');
}

it.skipIf(bin === undefined)('a dump brings the tenant back', async () => {
  const server = await startPostgres(bin ?? '');
  const client = new Client(server.config);
  const path = process.env['PATH'];
  try {
    await client.connect();
    const other = await createFleet({
      url: server.url,
      config: server.config,
      name: 'postgres',
      client: () => Promise.resolve(client),
      query: (sql, values) => client.query(sql, values),
      drop: () => Promise.resolve(),
    });
    process.env['PATH'] = `${server.bin}${delimiter}${path}`;
    await other.migrate({ selection: { kind: 'shared' } });
    await client.query(`CREATE SCHEMA "O'Neil ""é"""; INSERT INTO tenants (schema_name) VALUES ('O''Neil "é"')`);
    await other.migrate();
    await client.query(`INSERT INTO "O'Neil ""é""".projects (name) VALUES ('kept')`);
    const dump = other.files.path('dump.sql');
    await deleteTenant(await other.project(), { schema: `O'Neil "é"`, dump });
    expect((await client.query(`SELECT 1 FROM pg_namespace WHERE nspname ~ 'Neil'`)).rows).toEqual([]);
    const text = await readFile(dump, 'utf8');
    const copy = /^COPY .*projects .*;\n([^]*?)\\\.\n/m.exec(text)?.[1];
    expect(copy).toBe('1\tkept\n');
    await other.remove();
  } finally {
    process.env['PATH'] = path;
    await client.end();
    await server.stop();
  }
});
