import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import { expect, it } from 'vitest';

import { REPOSITORY } from '../support/build.js';
import { SCHEMA_NAMES, schemaErrors } from '../support/schemas.js';
import { useCliProject } from './cli-project.js';

const CHECK =
  '-- Up Migration\nALTER TABLE projects ADD CHECK (id > 0);\n-- Down Migration\nALTER TABLE projects DROP CONSTRAINT projects_id_check;\n';

const cli = useCliProject({
  'migrations/tenant/0002_check.sql': CHECK,
  'plain.config.mjs': `export default { tenants: { format: 'sql', migrations: './plain' } };`,
  'plain/0001_projects.sql': '-- migrate:up\nCREATE TABLE projects (id int);\n',
  'tenants.csv': 'schema,domain\nlisted,listed.example.com\n',
});
const seen = new Set<string>();

/** Runs a command with `--json`, and holds what it prints against a schema. */
async function fits(name: string, args: string[], code: number | RegExp = 0): Promise<Record<string, unknown>> {
  const [command = '', ...rest] = args;
  const outcome = await cli.call([command, '--json', ...rest]);
  const document = outcome.json<Record<string, unknown>>();
  expect(String(outcome.code), `${args.join(' ')}: ${outcome.stdout}`).toMatch(
    code instanceof RegExp ? code : `${code}`,
  );
  expect(schemaErrors(name, document), `${args.join(' ')}: ${outcome.stdout}`).toEqual([]);
  // Fields are added without notice.
  expect(schemaErrors(name, { ...document, added: 1 })).toEqual([]);
  seen.add(name);
  return document;
}

it('what every command prints with --json fits its schema', async () => {
  await fits('version', ['--version']);
  await fits('completion', ['completion', 'bash']);
  await fits('db', ['db', 'stop']);
  await fits('init', ['init']);
  await fits('error', ['status', '--tenant', 'nobody'], /[12]/);

  await fits('migrate', ['migrate', '--shared']);
  await fits('create-tenant', ['create-tenant', 't1', 't1.example.com']);
  await fits('create-tenant', ['create-tenant', '--from', 'tenants.csv']);
  await fits('create-domain', ['create-domain', 't1', 'more.example.com']);
  await fits('delete-domain', ['delete-domain', 'more.example.com']);
  await fits('rename-tenant', ['rename-tenant', 'listed', 't2']);
  const clone = await cli.call(['clone-tenant', 't1', 't3', '--json']);
  expect(schemaErrors(clone.code === 0 ? 'clone-tenant' : 'error', clone.json())).toEqual([]);
  if (clone.code !== 0) await cli.call(['create-tenant', 't3']);
  await fits('pool', ['pool', '--fill', '--size', '1']);
  await fits('pool', ['pool']);
  await fits('error', ['distribute', '--all'], /2/);
  await fits('error', ['move-tenant', 't1', '--to', 'node:5432'], /2/);

  const tenants = ['--tenant', 't1,t2'];
  await fits('rollback', ['rollback', ...tenants, '--dry-run']);
  await fits('rollback', ['rollback', ...tenants]);
  await cli.database.query('INSERT INTO t2.projects VALUES (-1); ALTER TABLE t2.projects ADD COLUMN by_hand text');
  await fits('status', ['status', '--check', '--drift', ...tenants], 3);
  await fits('status', ['status']);
  await fits('plan', ['plan', '--sql']);
  await fits('lint', ['lint'], /[03]/);
  await fits('drift', ['drift', '--details', '--sql'], 3);
  await fits('migrate', ['migrate', '--dry-run', '--sample', 'all'], 1);
  await fits('migrate', ['migrate', '--canary', '0', '--report', 'out.json', '--events', 'out.ndjson'], 1);
  const report: unknown = JSON.parse(await readFile(cli.project.path('out.json'), 'utf8'));
  expect(schemaErrors('run-report', report)).toEqual([]);
  const lines = (await readFile(cli.project.path('out.ndjson'), 'utf8')).trim().split('\n');
  expect(lines.length).toBeGreaterThan(5);
  for (const line of lines) expect(schemaErrors('event', JSON.parse(line)), line).toEqual([]);
  for (const name of ['run-report', 'event']) seen.add(name);

  await fits('status', ['status', ...tenants]);
  await fits('runs', ['runs']);
  await fits('runs', ['runs', '1']);
  await fits('list', ['list', '--migrations']);
  await fits('list', ['list', '--count']);
  await fits('metrics', ['metrics']);
  await fits('report', ['report', '--html', 'page.html']);
  await fits('doctor', ['doctor'], /[03]/);
  await cli.database.query(
    `CREATE TABLE t1.schema_migrations (version text PRIMARY KEY); INSERT INTO t1.schema_migrations VALUES ('0001')`,
  );
  await fits('adopt-history', ['adopt-history', '--config', 'plain.config.mjs', '--dry-run'], /[01]/);
  await fits('query', ['query', 'SELECT id, 1.5 AS n, NULL AS nothing FROM projects'], 0);
  await fits('query', ['query', 'SELECT wrong FROM projects'], 1);
  await fits('exec', ['exec', '--tenant', 't1', '--', 'true'], 0);
  await fits('shell', ['shell', 't1', '--program', 'true']);

  await writeFile(cli.project.path('migrations/tenant/0002_check.sql'), `${CHECK}-- edited\n`);
  await fits('checksums', ['checksums'], /[03]/);
  await fits('checksums', ['checksums', '--accept', '0002_check']);
  await fits('delete-tenant', ['delete-tenant', 't3', '--confirm', 't3']);
  await cli.database.query('DELETE FROM t2.projects');
  await fits('migrate', ['migrate']);
  await fits('snapshot', ['snapshot']);
  await fits('squash', ['squash', '--to', '0002_check']);
  await fits('create-migration', ['create-migration', 'add things']);

  const { COMMANDS } = (await import(pathToFileURL(join(REPOSITORY, 'dist/commands/index.js')).href)) as {
    COMMANDS: object;
  };
  expect(SCHEMA_NAMES).toEqual(expect.arrayContaining(Object.keys(COMMANDS)));
  // Citus prints them; the plain server has refused both.
  const printed = [...seen, 'clone-tenant', 'config', 'distribute', 'move-tenant'];
  expect(printed.toSorted()).toEqual(SCHEMA_NAMES.toSorted());
});

