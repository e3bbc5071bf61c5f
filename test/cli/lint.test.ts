import { describe, expect, it } from 'vitest';

import { useCliProject } from './cli-project.js';

type Document = { findings: Record<string, unknown>[]; files: number; tenants: number | null };

const INDEX = 'CREATE INDEX projects_id ON projects (id);\n';
const cli = useCliProject({
  'migrations/tenant/0002_index.sql': INDEX,
  'migrations/tenant/0003_drop.sql': 'ALTER TABLE projects DROP COLUMN id;\n',
});
const OFFLINE = { env: { DATABASE_URL: undefined } };

describe('tenants lint', () => {
  it('needs no database and exits with 3 for errors', async () => {
    const { code, stdout, stderr } = await cli.call(['lint'], OFFLINE);
    expect({ code, stderr }).toEqual({ code: 3, stderr: '' });
    expect(stdout).toContain('migrations/tenant/0002_index.sql:1:1  error  create-index-without-concurrently');
    expect(stdout).toMatch(/1 error and 1 warning in 2 of 4 migration files\.\n$/);
  });

  it('exits with 0 for warnings alone', async () => {
    const { code, stdout } = await cli.call(['lint', 'migrations/tenant/0003_drop.sql'], OFFLINE);
    expect(code).toBe(0);
    expect(stdout).toContain('1 warning in 1 of 1 migration file.');
  });

  it.each([['--json'], ['--format=json']])('prints one document with %s', async (flag) => {
    const { code, json } = await cli.call(['lint', flag], OFFLINE);
    expect(code).toBe(3);
    const { findings, ...rest } = json<Document>();
    expect(rest).toEqual({ files: 4, ignored: 0, tenants: null, unread: [] });
    expect(findings[0]).toMatchObject({
      rule: 'create-index-without-concurrently',
      severity: 'error',
      file: 'migrations/tenant/0002_index.sql',
      line: 1,
      column: 1,
      message: expect.stringContaining('in each tenant'),
      suggestion: expect.stringContaining('CONCURRENTLY'),
      docs: expect.stringMatching(/^https:.*docs\/lint\.md#create-index-without-concurrently$/),
      lock: 'SHARE',
      work: 'index',
    });
  });

  it('prints annotations for GitHub relative to the checked out repository', async () => {
    const { code, stdout } = await cli.call(['lint', '--format', 'github'], OFFLINE);
    expect(code).toBe(3);
    expect(stdout).toMatch(
      /^::error file=migrations\/tenant\/0002_index\.sql,line=1,col=1,title=create-index-without-concurrently::/,
    );
    const elsewhere = { env: { ...OFFLINE.env, GITHUB_WORKSPACE: cli.project.path('..') } };
    expect((await cli.call(['lint', '--format', 'github'], elsewhere)).stdout).toContain('file=project/migrations/');
  });

  it('prints a SARIF log', async () => {
    const { code, json } = await cli.call(['lint', '--format', 'sarif'], OFFLINE);
    expect(code).toBe(3);
    expect(json()).toMatchObject({ version: '2.1.0', runs: [{ results: [{ level: 'error' }, { level: 'warning' }] }] });
  });

  it.each([
    [['lint', 'nowhere.sql'], /no file or folder nowhere\.sql/],
    [['lint', '--since', 'HEAD'], /needs a git repository/],
    [['lint', '--format', 'xml'], /--format/],
    [['lint', '--json', '--format', 'sarif'], /cannot be combined/],
    [['lint', '--formt', 'sarif'], /--format/],
  ])('refuses %j with exit code 2', async (args, words) => {
    const { code, stdout, stderr } = await cli.call(args, OFFLINE);
    expect(code).toBe(2);
    expect(stdout + stderr).toMatch(words);
  });

  it('prints an error as a document with --format json', async () => {
    const { code, json } = await cli.call(['lint', '--format', 'json', 'nowhere.sql'], OFFLINE);
    expect(code).toBe(2);
    expect(json()).toMatchObject({ error: { code: 'USAGE' } });
  });

  it('says that sizes are left out when the database cannot be reached, and finds the same', async () => {
    const env = { DATABASE_URL: 'postgres://nobody:secret@127.0.0.1:1/nothing' };
    const { code, stdout, stderr } = await cli.call(['lint'], { env });
    expect(code).toBe(3);
    expect(stderr).toMatch(/^Sizes of tables are left out: .*127\.0\.0\.1:1/);
    expect(stderr + stdout).not.toContain('secret');
    expect(stdout).toContain('in each tenant while');
  });

  it('adds counts and sizes from the database, and plan has the same findings', async () => {
    const before = await cli.call(['plan', '--json']);
    expect(before.code).toBe(0);
    await cli.call(['migrate', '--shared']);
    for (const name of ['acme', 'globex']) await cli.call(['create-tenant', name, '--no-migrate']);
    await cli.call(['migrate', '--tenants-only', '--to', '0001_projects']);
    await cli.database.query('INSERT INTO globex.projects SELECT generate_series(1, 5000); ANALYZE globex.projects;');

    const linted = await cli.call(['lint', '--json']);
    const { findings, tenants } = linted.json<Document>();
    expect(tenants).toBe(2);
    expect(findings[0]).toMatchObject({
      message: expect.stringMatching(
        /in each of 2 tenants while.*It is largest in globex: about 5,000 rows \(\d+ kB\)\.$/,
      ),
      table: { name: 'projects', tenants: 2, largest: { schema: 'globex', rows: 5000 } },
    });
    const planned = (await cli.call(['plan', '--json'])).json<Document>();
    expect(planned.findings).toEqual(findings);
    const offline = (await cli.call(['lint', '--json', '--offline'])).json<Document>();
    expect(offline).toMatchObject({ tenants: null, findings: [{ rule: findings[0]?.['rule'] }, {}] });

    const { stdout } = await cli.call(['plan']);
    expect(stdout).toContain('Findings in these migrations: 1 error and 1 warning');
    expect(stdout).toContain('error 0002_index:1 create-index-without-concurrently');
    await cli.call(['migrate', '--no-check-order']);
    expect((await cli.call(['plan', '--json'])).json<Document>().findings).toEqual([]);
  });
});
