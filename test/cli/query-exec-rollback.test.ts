import { rm } from 'node:fs/promises';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { useDatabase } from '../support/database.js';
import { createFleet, type TestFleet } from '../support/fleet.js';
import { callCli, runCli, spawnCli, type CliOutcome } from '../support/run-cli.js';

const HOSTILE = 'Se"lect é, $1';
const TENANTS = [HOSTILE, 'acme', 'globex'];

const database = useDatabase();
let fleet: TestFleet;

beforeAll(async () => {
  fleet = await createFleet(database, {
    'migrations/tenant/0002_tasks.sql':
      '-- Up Migration\nCREATE TABLE tasks (id int);\n-- Down Migration\nDROP TABLE tasks;\n',
  });
  await fleet.migrate({ selection: { kind: 'shared' } });
  await database.query(`CREATE SCHEMA "Se""lect é, $1"`);
  await database.query('INSERT INTO tenants (schema_name) VALUES ($1)', [HOSTILE]);
  await fleet.create('acme', 'globex');
  await fleet.migrate();
});
afterAll(() => fleet.remove());

async function tenants(...args: string[]): Promise<CliOutcome> {
  // Programs that `exec` starts write to the streams of a process.
  const start = args[0] === 'exec' ? runCli : callCli;
  return await start(args, { cwd: fleet.files.root, env: { DATABASE_URL: database.url } });
}

const node = (script: string): string[] => ['--', process.execPath, '-e', script];

