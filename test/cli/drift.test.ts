import { beforeAll, describe, expect, it } from 'vitest';

import type { driftDocument } from '../../src/cli/documents.js';
import { PROJECTS, useCliProject } from './cli-project.js';

type Document = ReturnType<typeof driftDocument>;

const INVOICES = `-- Up Migration
CREATE TABLE invoices (id int PRIMARY KEY, due date);
CREATE INDEX invoices_due ON invoices (due);
-- Down Migration
DROP TABLE invoices;
`;
const CONCURRENTLY = `-- tenants: no-transaction
CREATE INDEX CONCURRENTLY invoices_id ON invoices (id, due);`;
const DIRECT = `export const up = async (pgm) => { await pgm.db.query('SELECT 1'); pgm.createTable('direct', { id: 'id' }); };
export const down = (pgm) => pgm.dropTable('direct');`;

const cli = useCliProject({
  'migrations/tenant/0001_projects.sql': PROJECTS,
  'migrations/tenant/0002_invoices.sql': INVOICES,
  'migrations/tenant/0003_index.sql': CONCURRENTLY,
  'migrations/tenant/0004_direct.js': DIRECT,
});
const drift = (...args: string[]) => cli.call(['drift', ...args]);

beforeAll(async () => {
  await cli.call(['migrate']);
  for (const tenant of ['acme', 'globex', 'initech', 'umbrella', 'invoices']) await cli.call(['create-tenant', tenant]);
});

describe('a fleet without drift', () => {
  it('is equal to the majority, to the files and to each other', async () => {
    for (const against of [[], ['--against', 'files'], ['--against', 'globex']]) {
      const outcome = await drift('--json', ...against);
      expect(outcome.code).toBe(0);
      const document = outcome.json<Document>();
      expect(document.tenants).toEqual({ total: 5, equal: 5, different: 0 });
      expect(document.groups).toHaveLength(1);
      expect(document.groups[0]?.differences).toEqual([]);
    }
    const outcome = await drift();
    expect(outcome.stdout).toContain('5 tenants: 5 equal');
    expect((await cli.call(['status', '--check', '--drift'])).code).toBe(0);
  });

  it('has no schema more than before, once it was compared with the files', async () => {
    await drift('--against', 'files');
    const { rows } = await cli.database.query(`SELECT 1 FROM pg_namespace WHERE nspname LIKE 'tenants\\_expected%'`);
    expect(rows).toEqual([]);
  });
});

describe('a fleet with drift', () => {
  beforeAll(async () => {
    await cli.database.query(`
      DROP INDEX acme.invoices_due;
      ALTER TABLE globex.projects ADD COLUMN "h\u001b[31mand" int;
      DROP SCHEMA initech CASCADE;`);
  });

  it('exits with 3 and names each difference, with its group', async () => {
    const outcome = await drift('--json');
    expect(outcome.code).toBe(3);
    const { reference, tenants, groups, unreadable } = outcome.json<Document>();
    expect(reference).toEqual({ kind: 'majority', tenant: null });
    expect(tenants).toEqual({ total: 5, equal: 2, different: 3 });
    expect(groups).toEqual([
      {
        fingerprint: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
        type: null,
        last: '0004_direct',
        count: 2,
        reference: true,
        tenants: ['invoices', 'umbrella'],
        differences: [],
      },
      expect.objectContaining({
        count: 1,
        reference: false,
        tenants: ['acme'],
        differences: [
          {
            kind: 'index',
            object: 'invoices_due',
            change: 'missing',
            expected: 'CREATE INDEX invoices_due ON invoices USING btree (due)',
            actual: null,
            sql: 'CREATE INDEX invoices_due ON invoices USING btree (due);',
          },
        ],
      }),
      expect.objectContaining({ tenants: ['globex'] }),
    ]);
    expect(unreadable).toEqual([{ tenant: 'initech', reason: 'its schema does not exist' }]);
  });

  it('is shown in plain words, without the terminal codes of a name', async () => {
    const outcome = await drift('--details', '--sql');
    expect(outcome.code).toBe(3);
    expect(outcome.stdout).toContain('0004_direct: 2 equal');
    expect(outcome.stdout).toContain('1 lacks index invoices_due: acme');
    expect(outcome.stdout).toContain('1 has column projects."hand": globex');
    expect(outcome.stdout).toContain('ALTER TABLE projects DROP COLUMN "hand";');
    expect(outcome.stdout).toContain('1 tenant not compared (its schema does not exist): initech');
    expect(outcome.stdout).not.toContain('\u001b');
  });

  it('is compared with what the files make', async () => {
    const { groups, reference } = (await drift('--json', '--against', 'files')).json<Document>();
    expect(reference).toEqual({ kind: 'files', tenant: null });
    expect(groups.map(({ tenants, differences }) => [tenants, differences.length])).toEqual([
      [['invoices', 'umbrella'], 0],
      [['acme'], 1],
      [['globex'], 1],
    ]);
  });

  it('makes status --check --drift exit with 3, and status --check alone say nothing of it', async () => {
    const outcome = await cli.call(['status', '--check', '--drift', '--json', '--exclude', 'initech']);
    expect(outcome.code).toBe(3);
    expect(outcome.json()).toMatchObject({ drift: { different: 2 } });
    expect((await cli.call(['status', '--check', '--exclude', 'initech'])).code).toBe(0);
    expect((await cli.call(['status', '--drift'])).stdout).toMatch(/Structure: 3 of 5 tenants differ/);
  });

  it('can be narrowed down to some tenants', async () => {
    expect((await drift('--tenant', 'umbrella,invoices')).code).toBe(0);
    expect((await drift('--exclude', 'acme,globex,initech')).code).toBe(0);
    expect((await drift('--tenant', 'umbrella', '--against', 'acme')).code).toBe(3);
  });
});

describe('what is wrong is said', () => {
  it.each([
    [['--against', 'acne'], 'UNKNOWN_TENANT', /no tenant "acne"/],
    [['--tenant', 'nobody'], 'UNKNOWN_TENANT', /nobody/],
    [['--level', 'everything'], 'USAGE', /--level/],
  ])('%j', async (args, code, message) => {
    const outcome = await drift('--json', ...args);
    expect(outcome.code).toBe(2);
    expect(outcome.json()).toMatchObject({ error: { code, message: expect.stringMatching(message) } });
  });

  it('files that cannot be run', async () => {
    await cli.project.write('migrations/tenant/0001_projects.sql', 'CREATE TABLE projects (id no_such_type);');
    try {
      const outcome = await drift('--json', '--against', 'files');
      expect(outcome.code).toBe(1);
      expect(outcome.json()).toMatchObject({ error: { code: 'MIGRATION_FAILED', migration: '0001_projects' } });
    } finally {
      await cli.project.write('migrations/tenant/0001_projects.sql', PROJECTS);
    }
  });

  it('a database that is not there', async () => {
    const outcome = await cli.call(['drift', '--json'], {
      env: { DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none' },
    });
    expect(outcome.code).toBe(5);
  });
});

it('owners and grants are compared when they are asked for', async () => {
  await cli.database.query('GRANT SELECT ON umbrella.projects TO PUBLIC');
  expect((await drift('--tenant', 'umbrella,invoices')).code).toBe(0);
  const outcome = await drift('--json', '--level', 'owners', '--tenant', 'umbrella', '--against', 'invoices');
  expect(outcome.code).toBe(3);
  expect(outcome.json<Document>().groups[0]?.differences).toMatchObject([
    { kind: 'owner', object: 'projects', change: 'different', actual: expect.stringContaining('=r/') },
  ]);
});
