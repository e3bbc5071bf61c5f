import { rm } from 'node:fs/promises';

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { checksums } from '../../src/fleet/checksums/checksums.js';
import { createTenant } from '../../src/lifecycle/create-tenant.js';
import { rollback } from '../../src/run/rollback.js';
import { useDatabase } from '../support/database.js';
import { readPage } from '../support/docs-page.js';
import { createFleet, type TestFleet } from '../support/fleet.js';
import { callCli } from '../support/run-cli.js';

const DIRECTORY = 'migrations/tenant';
const FIRST = 'CREATE TABLE a (id int);\n-- @undo\nDROP TABLE a;\n';
const SECOND = '\nCREATE TABLE b (id int);\n\nCREATE INDEX b_id ON b (id);\n-- @undo\nDROP TABLE b;\n';

/** The module of the documentation, whose types need nothing at run time. */
const format = readPage('docs/formats.md').section('A format of your own').block('ts');

describe('a format of the project', () => {
  const database = useDatabase();
  let fleet: TestFleet;

  beforeAll(async () => {
    fleet = await createFleet(database, { 'my-format.ts': format });
    await fleet.migrate({ selection: { kind: 'shared' } });
  });
  beforeEach(async () => {
    await rm(fleet.files.path(DIRECTORY), { recursive: true });
    await fleet.files.write('tenants.config.json', JSON.stringify({ tenants: { format: './my-format.ts' } }));
    await fleet.tenantMigration('0001_a.sql', FIRST);
    await fleet.tenantMigration('0002_b.sql', SECOND);
    await createTenant(await fleet.project(), { schema: 't1', noMigrate: true });
  });
  afterEach(async () => {
    await database.query('DROP SCHEMA t1 CASCADE');
    await database.query('TRUNCATE tenants CASCADE');
  });
  afterAll(() => fleet.remove());

  const withModule = async (name: string, text: string): Promise<unknown> => {
    const path = await fleet.files.write(name, text);
    const { tenants } = await fleet.project();
    return await fleet.migrate({}, { tenants: { ...tenants, format: path } });
  };

  it.each(['standard', 'multiprocessing', 'worker-threads'])(
    'is applied and taken back as the page describes it (%s)',
    async (executor) => {
      expect(await fleet.migrate({}, { executor })).toMatchObject({ tenants: { applied: 1 } });
      expect(await fleet.applied('t1')).toEqual(['0001_a', '0002_b']);
      expect(await fleet.migrate({}, { executor })).toMatchObject({ tenants: { upToDate: 1 } });
      const back = { selection: { kind: 'tenants' as const }, target: { count: 2 }, confirmed: true };
      expect(await rollback(await fleet.project({ executor }), back)).toMatchObject({ tenants: { rolledBack: 1 } });
      expect(await fleet.tables('t1')).toEqual(['pgmigrations']);
    },
  );

  it('has its failures and refusals told by file and line, and its edits noticed', async () => {
    await database.query('CREATE TABLE t1.b_id (x int)');
    const file = fleet.files.path(DIRECTORY, '0002_b.sql');
    expect((await fleet.migrate()).results).toMatchObject([
      { status: 'failed', migration: '0002_b', error: { file, line: 4, sqlstate: '42P07' } },
    ]);
    await database.query('DROP TABLE t1.b_id');
    await fleet.migrate();
    await fleet.tenantMigration('0002_b.sql', SECOND.replace('b_id', 'other'));
    expect((await checksums(await fleet.project())).changed.map(({ migration }) => migration)).toEqual(['0002_b']);

    await fleet.tenantMigration('0003_c.sql', 'SELECT 1;\n\nCOMMIT;\n');
    await expect(fleet.migrate()).rejects.toMatchObject({
      code: 'MIGRATION_REFUSED',
      details: { migration: '0003_c', line: 3 },
    });
    await fleet.tenantMigration('0003_c.sql', 'SELECT 1;\n');
    await fleet.migrate();
    const back = rollback(await fleet.project(), { selection: { kind: 'tenants' }, confirmed: true });
    await expect(back).rejects.toThrow(/0003_c cannot be undone: undo lines has no statements/);
  });

  it('refuses a file with the line that the error of the module names', async () => {
    await expect(
      withModule(
        'throws.mjs',
        `export const format = {
          name: 'throwing',
          list: ({ files }) => files.map((file) => ({ name: file, path: file })),
          read() { throw Object.assign(new Error('no such marker'), { line: 2 }); },
        };`,
      ),
    ).rejects.toMatchObject({
      code: 'MIGRATION_REFUSED',
      details: {
        problems: [expect.stringMatching(/0001_a\.sql:2.*no such marker/) as string, expect.anything() as string],
      },
    });
    expect(await fleet.tables('t1')).toEqual(['pgmigrations']);
  });

  it('is run outside a transaction where it says so, in CommonJS too', async () => {
    await withModule(
      'outside.cjs',
      `module.exports = {
        name: 'outside',
        list: () => [{ name: 'one', path: '0001_a.sql' }],
        read: () => ({ statements: ['CREATE TABLE c (id int)', 'CREATE INDEX CONCURRENTLY c_id ON c (id)'], transaction: false }),
      };`,
    );
    expect(await fleet.tables('t1')).toEqual(['c', 'pgmigrations']);
  });

  it.each([
    ['nothing', '', /exports no format/],
    ['a function', 'export default () => ({});', /exports no format/],
    ['parts of one', 'export default { list: () => [] };', /its "name" must be .*its "read" must be a function/],
    ['a syntax error', 'export default {', /cannot be loaded/],
  ])('is refused when its module exports %s, and nothing is touched', async (_what, text, message) => {
    const refused = withModule(`broken-${Math.random()}.mjs`, text);
    await expect(refused).rejects.toMatchObject({
      code: 'FORMAT_UNAVAILABLE',
      exitCode: 2,
      message: expect.stringMatching(message) as string,
    });
    expect(await fleet.tables('t1')).toEqual(['pgmigrations']);
  });

  it.each([
    ['no list', 'list: () => 1, read: () => undefined', 'MIGRATIONS_UNREADABLE', /returned no list of migrations/],
    [
      'a migration without a path',
      "list: () => [{ name: 'x' }], read: () => undefined",
      'MIGRATIONS_UNREADABLE',
      /number 1 of the list/,
    ],
    [
      'two of a name',
      "list: () => [{ name: 'x', path: '0001_a.sql' }, { name: 'x', path: '0002_b.sql' }], read: () => undefined",
      'MIGRATIONS_UNREADABLE',
      /both named x/,
    ],
    [
      'no statements',
      "list: () => [{ name: 'x', path: '0001_a.sql' }], read: () => 'SELECT 1'",
      'MIGRATION_REFUSED',
      /refused/,
    ],
    [
      'a failure',
      "list: () => { throw new Error('disk full'); }, read: () => undefined",
      'MIGRATIONS_UNREADABLE',
      /the format odd failed: disk full/,
    ],
  ])('is refused when its functions return %s', async (_what, parts, code, message) => {
    const refused = withModule(`odd-${Math.random()}.mjs`, `export default { name: 'odd', ${parts} };`);
    await expect(refused).rejects.toMatchObject({ code, message: expect.stringMatching(message) as string });
    expect(await fleet.tables('t1')).toEqual(['pgmigrations']);
  });

  it('answers for create-migration, and is named in errors of the configuration', async () => {
    const { code, stderr } = await callCli(['create-migration', 'x'], { cwd: fleet.files.root });
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining('those of undo lines') as string });
    const cli = async (settings: object, ...args: string[]) => {
      await fleet.files.write('tenants.config.json', JSON.stringify({ tenants: settings }));
      return await callCli([...args, '--database', database.url], { cwd: fleet.files.root });
    };
    const missing = await cli({ format: './nowhere.js' }, 'status');
    expect(missing).toMatchObject({ code: 2, stderr: expect.stringContaining('nowhere.js cannot be used') as string });
    const unknown = await cli({ format: 'knexx' }, 'status');
    expect(unknown.code).toBe(2);
    expect(unknown.stderr).toMatch(/tenants\.format: expected .*'kysely', 'auto' or the path of a module/);
  });
});
