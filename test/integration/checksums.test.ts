import { beforeEach, describe, expect, it } from 'vitest';

import { checksums } from '../../src/fleet/checksums/checksums.js';
import { isUpToDate, status } from '../../src/fleet/status.js';
import { plan } from '../../src/run/plan.js';
import { rollback } from '../../src/run/rollback.js';
import { useFleet } from '../support/fleet.js';
import { callCli } from '../support/run-cli.js';

const TWO = `-- Up Migration
-- A comment.
CREATE TABLE two (id int, name text DEFAULT 'a');
-- Down Migration
DROP TABLE two;
`;
const JS = `exports.up = (pgm) => pgm.createTable('three', { id: 'id' });
exports.down = (pgm) => pgm.dropTable('three');
`;
const fleet = useFleet({ each: true, tenants: ['t1', 't2'] });
const { database } = fleet;

beforeEach(async () => {
  await fleet.tenantMigration('0002_two.sql', TWO);
  await fleet.tenantMigration('0003_three.js', JS);
});

const changed = async (): Promise<string[]> =>
  (await checksums(await fleet.project())).changed.map(({ migration }) => migration);
const warnings = async (): Promise<string> => (await fleet.migrate()).warnings.join('\n');

describe('an applied migration file', () => {
  beforeEach(async () => {
    expect(await warnings()).not.toMatch(/edited/);
  });

  it('is known with who applied it first, and when', async () => {
    await fleet.tenantMigration('0002_two.sql', TWO.replace("'a'", "'b'"));
    const report = await checksums(await fleet.project());
    expect(report.changed).toMatchObject([
      {
        migration: '0002_two',
        schema: 'tenant',
        type: null,
        tenant: 't1',
        firstAppliedAt: expect.stringMatching(/^\d{4}-.*Z$/) as string,
        run: expect.any(Number) as number,
        certain: true,
      },
    ]);
    const said =
      /0002_two\.sql was edited after it was applied, first to "t1" on \d{4}-\d\d-\d\d \d\d:\d\d UTC by .+ in run \d+\./;
    expect(await warnings()).toMatch(said);
    expect((await plan(await fleet.project(), { selection: { kind: 'all' } })).warnings.join()).toMatch(said);
    const { edited } = await status(await fleet.project());
    expect(edited?.changed).toMatchObject([{ migration: '0002_two', certain: true }]);
  });

  it.each([
    ['comments', TWO.replace('A comment.', 'Another one.')],
    ['white space', TWO.replace('(id int,', '(\n  id int,\n ')],
    ['the case of keywords', TWO.replace('CREATE TABLE', 'create table')],
    ['the part that undoes it', TWO.replace('DROP TABLE two', 'DROP TABLE two CASCADE')],
  ])('may be edited in %s', async (_what, text) => {
    await fleet.tenantMigration('0002_two.sql', text);
    expect(await changed()).toEqual([]);
    expect(await warnings()).toBe('');
    const { rows } = await database.query(
      `SELECT file_digest FROM tenants_journal.checksums WHERE migration = '0002_two'`,
    );
    const { createHash } = await import('node:crypto');
    expect(rows[0]?.['file_digest']).toBe(createHash('sha256').update(text).digest('hex'));
  });

  it('in JavaScript is compared by the SQL that it builds', async () => {
    await fleet.tenantMigration('0003_three.js', `// Another comment.\n${JS}`);
    expect(await changed()).toEqual([]);
    expect((await status(await fleet.project())).edited?.changed).toMatchObject([
      { migration: '0003_three', certain: false },
    ]);
    expect(await warnings()).toBe('');
    expect((await status(await fleet.project())).edited?.changed).toEqual([]);
    await fleet.tenantMigration('0003_three.js', JS.replace("id: 'id'", "id: 'id', more: 'text'"));
    expect(await changed()).toEqual(['0003_three']);
  });

  it('that cannot be compiled any more counts as edited, and nothing fails', async () => {
    await fleet.tenantMigration('0003_three.js', JS.replace('pgm.createTable', 'pgm.nothing'));
    expect(await changed()).toEqual(['0003_three']);
    expect(await warnings()).toMatch(/0003_three\.js was edited/);
  });

  it('is accepted as it is now', async () => {
    await fleet.tenantMigration('0002_two.sql', TWO.replace("'a'", "'b'"));
    const report = await checksums(await fleet.project(), { accept: ['0002_two'] });
    expect(report).toMatchObject({ changed: [], accepted: ['0002_two'] });
    expect(await warnings()).toBe('');
    const { rows } = await database.query(
      `SELECT migration FROM tenants_journal.checksums WHERE accepted_at IS NOT NULL`,
    );
    expect(rows).toEqual([{ migration: '0002_two' }]);
    await expect(checksums(await fleet.project(), { accept: ['0002_tow'] })).rejects.toMatchObject({
      code: 'UNKNOWN_MIGRATION',
      suggestions: [expect.stringContaining('0002_two'), expect.any(String)],
    });
  });

  it('that was edited stops migrate and plan where that is an error, and fails status --check', async () => {
    await fleet.tenantMigration('0002_two.sql', TWO.replace("'a'", "'b'"));
    await fleet.tenantMigration('0004_four.sql', 'CREATE TABLE four (id int);');
    const project = await fleet.project({ checksums: 'error' });
    const refused = { code: 'MIGRATION_CHANGED', exitCode: 2 };
    await expect(fleet.migrate({}, { checksums: 'error' })).rejects.toMatchObject(refused);
    await expect(plan(project, { selection: { kind: 'all' } })).rejects.toMatchObject(refused);
    expect(await fleet.tables('t1')).not.toContain('four');
    expect((await fleet.migrate({}, { checksums: 'off' })).warnings).toEqual([]);
    expect(isUpToDate(await status(project))).toBe(false);
    expect(isUpToDate(await status(await fleet.project()))).toBe(true);
    expect((await status(await fleet.project({ checksums: 'off' }))).edited).toBeUndefined();
  });

  it('may be edited once it is applied to nobody any more', async () => {
    const all = { selection: { kind: 'tenants' }, target: { to: '0001_projects' }, confirmed: true } as const;
    await rollback(await fleet.project(), all);
    await fleet.tenantMigration('0002_two.sql', TWO.replace("'a'", "'b'"));
    expect(await warnings()).toBe('');
    expect(await changed()).toEqual([]);
  });

  it('is recognized under another name', async () => {
    await fleet.tenantMigration('0005_two.sql', TWO.replace('A comment.', 'Renamed.'));
    const { rm } = await import('node:fs/promises');
    await rm(fleet.files.path('migrations', 'tenant', '0002_two.sql'));
    const report = await checksums(await fleet.project());
    expect(report.renamed).toMatchObject([{ from: '0002_two', to: '0005_two', schema: 'tenant' }]);
    expect(await warnings()).toMatch(
      /0005_two\.sql is the migration 0002_two under a new name[^]*Rename the file back/,
    );
  });
});

