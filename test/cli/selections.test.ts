import { afterEach, beforeAll, describe, expect, it } from 'vitest';

import type { CliOutcome } from '../support/run-cli.js';
import { useCliProject } from './cli-project.js';

const TENANTS = ['eu_acme', 'eu_beta', 'us_acme'];

const cli = useCliProject();

beforeAll(async () => {
  expect((await cli.call(['migrate', '--shared'])).code).toBe(0);
  await cli.database.query(`ALTER TABLE tenants ADD COLUMN plan text NOT NULL DEFAULT 'free'`);
  for (const name of TENANTS) expect((await cli.call(['create-tenant', name])).code).toBe(0);
  await cli.database.query(`UPDATE tenants SET plan = 'pro' WHERE schema_name LIKE '%acme'`);
  await cli.project.write('pilots.txt', '# the first two\neu_beta\n\nus_*   # all of them\n');
});

/** A new migration for each test that applies one. */
let number = 1;
let lastApplied = 1;
const newMigration = async (): Promise<void> => {
  number += 1;
  const name = `t${number}`;
  const sql = `-- Up Migration\nCREATE TABLE ${name} (id int);\n-- Down Migration\nDROP TABLE ${name};\n`;
  await cli.project.write(`migrations/tenant/${String(number).padStart(4, '0')}_${name}.sql`, sql);
};
afterEach(async () => {
  if (number === lastApplied) return;
  lastApplied = number;
  expect((await cli.call(['migrate'])).code).toBe(0);
});

/** Tenants of a run are reported as they end, so sorted. */
const tenantsOf = ({ json }: CliOutcome): string[] =>
  json<Results>()
    .results.map(({ tenant }) => tenant)
    .sort();

type Results = { results: { tenant: string }[] };
type Status = { tenants: { total: number }; cohorts: { tenants: string[] }[]; details?: unknown[] };

const SELECTIONS: [string, string[], string[]][] = [
  ['a pattern', ['--tenant', 'eu_*'], ['eu_acme', 'eu_beta']],
  ['a pattern and a name', ['--tenant', 'eu_b*,us_acme'], ['eu_beta', 'us_acme']],
  ['a file', ['--tenant', '@pilots.txt'], ['eu_beta', 'us_acme']],
  ['a file and a name', ['--tenant', 'eu_acme', '--tenant', '@pilots.txt'], TENANTS],
  ['a condition', ['--where', "plan = 'pro'"], ['eu_acme', 'us_acme']],
  ['a condition and a pattern', ['--where', "tenants.plan = 'pro'", '--tenant', 'eu_*'], ['eu_acme']],
  ['an exclusion by pattern', ['--exclude', '*acme'], ['eu_beta']],
];

describe.each(SELECTIONS)('%s selects tenants', (_, flags, expected) => {
  it('in query', async () => {
    const { code, json } = await cli.call(['query', 'SELECT 1 AS one', '--json', ...flags]);
    expect(code).toBe(0);
    expect(json<{ rows: { tenant: string }[] }>().rows.map(({ tenant }) => tenant)).toEqual(expected);
  });

  it('in exec', async () => {
    const { code, json } = await cli.call(['exec', ...flags, '--json', '--', process.execPath, '-e', '0']);
    expect(code).toBe(0);
    expect(json<Results>().results.map(({ tenant }) => tenant)).toEqual(expected);
  });

  it('in status and plan', async () => {
    for (const command of ['status', 'plan']) {
      const { code, json } = await cli.call([command, '--json', ...flags]);
      expect(code).toBe(0);
      expect(json<Status>().cohorts.flatMap(({ tenants }) => tenants)).toEqual(expected);
    }
  });
});

// These read a selection in one place.
describe.each([SELECTIONS[1], SELECTIONS[5]] as typeof SELECTIONS)('%s selects tenants', (_, flags, expected) => {
  it('in migrate and rollback', async () => {
    await newMigration();
    const migrated = await cli.call(['migrate', '--json', ...flags]);
    expect(tenantsOf(migrated)).toEqual(expected);
    const undone = await cli.call(['rollback', '--json', ...flags, '--confirm', 'all']);
    expect(tenantsOf(undone)).toEqual(expected);
  });
});

