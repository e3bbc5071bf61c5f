import { chmod, readFile, stat } from 'node:fs/promises';
import { delimiter } from 'node:path';

import { beforeAll, describe, expect, it } from 'vitest';

import { useCliProject } from './cli-project.js';

const cli = useCliProject();
const { call: run } = cli;

beforeAll(async () => {
  await run(['migrate', '--shared']);
  for (const name of ['acme', 'globex', 'initech', 'umbrella']) await run(['create-tenant', name]);
});

const KEYS = ['tenant', 'domains', 'migrations', 'durationMs'];

async function schemas(): Promise<string[]> {
  const { rows } = await cli.database.query(`SELECT schema_name AS name FROM tenants ORDER BY 1`);
  return rows.map((row) => String(row['name']));
}

describe('create-domain and delete-domain', () => {
  it('print the same document as create-tenant', async () => {
    const created = await run(['create-domain', 'acme', 'acme.example.com', '--json']);
    expect(created).toMatchObject({ code: 0, stderr: '' });
    expect(Object.keys(created.json<object>())).toEqual(KEYS);
    expect(created.json()).toMatchObject({
      tenant: { schema: 'acme', name: null, type: null, status: 'active' },
      domains: [{ domain: 'acme.example.com', primary: true }],
      migrations: [],
    });
    const again = await run(['create-domain', 'acme', 'www.acme.example.com', '--primary', '--json']);
    expect(again.json()).toMatchObject({
      domains: [
        { domain: 'www.acme.example.com', primary: true },
        { domain: 'acme.example.com', primary: false },
      ],
    });
    const deleted = await run(['delete-domain', 'www.acme.example.com', '--json']);
    expect(Object.keys(deleted.json<object>())).toEqual(KEYS);
    expect(deleted.json()).toMatchObject({ domains: [{ domain: 'acme.example.com', primary: false }] });
    expect(deleted.stderr).toContain('create-domain acme acme.example.com --primary');
  });

  it('speak to people, and say how to undo', async () => {
    expect((await run(['create-domain', 'globex', 'globex.test'])).stdout).toContain('globex.test');
    const { code, stdout } = await run(['delete-domain', 'globex.test']);
    expect(code).toBe(0);
    expect(stdout).toContain('tenants create-domain globex globex.test --primary');
  });

  it.each([
    [['create-domain', 'globex', 'acme.example.com'], 'DOMAIN_TAKEN'],
    [['delete-domain', 'acne.example.com'], 'UNKNOWN_DOMAIN'],
    [['delete-domain'], 'USAGE'],
  ])('%j is refused', async (args, code) => {
    const outcome = await run([...args, '--json']);
    expect(outcome.code).toBe(2);
    expect(outcome.json()).toMatchObject({ error: { code } });
  });
});

describe('rename-tenant', () => {
  it('prints the renamed tenant, and refuses what names the old schema by text unless that is allowed', async () => {
    await cli.database
      .query(`CREATE FUNCTION initech.f() RETURNS int LANGUAGE sql SET search_path = initech AS 'SELECT 1';
      CREATE FUNCTION initech.g() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM initech.projects'`);
    const refused = await run(['rename-tenant', 'initech', 'initrode', '--json']);
    expect(refused.code).toBe(2);
    const mentions = [{ object: 'function initech.g()', place: 'body', schema: 'initech', line: 1 }];
    expect(refused.json()).toMatchObject({ error: { code: 'SCHEMA_MENTIONED', mentions } });
    const people = await run(['rename-tenant', 'initech', 'initrode']);
    expect(people.stderr).toContain('The body of function initech.g() mentions the schema "initech" (line 1).');
    const outcome = await run(['rename-tenant', 'initech', 'initrode', '--allow-mentions', '--json']);
    expect(outcome.code).toBe(0);
    expect(Object.keys(outcome.json<object>())).toEqual([...KEYS, 'mentions']);
    expect(outcome.json()).toMatchObject({ tenant: { schema: 'initrode' }, mentions });
    expect(outcome.stderr).toMatch(/Warning: .*initech\.g\(\)/);
    await cli.database.query('DROP FUNCTION initrode.g()');
    const back = await run(['rename-tenant', 'initrode', 'initech']);
    expect(back).toMatchObject({ code: 0 });
    expect(back.stdout).toContain('Renamed tenant initech');
    expect(await schemas()).toEqual(['acme', 'globex', 'initech', 'umbrella']);
  });

  it.each([[['nobody', 'someone'], 'UNKNOWN_TENANT']])('%j is refused', async (args, code) => {
    const outcome = await run(['rename-tenant', ...args, '--json']);
    expect(outcome.code).toBe(2);
    expect(outcome.json()).toMatchObject({ error: { code } });
  });
});