describe('query', () => {
  it('prints one aligned table, and how many rows it has on stderr', async () => {
    const { code, stdout, stderr } = await tenants('query', `SELECT 7 AS n, 'x' || E'\\x1b[31m' AS text`);
    expect(code).toBe(0);
    const lines = stdout.trimEnd().split('\n');
    expect(lines[0]).toMatch(/^tenant +n +text$/);
    expect(lines).toHaveLength(4);
    expect(lines[1]).toMatch(/^Se"lect é, \$1 +7 +x$/);
    expect(stderr).toContain('3 rows of 3 tenants');
  });

  it('prints one document with --json, where nothing is masked', async () => {
    const { code, json } = await tenants(
      'query',
      `SELECT count(*) AS n, 'postgres://u:secret@h/d' AS url FROM projects`,
      '--json',
    );
    expect(code).toBe(0);
    const row = { n: 0, url: 'postgres://u:secret@h/d' };
    expect(json()).toEqual({ rows: TENANTS.map((tenant) => ({ tenant, ...row })), failed: [] });
  });

  it('tells in the document who failed, and exits with 1', async () => {
    const sql = `SELECT 1 / (CASE current_schema() WHEN 'acme' THEN 0 ELSE 1 END) AS one`;
    const { code, json } = await tenants('query', sql, '--json');
    expect(code).toBe(1);
    expect(json()).toEqual({
      rows: [HOSTILE, 'globex'].map((tenant) => ({ tenant, one: 1 })),
      failed: [{ tenant: 'acme', error: expect.objectContaining({ sqlstate: '22012' }) as object }],
    });
  });

  it('prints CSV that PostgreSQL reads', async () => {
    const { stdout } = await tenants(
      'query',
      `SELECT '' AS empty, NULL AS nothing, E'a,"b"\\nc' AS text`,
      '--csv',
      '--tenant',
      'acme',
    );
    expect(stdout).toBe('tenant,empty,nothing,text\nacme,"",,"a,""b""\nc"\n');
  });

  it('does not put values under a header that is not theirs', async () => {
    await database.query(
      'ALTER TABLE globex.tasks ADD COLUMN more int; INSERT INTO globex.tasks VALUES (1, 2); INSERT INTO acme.tasks VALUES (1)',
    );
    const { code, stdout, stderr } = await tenants('query', 'SELECT * FROM tasks', '--csv');
    expect(code).toBe(1);
    expect(stdout).toBe('tenant,id\nacme,1\n');
    expect(stderr).toContain('globex');
    const lines = (await tenants('query', 'SELECT * FROM tasks', '--ndjson')).stdout.trimEnd().split('\n');
    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([
      { tenant: 'acme', id: 1 },
      { tenant: 'globex', id: 1, more: 2 },
    ]);
    await database.query('ALTER TABLE globex.tasks DROP COLUMN more; DELETE FROM acme.tasks; DELETE FROM globex.tasks');
  });

  it('changes data only with --write, which no variable of the environment says', async () => {
    const sql = `INSERT INTO projects (name) VALUES ('new')`;
    const env = { DATABASE_URL: database.url, TENANTS_WRITE: 'true' };
    const refused = await runCli(['query', sql, '--json'], { cwd: fleet.files.root, env });
    expect(refused.code).toBe(1);
    expect(
      refused.json<{ failed: { error: { sqlstate: string } }[] }>().failed.map(({ error }) => error.sqlstate),
    ).toEqual(TENANTS.map(() => '25006'));
    expect((await tenants('query', sql)).stderr).toContain('to change data, add --write');
    const written = await tenants('query', sql, '--write', '--tenant', String.raw`Se"lect é\, $1`, '--json');
    expect(written.json()).toEqual({ rows: [{ tenant: HOSTILE, command: 'INSERT', affected: 1 }], failed: [] });
  });

  it.each([
    ['two formats', ['SELECT 1', '--csv', '--ndjson']],
    ['a CSV that is JSON', ['SELECT 1', '--csv', '--json']],
    ['no statement', []],
    ['two statements', ['SELECT 1; SELECT 2']],
    ['COMMIT', ['COMMIT']],
    ['an unknown tenant', ['SELECT 1', '--tenant', 'acne']],
    ['an empty list', ['SELECT 1', '--tenant', '']],
    ['a concurrency of none', ['SELECT 1', '--concurrency', '0']],
  ])('refuses %s with exit code 2', async (_what, args) => {
    const { code, stdout } = await tenants('query', ...args);
    expect(code).toBe(2);
    if (!args.includes('--json')) expect(stdout).toBe('');
  });

  it('stops when nobody reads its rows any more', async () => {
    const running = spawnCli(['query', 'SELECT n, pg_sleep(0.001) FROM generate_series(1, 1000000) AS n', '--csv'], {
      cwd: fleet.files.root,
      env: { DATABASE_URL: database.url },
    });
    await running.until(/acme|lect/);
    running.child.stdout.destroy();
    expect((await running.outcome).code).toBe(0);
  });
});

describe('exec', () => {
  it('prints the lines of each program with its tenant, stdout to stdout and stderr to stderr', async () => {
    const { code, stdout, stderr } = await tenants(
      'exec',
      '--concurrency',
      '1',
      ...node(
        `console.log('out ' + process.env.TENANT_SCHEMA + ' ' + process.argv.slice(1).join(' ')); console.error('err')`,
      ),
      '--',
      '--json',
    );
    expect(code).toBe(0);
    expect(stdout).toBe(TENANTS.map((tenant) => `${tenant} | out ${tenant} --json\n`).join(''));
    for (const tenant of TENANTS) expect(stderr).toContain(`${tenant} | err\n`);
    expect(stderr).toContain('3 of 3 tenants succeeded');
  });

  it('prints only the document on stdout with --json, and exits with 1 when a program failed', async () => {
    const script = `console.log('hello'); process.exit(process.env.TENANT_SCHEMA === 'acme' ? 5 : 0)`;
    const { code, json, stderr } = await tenants('exec', '--json', ...node(script));
    expect(code).toBe(1);
    expect(json()).toEqual({ results: TENANTS.map((tenant) => ({ tenant, exitCode: tenant === 'acme' ? 5 : 0 })) });
    expect(stderr).toContain('acme | hello');
  });

  it('gives a program its words in their order, also those that flags have had', async () => {
    const words = ['acme', 'b', 'acme', '--', '--tenant', 'acme', 'a', '--help', '-e'];
    const script = [
      '--tenant',
      'acme',
      '--',
      process.execPath,
      '-e',
      'console.log(JSON.stringify(process.argv.slice(1)))',
      '--',
    ];
    const { stdout } = await tenants('exec', ...script, ...words);
    expect(JSON.parse(stdout.slice('acme | '.length))).toEqual(words);
  });

  it.each([
    ['no program', ['exec']],
    ['a program before --', ['exec', 'true', '--', 'true']],
    ['no program after --', ['exec', '--']],
    ['a program that is not there', ['exec', '--', 'no-such-program']],
    ['an unknown tenant', ['exec', '--tenant', 'acne', '--', 'true']],
  ])('refuses %s with exit code 2', async (_what, args) => {
    const { code, stdout } = await tenants(...args);
    expect(code).toBe(2);
    expect(stdout).toBe('');
  });

  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('passes %s on, starts no more and exits with %i', async (signal, exitCode) => {
    const script = `process.on('${signal}', () => { console.log('bye'); process.exit(0); }); console.log('ready'); setInterval(() => {}, 1000)`;
    const outcome = await runCli(['exec', '--concurrency', '1', ...node(script)], {
      cwd: fleet.files.root,
      env: { DATABASE_URL: database.url },
      signalAfter: { signal, pattern: /ready/ },
    });
    expect(outcome.code).toBe(exitCode);
    expect(outcome.stdout).toBe(`${HOSTILE} | ready\n${HOSTILE} | bye\n`);
    expect(outcome.stderr).toContain('1 of 3 tenants succeeded');
  });

  it('shows no password', async () => {
    const { stdout, stderr } = await tenants('exec', '--verbose', '--', 'false');
    const { password } = new URL(database.url);
    if (password !== '') expect(stdout + stderr).not.toContain(password);
  });
});

describe('status --tenant', () => {
  it('shows what is applied to each, when, and what is pending', async () => {
    await fleet.tenantMigration('0003_later.sql', 'CREATE TABLE later (id int);');
    const { code, stdout } = await tenants('status', '--tenant', 'acme');
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /acme: pending\n.*0001_projects\n.*\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} 0002_tasks\n.*\+ +0003_later/,
    );
    const { json } = await tenants('status', '--tenant', String.raw`Se"lect é\, $1,acme`, '--json');
    const details = json<{ details: { tenant: string; applied: { name: string; runOn: string }[] }[] }>().details;
    expect(details).toMatchObject(
      [HOSTILE, 'acme'].map((tenant) => ({ tenant, type: null, state: 'pending', pending: ['0003_later'] })),
    );
    expect(details[1]?.applied.map(({ name }) => name)).toEqual(['0001_projects', '0002_tasks']);
    expect(Date.parse(`${details[1]?.applied[0]?.runOn}Z`)).toBeGreaterThan(0);
    await rm(fleet.files.path('migrations', 'tenant', '0003_later.sql'));
  });

  it('has no details of tenants that were not named', async () => {
    expect((await tenants('status', '--json')).json()).not.toHaveProperty('details');
  });

  it('tells what is missing', async () => {
    await database.query(`INSERT INTO tenants (schema_name) VALUES ('ghost')`);
    const { json } = await tenants('status', '--tenant', 'ghost', '--json');
    expect(json<{ details: unknown }>().details).toMatchObject([{ tenant: 'ghost', state: 'missing', applied: [] }]);
    await database.query(`DELETE FROM tenants WHERE schema_name = 'ghost'`);
  });

  it('refuses an unknown tenant with exit code 2', async () => {
    expect((await tenants('status', '--tenant', 'acne')).code).toBe(2);
  });
});

