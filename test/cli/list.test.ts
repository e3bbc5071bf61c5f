import { beforeAll, expect, it } from 'vitest';

import { useCliProject } from './cli-project.js';

const cli = useCliProject({
  'tenants.config.mjs': `export default { tenants: { types: { shop: './migrations/tenant' } } };\n`,
});

beforeAll(async () => {
  expect((await cli.call(['migrate', '--shared'])).code).toBe(0);
  await cli.database.query('ALTER TABLE tenants ADD COLUMN seats int');
  for (const args of [
    ['public'],
    ['eu_a', 'a.example.com', '--type', 'shop'],
    ['eu_b'],
    ['us_a', '--set', 'seats=7'],
  ]) {
    expect((await cli.call(['create-tenant', ...args])).code).toBe(0);
  }
  await cli.database.query(
    `INSERT INTO tenants (schema_name, status) VALUES ('eu_gone', 'deleting'), ('us_new', 'provisioning')`,
  );
  await cli.project.write('migrations/tenant/0002_more.sql', 'CREATE TABLE more (id int);');
});

async function names(...flags: string[]): Promise<string[]> {
  const { code, json } = await cli.call(['list', '--json', ...flags]);
  expect([flags, code]).toEqual([flags, 0]);
  return json<{ tenants: { schema: string }[] }>().tenants.map(({ schema }) => schema);
}

it.each<[string[], string[]]>([
  [[], ['eu_a', 'eu_b', 'eu_gone', 'public', 'us_a', 'us_new']],
  [
    ['--tenant', 'eu_*'],
    ['eu_a', 'eu_b', 'eu_gone'],
  ],
  [
    ['--tenant', 'public,us_a'],
    ['public', 'us_a'],
  ],
  [['--exclude', '*_a,public', '--status', 'active'], ['eu_b']],
  [['--type', 'shop'], ['eu_a']],
  [['--where', 'seats > 5'], ['us_a']],
  [
    ['--status', 'deleting,provisioning'],
    ['eu_gone', 'us_new'],
  ],
  [['--status', 'deleting', '--tenant', 'us_*'], []],
  [
    ['--sort', 'schema desc', '--tenant', 'eu_*'],
    ['eu_gone', 'eu_b', 'eu_a'],
  ],
  [
    ['--sort', 'seats desc nulls last, schema', '--status', 'active'],
    ['us_a', 'eu_a', 'eu_b', 'public'],
  ],
])('%j lists the tenants that are meant', async (flags, expected) => {
  expect(await names(...flags)).toEqual(expected);
});

it.each([
  ['a name that no tenant has', ['--tenant', 'eu_c'], 'Did you mean "eu_a" or "eu_b"?'],
  ['a pattern that no tenant matches', ['--tenant', 'asia_*'], 'No tenant matches "asia_*".'],
  ['a selection that leaves no tenant', ['--where', 'seats > 100'], 'The selection leaves no tenant.'],
  ['a status that no tenant has', ['--status', 'actve'], 'Did you mean "active"?'],
  ['a column that is not there', ['--sort', 'seets'], 'the column "seets" of the tenant table does not exist'],
  ['two forms', ['--csv', '--count'], 'cannot be combined'],
  ['a document that is CSV', ['--csv', '--json'], 'cannot be combined'],
])('refuses %s with exit code 2', async (_, flags, words) => {
  const outcome = await cli.call(['list', ...flags]);
  expect(outcome.code).toBe(2);
  expect(outcome.stderr + outcome.stdout).toContain(words.replaceAll('"', flags.includes('--json') ? '\\"' : '"'));
});

it('counts, also as a document', async () => {
  expect((await cli.call(['list', '--count', '--status', 'active'])).stdout).toBe('4\n');
  expect((await cli.call(['list', '--count', '--status', 'deleting', '--tenant', 'us_*'])).stdout).toBe('0\n');
  expect((await cli.call(['list', '--count', '--json'])).json()).toEqual({ count: 6 });
});

it('prints CSV', async () => {
  expect((await cli.call(['list', '--csv', '--tenant', 'eu_a,eu_b'])).stdout).toBe(
    'schema,name,type,status,primary_domain,domains\neu_a,,shop,active,a.example.com,a.example.com\neu_b,,,active,,\n',
  );
});

it('tells where the migrations of each tenant stand', async () => {
  expect((await cli.call(['migrate', '--tenant', 'eu_a'])).code).toBe(0);
  const { json } = await cli.call(['list', '--migrations', '--json']);
  const { tenants } = json<{ tenants: { schema: string; migrations: unknown }[] }>();
  expect(Object.fromEntries(tenants.map(({ schema, migrations }) => [schema, migrations]))).toEqual({
    eu_a: { state: 'upToDate', last: '0002_more', applied: 2, pending: 0 },
    eu_b: { state: 'pending', last: '0001_projects', applied: 1, pending: 1 },
    eu_gone: null,
    public: null,
    us_a: { state: 'pending', last: '0001_projects', applied: 1, pending: 1 },
    us_new: { state: 'missing', last: null, applied: 0, pending: 2 },
  });
  expect(await names()).toHaveLength(6);
  expect((await cli.call(['list', '--json'])).stdout).not.toContain('migrations');
});