describe('delete-tenant', () => {
  it.each([[[]], [['--json']], [['--confirm', 'globe']], [['--confirm', 'yes', '--json']]])(
    'with %j does nothing, because it is not confirmed',
    async (flags) => {
      const outcome = await cli.run(['delete-tenant', 'globex', ...flags], {
        env: { TENANTS_CONFIRM: 'globex' },
        input: 'globex\n',
      });
      expect(outcome.code).toBe(2);
      if (flags.includes('--json')) expect(outcome.json()).toMatchObject({ error: { code: 'USAGE' } });
      expect(await schemas()).toContain('globex');
    },
  );

  it('looks before it asks, and says what would be lost', async () => {
    await cli.database.query(
      'CREATE TABLE globex.more (id int); INSERT INTO globex.more SELECT generate_series(1, 1234); ANALYZE globex.more',
    );
    await run(['create-domain', 'globex', 'globex.example.com']);
    const unknown = await run(['delete-tenant', 'globx', '--json']);
    expect(unknown.code).toBe(2);
    expect(unknown.json()).toMatchObject({
      error: { code: 'UNKNOWN_TENANT', message: 'There is no tenant "globx". Did you mean "globex"?' },
    });
    const asked = await run(['delete-tenant', 'globex', '--json']);
    expect(asked.code).toBe(2);
    const { error } = asked.json<{ error: { message: string } }>();
    expect(error.message).toMatch(
      /not confirmed; nothing was changed\. This deletes the tenant "globex": 3 tables with about 1,23\d rows, \d+ kB, 1 domain \(globex\.example\.com\)\.$/,
    );
    const kept = await run(['delete-tenant', 'globex', '--keep-schema']);
    expect(kept.stderr).toContain(
      'This unregisters the tenant "globex": 1 domain (globex.example.com); its schema stays.',
    );
    await run(['delete-domain', 'globex.example.com']);
  });

  it('says what would be lost although a table is locked, or there is no schema', async () => {
    const other = await cli.database.client();
    await other.query('BEGIN; LOCK TABLE globex.more IN ACCESS EXCLUSIVE MODE');
    const locked = await run(['delete-tenant', 'globex', '--lock-timeout', '100ms']);
    expect(locked.stderr).toMatch(/3 tables with about 1,23\d rows\./);
    await other.query('ROLLBACK');
    await cli.database.query(`INSERT INTO tenants (schema_name) VALUES ('nothing')`);
    expect((await run(['delete-tenant', 'nothing'])).stderr).toContain('"nothing": it has no schema.');
    await cli.database.query(`DELETE FROM tenants WHERE schema_name = 'nothing'`);
  });

  it('prints the tenant as it was', async () => {
    const outcome = await run(['delete-tenant', 'globex', '--confirm', 'globex', '--json']);
    expect(outcome).toMatchObject({ code: 0, stderr: '' });
    expect(Object.keys(outcome.json<object>())).toEqual(KEYS);
    expect(outcome.json()).toMatchObject({
      tenant: { schema: 'globex', status: 'deleted' },
      domains: [],
      migrations: [],
    });
    expect(await schemas()).not.toContain('globex');
    const again = await run(['delete-tenant', 'globex', '--confirm', 'globex', '--json']);
    expect(again.code).toBe(2);
    expect(again.json()).toMatchObject({ error: { code: 'UNKNOWN_TENANT' } });
  });

  it('keeps the schema, and says how to take it back', async () => {
    const outcome = await run(['delete-tenant', 'umbrella', '--keep-schema', '--confirm', 'umbrella']);
    expect(outcome.code).toBe(0);
    expect(outcome.stdout).toContain('tenants create-tenant umbrella --adopt');
    expect((await run(['create-tenant', 'umbrella', '--adopt'])).code).toBe(0);
  });

  it('writes the dump to a file relative to where it is called, runs the hooks, and no password is seen', async () => {
    const script = `#!/bin/sh\nif [ "$1" = --version ]; then echo "pg_dump (PostgreSQL) 99.1"; else echo "-- $*"; fi\n`;
    await chmod(await cli.project.write('bin/pg_dump', script), 0o755);
    await cli.project.write(
      'tenants.config.mjs',
      `const say = (name) => (context) => void process.stderr.write(name + JSON.stringify(context) + '\\n');
       export default { hooks: { beforeDeleteTenant: say('before '), afterDeleteTenant: say('after ') } };\n`,
    );
    const path = `${cli.project.path('bin')}${delimiter}${process.env['PATH'] ?? ''}`;
    const args = ['delete-tenant', 'umbrella', '--dump', 'umbrella.sql', '--confirm', 'umbrella', '--verbose'];
    const outcome = await cli.run(args, { env: { PATH: path } });
    expect(outcome.code).toBe(0);
    const context = '{"tenant":"umbrella","type":null,"domains":[]';
    expect(outcome.stderr).toContain(`before ${context},"client":{}}`);
    expect(outcome.stderr).toContain(`after ${context}}`);
    const file = cli.project.path('umbrella.sql');
    expect(await readFile(file, 'utf8')).toContain('--schema="umbrella"');
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    const password = String(cli.database.config.password);
    expect(`${outcome.stdout}${outcome.stderr}${await readFile(file, 'utf8')}`).not.toContain(password);
  });
});

describe('clone-tenant', () => {
  it('without a fitting pg_dump says which one is needed', async () => {
    await cli.project.write('old/pg_dump', '#!/bin/sh\necho "pg_dump (PostgreSQL) 9.6.1"\n');
    await chmod(cli.project.path('old', 'pg_dump'), 0o755);
    const path = `${cli.project.path('old')}${delimiter}${process.env['PATH'] ?? ''}`;
    const outcome = await run(['clone-tenant', 'acme', 'copy', '--json'], { env: { PATH: path } });
    expect(outcome.code).toBe(2);
    expect(outcome.json()).toMatchObject({
      error: {
        code: 'PG_DUMP_UNAVAILABLE',
        message: expect.stringMatching(/PostgreSQL \d+ or newer.* 9\.6\.1/) as string,
      },
    });
    expect(await schemas()).not.toContain('copy');
  });

  it.each([
    [['acme', 'copy', '--type', 'shop'], 'USAGE'],
    [['acme', 'copy', '--set', 'plan'], 'USAGE'],
  ])('%j is refused', async (args, code) => {
    const outcome = await run(['clone-tenant', ...args, '--json']);
    expect(outcome.code).toBe(2);
    expect(outcome.json()).toMatchObject({ error: { code } });
  });
});
