import { readdir, readFile, stat } from 'node:fs/promises';

import { beforeAll, expect, it } from 'vitest';

import { useCliProject } from './cli-project.js';

type Line = { seq: number; at: string; type: string } & Record<string, unknown>;
type Result = { tenant: string; status: string; startedAt?: string };
type Report = { exitCode: number; results: Result[]; startedAt: string; finishedAt: string } & Record<string, unknown>;

const cli = useCliProject({
  'migrations/tenant/0002_check.sql':
    '-- Up Migration\nALTER TABLE projects ADD CHECK (id > 0);\n-- Down Migration\nALTER TABLE projects DROP CONSTRAINT projects_id_check;\n',
});
beforeAll(async () => {
  await cli.call(['migrate']);
  for (const name of ['t1', 't2', 't3']) await cli.call(['create-tenant', name]);
  for (const name of ['t1', 't2', 't3']) await cli.call(['rollback', '--tenant', name]);
  await cli.database.query('INSERT INTO t2.projects VALUES (-1)');
});

const read = async <T>(file: string): Promise<T> => JSON.parse(await readFile(cli.project.path(file), 'utf8')) as T;
const lines = (text: string): Line[] =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Line);

it('a run that fails for a tenant writes its report and its events, which agree', async () => {
  const args = ['migrate', '--canary', '0', '--report', 'out.json', '--events', 'out.ndjson', '--json'];
  const outcome = await cli.call(args);
  expect(outcome.code).toBe(1);
  const report = await read<Report>('out.json');
  const document = outcome.json<Report>();
  const withoutStarts = report.results.map(({ startedAt, ...rest }) => {
    expect(startedAt).toMatch(/^\d{4}-.*Z$/);
    return rest;
  });
  expect({ ...report, results: withoutStarts }).toMatchObject(document);
  expect(report).toMatchObject({ commandLine: `tenants ${args.join(' ')}`, version: expect.any(String) });
  expect(Date.parse(report.finishedAt)).toBeGreaterThanOrEqual(Date.parse(report.startedAt));
  const told = lines(await readFile(cli.project.path('out.ndjson'), 'utf8'));
  expect(told.map(({ seq }) => seq)).toEqual(told.map((_, index) => index + 1));
  expect(told[0]).toMatchObject({ type: 'run:start', version: 1, command: 'migrate' });
  expect(told.at(-1)).toMatchObject({ type: 'run:end', exitCode: 1, report });
  // Replayed, the events give the results.
  const replayed = new Map(
    told.filter(({ type }) => type === 'tenant:done').map(({ result }) => [(result as Result).tenant, result]),
  );
  const byName = (one: Result, other: Result): number => one.tenant.localeCompare(other.tenant);
  expect([...(replayed.values() as Iterable<Result>)].toSorted(byName)).toEqual(document.results.toSorted(byName));
  for (const file of ['out.json', 'out.ndjson']) {
    expect((await stat(cli.project.path(file))).mode & 0o777, file).toBe(0o600);
  }
  expect((await readdir(cli.project.root)).filter((name) => name.startsWith('.out'))).toEqual([]);
});

it('--events - writes nothing but events to standard output, and the summary to standard error', async () => {
  const outcome = await cli.call(['rollback', '--tenant', 't1', '--events', '-']);
  expect(outcome.code).toBe(0);
  expect(lines(outcome.stdout).map(({ type }) => type)).toEqual(
    expect.arrayContaining(['run:start', 'tenant:start', 'tenant:done', 'run:end']),
  );
  expect(outcome.stderr).toMatch(/1 rolled back/);
});

it('a run that cannot reach the database ends its files with the error, without its password', async () => {
  const env = { DATABASE_URL: 'postgres://nobody:very-secret@127.0.0.1:1/none' };
  const outcome = await cli.call(['migrate', '--report', 'away.json', '--events', 'away.ndjson'], { env });
  expect(outcome.code).toBe(5);
  const report = await readFile(cli.project.path('away.json'), 'utf8');
  expect(JSON.parse(report)).toMatchObject({ command: 'migrate', exitCode: 5, error: { code: expect.any(String) } });
  const told = await readFile(cli.project.path('away.ndjson'), 'utf8');
  expect(lines(told).at(-1)).toMatchObject({ type: 'run:end', exitCode: 5 });
  expect(report + told).not.toContain('very-secret');
});

it.each([
  [['--report', 'out.txt'], /must end in .json or .html/],
  [['--report', 'missing/out.json'], /cannot be written/],
  [['--events', 'migrations'], /cannot be written/],
  [['--events', '-', '--json'], /cannot be combined/],
])('%j is refused before anything is changed', async (flags, message) => {
  const before = await cli.call(['status', '--json']);
  const outcome = await cli.call(['migrate', '--canary', '0', ...flags]);
  expect(outcome.code).toBe(2);
  expect(outcome.stdout + outcome.stderr).toMatch(message);
  expect((await cli.call(['status', '--json'])).stdout).toBe(before.stdout);
});

it('a report that ends in .html is the page about the fleet after the run', async () => {
  const outcome = await cli.call(['migrate', '--tenant', 't3', '--report', 'out.html', '--json']);
  expect(outcome.code).toBe(0);
  const page = await readFile(cli.project.path('out.html'), 'utf8');
  expect(page).toMatch(/^<!doctype html>/i);
  expect(page).toContain('"t3"');
});

it('a full disk costs the events, not the run', async () => {
  const outcome = await cli.call(['migrate', '--tenant', 't1', '--events', '/dev/full', '--json']);
  expect(outcome.code).toBe(0);
  expect(outcome.json()).toMatchObject({ tenants: { applied: 1 } });
  expect(outcome.stderr.match(/--events ends here/g)).toHaveLength(1);
});