describe('rollback', () => {
  it('refuses the whole fleet without --confirm all, which no variable of the environment says', async () => {
    const env = { DATABASE_URL: database.url, TENANTS_CONFIRM: 'all' };
    for (const args of [
      [],
      ['--tenants-only'],
      ['--exclude', 'acme'],
      ['--confirm', 'acme'],
      ['--tenants-only', '--count', '2'],
    ]) {
      const { code } = await runCli(['rollback', ...args], { cwd: fleet.files.root, env });
      expect(code).toBe(2);
    }
    expect(await fleet.applied('acme')).toEqual(['0001_projects', '0002_tasks']);
  });

  it.each([
    ['a target for the whole fleet without confirmation', ['--to', '0001_projects']],
    ['a count of 0', ['--tenant', 'acme', '--count', '0']],
    ['--shared with tenants', ['--shared', '--tenant', 'acme']],
    ['an unknown migration', ['--tenant', 'acme', '--to', '0009_no']],
    ['a registry with tenants in it', ['--shared']],
  ])('refuses %s with exit code 2', async (_what, args) => {
    expect((await tenants('rollback', ...args)).code).toBe(2);
    expect(await fleet.applied('acme')).toEqual(['0001_projects', '0002_tasks']);
    expect(await fleet.applied('public')).toEqual(['0001_registry']);
  });

  it('prints the document of migrate with rolledBack', async () => {
    const { code, json } = await tenants('rollback', '--tenant', 'acme', '--json');
    expect(code).toBe(0);
    expect(json()).toEqual({
      command: 'rollback',
      exitCode: 0,
      durationMs: expect.any(Number) as number,
      executor: 'standard',
      processes: 1,
      concurrency: expect.any(Number) as number,
      shared: { status: 'skipped', migrations: [], error: null },
      run: expect.any(Number) as number,
      tenants: { total: 1, rolledBack: 1, upToDate: 0, failed: 0, notExecuted: 0, missing: 0 },
      results: [
        { tenant: 'acme', status: 'rolledBack', migrations: ['0002_tasks'], durationMs: expect.any(Number) as number },
      ],
    });
    expect(await fleet.applied('globex')).toEqual(['0001_projects', '0002_tasks']);
  });

  it('rolls the fleet back when that is confirmed, and says so', async () => {
    const { code, stdout } = await tenants('rollback', '--tenants-only', '--to', '0001_projects', '--confirm', 'all');
    expect(code).toBe(0);
    expect(stdout).toContain('2 rolled back');
    expect(stdout).toContain('1 unchanged');
    for (const tenant of TENANTS) expect(await fleet.applied(tenant)).toEqual(['0001_projects']);
  });
});