describe('a fleet without a journal', () => {
  it('has its files recorded as they are by the first migrate, which says so once', async () => {
    await fleet.migrate({}, { journal: false });
    await database.query('DROP SCHEMA IF EXISTS tenants_journal CASCADE');
    expect((await checksums(await fleet.project())).recorded).toBe(0);
    expect(await warnings()).toMatch(/The checksums of 4 applied migration files were recorded as the files are now/);
    expect(await warnings()).toBe('');
    await fleet.tenantMigration('0002_two.sql', TWO.replace("'a'", "'b'"));
    expect(await warnings()).toMatch(/0002_two\.sql was edited after it was applied and its checksum recorded/);
  });

  it('is left without one where it is switched off', async () => {
    await fleet.migrate({}, { journal: false });
    const none = await fleet.project({ journal: false });
    expect(await status(none)).not.toHaveProperty('edited');
    await expect(checksums(none)).rejects.toMatchObject({ code: 'USAGE', exitCode: 2 });
  });
});

it('the command prints what changed, exits with 3 for --check, and has one document', async () => {
  await fleet.migrate();
  const run = (...args: string[]) => callCli(args, { cwd: fleet.files.root, env: { DATABASE_URL: database.url } });
  expect((await run('checksums')).stdout).toMatch(/recorded migrations: no file was edited since/);
  await fleet.tenantMigration('0002_two.sql', TWO.replace("'a'", "'b'"));
  const { code, stdout } = await run('checksums', '--check');
  expect(stdout).toMatch(/0002_two\.sql was edited[^]*tenants checksums --accept 0002_two/);
  expect(code).toBe(3);
  expect((await run('checksums', '--json')).json()).toMatchObject({
    changed: [{ migration: '0002_two', schema: 'tenant', type: null, tenant: 't1' }],
  });
  expect((await run('status')).stdout).toMatch(/0002_two\.sql was edited/);
  expect((await run('checksums', '--accept', '')).code).toBe(2);
  expect((await run('checksums', '--accept', '0002_two')).stdout).toMatch(/Accepted as applied: 0002_two/);
});