describe('a selection', () => {
  it('comes from standard input', async () => {
    const { code, json } = await cli.run(['query', 'SELECT 1 AS one', '--json', '--tenant', '@-'], {
      input: '\uFEFFus_acme\r\n# no more\r\n',
    });
    expect(code).toBe(0);
    expect(json()).toEqual({ rows: [{ tenant: 'us_acme', one: 1 }], failed: [] });
  });

  it('shows one by one the tenants that status is asked for by name, and not those of a pattern', async () => {
    const named = (await cli.call(['status', '--json', '--tenant', '@pilots.txt'])).json<Status>();
    expect(named.details).toBeUndefined();
    await cli.project.write('two.txt', 'eu_beta\nus_acme\n');
    const file = (await cli.call(['status', '--json', '--tenant', '@two.txt'])).json<Status>();
    expect(file.details).toMatchObject([{ tenant: 'eu_beta' }, { tenant: 'us_acme' }]);
  });

  const WRONG: [string, string[], string, string][] = [
    ['a pattern', ['--tenant', 'asia_*'], 'UNKNOWN_TENANT', 'No tenant matches \\"asia_*\\"'],
    ['a condition', ['--where', "plan = 'gold'"], 'NOTHING_SELECTED', 'leaves no tenant'],
    ['an exclusion', ['--exclude', '*'], 'NOTHING_SELECTED', 'leaves no tenant'],
    ['an empty file', ['--tenant', '@empty.txt'], 'USAGE', 'no name in the file'],
    ['a file that is not there', ['--tenant', '@nowhere.txt'], 'USAGE', 'cannot be read'],
    ['unknown names', ['--tenant', 'us_acne,eu_bete'], 'UNKNOWN_TENANT', 'Did you mean \\"eu_beta\\"'],
    ['a column that is not there', ['--where', 'plam = 1'], 'USAGE', 'plam'],
    ['something that is no condition', ['--where', 'plan'], 'USAGE', 'boolean'],
    ['two statements', ['--where', 'true; DELETE FROM public.tenants'], 'USAGE', 'more than one expression'],
    ['an empty condition', ['--where', ''], 'USAGE', 'empty'],
    ['two conditions', ['--where', 'true', '--where', 'false'], 'USAGE', 'only once'],
  ];

  const COMMANDS: [string, ...string[]][] = [
    ['migrate'],
    ['plan'],
    ['status'],
    ['rollback', '--confirm', 'all'],
    ['query', 'SELECT 1'],
    ['exec'],
  ];

  async function expectRefused(
    [name, ...rest]: [string, ...string[]],
    flags: string[],
    code: string,
    words: string,
  ): Promise<void> {
    const program = name === 'exec' ? ['--', process.execPath, '-e', '0'] : [];
    const outcome = await cli.call([name, ...rest, '--json', ...flags, ...program]);
    expect([name, outcome.code]).toEqual([name, 2]);
    const document = outcome.json<{ error: { code: string } }>();
    expect([name, document.error.code]).toEqual([name, code]);
    expect(JSON.stringify(document)).toContain(words);
  }

  it.each(COMMANDS)('that selects nothing ends with exit code 2: %s', async (...command) => {
    await expectRefused(command, ['--tenant', 'asia_*'], 'UNKNOWN_TENANT', 'No tenant matches \\"asia_*\\"');
  });

  it.each(WRONG)('that is wrong or selects nothing ends with exit code 2: %s', async (_, flags, code, words) => {
    await cli.project.write('empty.txt', '# nobody\n');
    await newMigration();
    await expectRefused(['migrate'], flags, code, words);
    expect((await cli.database.query('SELECT count(*)::int AS n FROM tenants')).rows).toEqual([{ n: TENANTS.length }]);
  });

  it('cannot write, and cannot run for longer than it may', async () => {
    await cli.database.query(
      `CREATE FUNCTION forget() RETURNS bool LANGUAGE sql AS $$ DELETE FROM public.tenants RETURNING true $$`,
    );
    const wrote = await cli.call(['status', '--where', 'public.forget()']);
    expect(wrote.code).toBe(2);
    expect(wrote.stderr).toContain('read-only transaction');
    const slow = await cli.call([
      'query',
      'SELECT 1',
      '--where',
      'pg_sleep(600) IS NOT NULL',
      '--statement-timeout',
      '50ms',
    ]);
    expect(slow.code).toBe(2);
    expect(slow.stderr).toContain('statement timeout');
  });

  it('is evaluated with nothing of others in the search path', async () => {
    await cli.database.query(
      `CREATE FUNCTION public.same(text, text) RETURNS bool LANGUAGE sql AS 'SELECT true';
       CREATE OPERATOR public.= (LEFTARG = text, RIGHTARG = text, FUNCTION = public.same)`,
    );
    const { json } = await cli.call(['query', 'SELECT 1 AS one', '--json', '--where', `plan = 'pro'`]);
    expect(json<{ rows: { tenant: string }[] }>().rows.map(({ tenant }) => tenant)).toEqual(['eu_acme', 'us_acme']);
  });

  it('that turns out to be the whole fleet needs confirmation before it is rolled back', async () => {
    for (const flags of [
      ['--tenant', '*'],
      ['--tenant', '*_*'],
      ['--where', 'true'],
    ]) {
      const { code, stderr } = await cli.call(['rollback', ...flags]);
      expect([flags, code]).toEqual([flags, 2]);
      expect(stderr).toContain('--confirm all');
    }
    const { code } = await cli.call(['rollback', '--tenant', '*acme']);
    expect(code).toBe(0);
  });

  it('is not needed to roll back several migrations of the whole fleet', async () => {
    await newMigration();
    await cli.call(['migrate']);
    const { code, json } = await cli.call(['rollback', '--confirm', 'all', '--count', '2', '--json']);
    expect(code).toBe(0);
    expect(json()).toMatchObject({ tenants: { rolledBack: TENANTS.length } });
  });

  it('includes the shared schema in query and exec with --shared, first', async () => {
    const query = async (...flags: string[]) =>
      (await cli.call(['query', 'SELECT current_schema() AS schema', '--json', ...flags])).json<{
        rows: { tenant: string; schema: string }[];
      }>().rows;
    expect((await query('--shared')).map(({ tenant }) => tenant)).toEqual(['public', ...TENANTS]);
    expect(await query('--shared', '--tenant', 'us_acme')).toEqual(
      ['public', 'us_acme'].map((name) => ({ tenant: name, schema: name })),
    );
    expect(await query('--shared', '--exclude', '*')).toEqual([{ tenant: 'public', schema: 'public' }]);
    const script = `if (process.env.PGOPTIONS.includes('acme') === (process.env.TENANT_SCHEMA === 'public')) process.exit(3)`;
    const { json } = await cli.call([
      'exec',
      '--shared',
      '--tenant',
      '*acme',
      '--json',
      '--',
      process.execPath,
      '-e',
      script,
    ]);
    expect(json()).toEqual({ results: ['public', 'eu_acme', 'us_acme'].map((tenant) => ({ tenant, exitCode: 0 })) });
    const named = await cli.call(['query', 'SELECT 1', '--tenant', 'public']);
    expect(named.code).toBe(2);
    expect(named.stderr).toContain('query and exec include it with --shared');
  });
});
