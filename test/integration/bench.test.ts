import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { afterAll, beforeAll, expect, inject, it } from 'vitest';

import type { BenchReport } from '../../bench/report.js';
import { REPOSITORY } from '../support/build.js';
import { askServer } from '../support/embedded.js';

/** The benchmark's own check, once, on the tests' server; what it measures there means nothing. */
let folder: string;
let report: BenchReport;
let markdown: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pg-tenants-bench-'));
  const [json, text] = [join(folder, 'report.json'), join(folder, 'report.md')];
  await bench('--check', '--without-command-line', '--executors', 'standard', '--json', json, '--markdown', text);
  report = JSON.parse(await readFile(json, 'utf8')) as BenchReport;
  markdown = await readFile(text, 'utf8');
}, 240_000);
afterAll(() => rm(folder, { recursive: true, force: true }));

async function bench(...args: string[]): Promise<void> {
  const program = ['--import', 'jiti/register', join('bench', 'run.ts'), '--database', inject('adminUrl'), ...args];
  await promisify(execFile)(process.execPath, program, { cwd: REPOSITORY });
}

it('every scenario has a floor and ours, with times, memory and CPU time', () => {
  for (const scenario of ['noop', 'one', 'all', 'create', 'status', 'plan', 'startup'] as const) {
    const rows = report.measurements.filter((one) => one.scenario === scenario);
    expect([...new Set(rows.map(({ role }) => role))], scenario).toEqual(expect.arrayContaining(['floor', 'ours']));
    for (const { contender, runs } of rows) {
      expect(runs, contender).toHaveLength(1);
      expect(runs[0]?.ms, contender).toBeGreaterThan(0);
      if (contender.includes('psql')) continue;
      expect(runs[0]?.maxRssKiB, contender).toBeGreaterThan(10_000);
      expect(runs[0]?.cpuMs, contender).toBeGreaterThan(0);
    }
  }
});

it('what one tenant costs is counted', () => {
  const { counts } = report.costs.find(({ scenario }) => scenario === 'one') ?? expect.fail('no cost of "one"');
  expect(counts.roundTrips).toBeGreaterThanOrEqual(5);
  expect(counts.bytes.sent).toBeGreaterThan(1000);
});

it('the report says what it was taken on, and keeps the password to itself', () => {
  expect(report.server.settings).toMatchObject({
    max_locks_per_transaction: expect.any(String),
    fsync: expect.any(String),
  });
  expect(markdown).toContain(`postgresql ${report.versions['postgresql'] ?? '?'}`);
  const { password } = new URL(inject('adminUrl'));
  if (password !== '') expect(JSON.stringify(report) + markdown).not.toContain(decodeURIComponent(password));
});

it('nothing is left on the server', async () => {
  const rows = await askServer(inject('adminUrl'), "SELECT datname FROM pg_database WHERE datname ~ '^tenants_bench_'");
  expect(rows).toEqual([]);
});

it('an option that is not understood is refused before anything starts', async () => {
  await expect(bench('--scenario', 'everything')).rejects.toMatchObject({
    code: 1,
    stderr: expect.stringContaining('--scenario takes noop, one, all') as string,
  });
});