it('a document that lacks a field, or has another type in one, does not fit', async () => {
  const { tenants, ...rest } = (await cli.call(['status', '--json'])).json<Record<string, unknown>>();
  expect(schemaErrors('status', rest)).toEqual([" must have required property 'tenants'"]);
  expect(schemaErrors('status', { ...rest, tenants: { ...(tenants as object), total: '1' } })).toEqual([
    '/tenants/total must be number',
  ]);
  expect(schemaErrors('error', { error: { message: 'no code' } })).not.toEqual([]);
});

it('the schema of the configuration accepts what the command accepts, and says the same of what it refuses', async () => {
  const files = (config: object) => writeFile(cli.project.path('other.config.json'), JSON.stringify(config));
  const schema = './node_modules/pg-tenants/schemas/config.json';
  const cases: [object, boolean][] = [
    [{}, true],
    [{ tenants: { migrations: './migrations/tenant', types: { free: './free', pro: { migrations: './pro' } } } }, true],
    [{ canary: '5%', maxFailures: 3, rollout: { waves: [1, '5%', '100%'], pause: 'ask', window: 'always' } }, true],
    [{ journal: false, lockTimeout: '5s', lint: { rules: { 'no-such-rule': 'off' } } }, false],
    [{ tenant: {} }, false],
    [{ concurrency: 0 }, false],
    [{ rollout: { waves: 3 } }, false],
    [{ tenants: { types: { free: 3 } } }, false],
    [{ hooks: { afterMigrate: 'no function' } }, false],
  ];
  for (const [config, accepted] of cases) {
    const complete = { $schema: schema, ...config };
    await files(complete);
    const outcome = await cli.call(['init', '--config', 'other.config.json', '--json']);
    expect(outcome.code === 0, outcome.stdout).toBe(accepted);
    expect(schemaErrors('config', complete).length === 0, JSON.stringify(config)).toBe(accepted);
  }
});
