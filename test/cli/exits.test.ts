import { rm } from 'node:fs/promises';

import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { useCliProject } from './cli-project.js';

type Report = {
  exitCode: number;
  tenants: { applied: number; failed: number; notExecuted: number };
  results: { tenant: string; status: string; error?: { message: string } }[];
};

const cli = useCliProject();
const EXECUTORS = ['standard', 'multiprocessing', 'worker-threads'];

beforeAll(async () => {
  await cli.call(['migrate']);
  for (const tenant of ['t1', 't2', 't3', 't4']) await cli.call(['create-tenant', tenant]);
});

let count = 1;
let file = '';
beforeEach(() => {
  count += 1;
  file = `migrations/tenant/${String(count).padStart(4, '0')}_code.js`;
});
afterEach(async () => {
  await rm(cli.project.path(file), { force: true });
  await cli.database.query(
    ['t1', 't2', 't3', 't4'].map((t) => `DELETE FROM ${t}.pgmigrations WHERE name <> '0001_projects';`).join(''),
  );
});

/** A migration that is run tenant by tenant and does something in `t2`. */
const inT2 = (script: string): string => `export const up = async (pgm) => {
  const { rows } = await pgm.db.query('SELECT current_schema()::text AS schema');
  if (rows[0].schema === 't2') { ${script} }
};
export const down = () => {};`;

describe('a migration that calls process.exit(0)', () => {
  it.each([
    ['when it is loaded', 'process.exit(0);\nexport const up = () => {};'],
    ['when it is built', 'export const up = () => { process.exit(0); };'],
  ])('%s is refused before anything is touched', async (_when, text) => {
    await cli.project.write(file, text);
    for (const command of ['migrate', 'plan']) {
      const outcome = await cli.run([command, '--json']);
      expect(outcome.code).toBe(2);
      expect(outcome.json()).toMatchObject({ error: { code: expect.stringMatching(/^MIGRATION/) as string } });
      expect(outcome.stdout).toContain('process.exit(0) was called');
    }
  });

  it.each(EXECUTORS)('for one tenant fails that tenant alone, and the report says so: %s', async (executor) => {
    await cli.project.write(file, inT2('process.exit(0);'));
    const outcome = await cli.run(['migrate', '--json', '--executor', executor]);
    expect(outcome.code).toBe(1);
    const report = outcome.json<Report>();
    expect(report.exitCode).toBe(1);
    expect(report.tenants).toMatchObject({ applied: 3, failed: 1, notExecuted: 0 });
    expect(report.results.find(({ status }) => status === 'failed')?.tenant).toBe('t2');
  });
});

describe('an error that nobody waits for', () => {
  it('in a migration lets running work finish, and the report is printed', async () => {
    await cli.project.write(
      file,
      inT2(`void Promise.reject(new Error('stray')); await new Promise((resolve) => setTimeout(resolve, 300));`),
    );
    const outcome = await cli.run(['migrate', '--json', '--concurrency', '1']);
    expect(outcome.code).toBe(1);
    const report = outcome.json<Report>();
    expect(report.exitCode).toBe(1);
    expect(report.tenants).toMatchObject({ applied: 2, failed: 0, notExecuted: 2 });
    expect(outcome.stderr).toContain('stray');
  });

  it.each(EXECUTORS)('and a thrown null are failures as well: %s', async (executor) => {
    await cli.project.write(file, inT2('throw null;'));
    const outcome = await cli.run(['migrate', '--json', '--executor', executor]);
    expect(outcome.code).toBe(1);
    expect(outcome.json<Report>().tenants).toMatchObject({ applied: 3, failed: 1 });
  });
});

describe('a configuration', () => {
  const config = async (text: string): Promise<string[]> => {
    await cli.project.write('odd.config.mjs', text);
    return ['migrate', '--json', '--config', 'odd.config.mjs'];
  };

  it('that calls process.exit(0) is an error', async () => {
    const outcome = await cli.run(await config('process.exit(0);\nexport default {};'));
    expect(outcome.code).toBe(2);
    expect(outcome.json()).toMatchObject({ error: { code: 'CONFIG_INVALID' } });
  });

  it('that waits forever is an error', async () => {
    const outcome = await cli.run(await config('await new Promise(() => {});\nexport default {};'));
    expect(outcome.code).toBe(1);
    expect(outcome.json()).toMatchObject({
      error: { code: 'UNEXPECTED', message: expect.stringMatching(/never happen/) as string },
    });
  });

  it('with a hook that calls process.exit(0) fails the tenant', async () => {
    await cli.project.write(
      file,
      'export const up = (pgm) => pgm.createTable("made", { id: "id" });\nexport const down = false;',
    );
    const args = await config(
      `export default { hooks: { afterMigrate: ({ tenant }) => { if (tenant === 't2') process.exit(0); } } };`,
    );
    const outcome = await cli.run(args);
    expect(outcome.code).toBe(1);
    expect(outcome.json<Report>().tenants).toMatchObject({ applied: 3, failed: 1 });
    await cli.database.query('DROP TABLE t1.made, t3.made, t4.made');
  });

  it('with an executor that calls process.exit(0) leaves a report', async () => {
    await cli.project.write(file, inT2(''));
    await cli.project.write(
      'quits.mjs',
      `export default () => ({ name: 'quits', close: async () => {}, async *execute(queue, { openLane }) {
  const lane = await openLane();
  for await (const one of queue) { yield await lane.apply(one); process.exit(0); }
} });`,
    );
    const outcome = await cli.run(['migrate', '--json', '--executor', './quits.mjs']);
    expect(outcome.code).toBe(1);
    const { tenants } = outcome.json<Report>();
    expect(tenants.applied).toBeGreaterThanOrEqual(1);
    expect(tenants.applied + tenants.failed + tenants.notExecuted).toBe(4);
  });
});
