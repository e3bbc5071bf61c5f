import { describe, expect, it } from 'vitest';

import { compileAll, compileOne, open, sqlOf } from '../fixtures/compile/directory.js';

const UP = '-- Up Migration\nCREATE TABLE a (id int);\n';
const DOWN = '-- Down Migration\nDROP TABLE a;\n';

describe('SQL files', () => {
  it.each([
    ['up before down', UP + DOWN],
    ['down before up', DOWN + UP],
  ])('are cut into their parts with %s', async (_, text) => {
    expect(sqlOf(await compileOne('0001_a.sql', text))).toEqual(['CREATE TABLE a (id int)']);
    expect(sqlOf(await compileOne('0001_a.sql', text, 'down'))).toEqual(['DROP TABLE a']);
  });

  it('are the up migration as a whole when they have no markers', async () => {
    const migration = await compileOne('0001_a.sql', 'CREATE TABLE a (id int);\nCREATE TABLE b (id int)');
    expect(migration).toMatchObject({ mode: 'compiled', transaction: true, direction: 'up', warnings: [] });
    expect(sqlOf(migration)).toEqual(['CREATE TABLE a (id int)', 'CREATE TABLE b (id int)']);
  });

  it('know in which line of the file a statement stands', async () => {
    const text = `\n\n${UP}\n\nALTER TABLE a ADD b int;\n${DOWN}`;
    expect((await compileOne('0001_a.sql', text)).statements.map(({ line }) => line)).toEqual([4, 7]);
    expect((await compileOne('0001_a.sql', text, 'down')).statements.map(({ line }) => line)).toEqual([9]);
  });

  it('cannot be rolled back without a down part', async () => {
    await expect(compileOne('0001_a.sql', UP, 'down')).rejects.toMatchObject({
      code: 'MIGRATION_REFUSED',
      message: expect.stringContaining('0001_a has no `-- Down Migration` part'),
      details: { migration: '0001_a' },
    });
  });

  it('are warned about when only the down part is marked, because then up runs it too', async () => {
    const migration = await compileOne('0001_a.sql', `CREATE TABLE a (id int);\n${DOWN}`);
    expect(sqlOf(migration)).toHaveLength(2);
    expect(migration.warnings).toEqual([expect.stringContaining('whole file is the up migration')]);
  });
});

describe('comments for tenants', () => {
  const concurrently = 'CREATE INDEX CONCURRENTLY i ON a (id);';

  it('end the transaction of the part in which they stand', async () => {
    const text = `-- Up Migration\n-- tenants: no-transaction\n${concurrently}\n-- Down Migration\nDROP INDEX i;`;
    expect(await compileOne('0001_a.sql', text)).toMatchObject({ transaction: false, mode: 'compiled' });
    expect(await compileOne('0001_a.sql', text, 'down')).toMatchObject({ transaction: true });
  });

  it('hold for both directions before the first part', async () => {
    const text = `-- tenants: no-transaction\n-- tenants: allow-fall-through\n${UP}${DOWN}`;
    const expected = { transaction: false, allowFallThrough: true };
    expect(await compileOne('0001_a.sql', text)).toMatchObject(expected);
    expect(await compileOne('0001_a.sql', text, 'down')).toMatchObject(expected);
  });

  it('hold in JavaScript too', async () => {
    const text = `// tenants: no-transaction\nexport const up = (pgm) => pgm.sql('${concurrently}');`;
    expect(await compileOne('0001_a.js', text)).toMatchObject({ transaction: false, mode: 'compiled' });
  });

  it('that are misspelt give a warning', async () => {
    const migration = await compileOne('0001_a.sql', `-- tenants: no-transactions\n${UP}`);
    expect(migration.warnings).toEqual([expect.stringContaining('Did you mean "no-transaction"?')]);
  });

  it('are prose when they are more than one word', async () => {
    const migration = await compileOne('0001_a.sql', `-- tenants: no transaction here\n${UP}`);
    expect(migration).toMatchObject({ transaction: true, warnings: [] });
  });
});

describe('refusals', () => {
  it('of all migrations come at once, with file and line', async () => {
    const compiling = compileAll({
      '0001_a.sql': 'CREATE TABLE a (id int);\nCOMMIT;',
      '0002_b.js': 'export const up = () => { throw new Error("no luck"); };',
      '0003_c.sql': 'CREATE INDEX CONCURRENTLY i ON a (id);',
      '0004_d.js': 'export const up = async (pgm) => { await pgm.db.query("SELECT 1"); };',
      '0005_e.sql': 'CREATE EXTENSION IF NOT EXISTS citext;',
    });
    const error = await compiling.catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'MIGRATION_REFUSED', message: expect.stringContaining('4 migrations') });
    expect(error).toHaveProperty('details.problems', [
      expect.stringMatching(/0002_b\.js: .*no luck/),
      expect.stringMatching(/0001_a\.sql:2: .*COMMIT/),
      expect.stringMatching(/0003_c\.sql:1: CREATE INDEX CONCURRENTLY cannot run inside a transaction/),
      expect.stringMatching(/0005_e\.sql:1: .*citext/),
    ]);
  });

  it('come for the SQL of a migration whose values change, too', async () => {
    const text = 'export const up = (pgm) => { pgm.sql(`INSERT INTO a VALUES (${Date.now()})`); pgm.sql("COMMIT"); };';
    await expect(compileOne('0001_a.js', text)).rejects.toMatchObject({ code: 'MIGRATION_REFUSED' });
  });

  it('spare extensions that exist, and all where they are not checked', async () => {
    const files = { '0001_a.sql': 'CREATE EXTENSION IF NOT EXISTS citext;' };
    const [known] = await compileAll(files, 'up', { extensions: new Set(['citext']) });
    expect(known).toMatchObject({ extensions: ['citext'] });
    const [shared] = await compileAll(files, 'up', { checkExtensions: false });
    expect(shared).toMatchObject({ extensions: ['citext'] });
  });

  it('include a transaction around a migration that has asked for none', async () => {
    const text = '-- tenants: no-transaction\nBEGIN;\nCREATE TABLE a (id int);\nCOMMIT;';
    await expect(compileOne('0001_a.sql', text)).rejects.toMatchObject({ code: 'MIGRATION_REFUSED' });
    const warned = await compileOne('0001_a.sql', text.replace('-- tenants: no-transaction', ''));
    expect(sqlOf(warned)).toEqual(['CREATE TABLE a (id int)']);
    expect(warned.warnings).toHaveLength(1);
  });

  it('leave a compiler usable for other migrations', async () => {
    const { compiler } = await open({ '0001_a.sql': 'COMMIT;', '0002_b.sql': UP });
    await expect(compiler.compile(['0001_a', '0002_b'], 'up')).rejects.toMatchObject({ code: 'MIGRATION_REFUSED' });
    expect(await compiler.compile(['0002_b'], 'up')).toHaveLength(1);
  });
});

describe('targets', () => {
  it('leave out what an earlier step of the same migration creates or renames', async () => {
    const text = `export const up = (pgm) => {
      pgm.createTable('a', { id: 'id' });
      pgm.renameTable('a', 'b');
      pgm.addColumn('b', { x: 'int' });
      pgm.addColumn('c', { x: 'int' });
    };`;
    const migration = await compileOne('0001_a.js', text);
    expect(migration.targets).toEqual([{ kind: 'relation', name: 'c', migration: '0001_a' }]);
    expect(migration.creates).toContainEqual({ kind: 'relation', name: 'b' });
  });

  it('are known for steps next to one that the grammar does not accept', async () => {
    const text = `export const up = (pgm) => {
      pgm.createTable('a', { id: 'id' });
      pgm.addColumn('a', { x: 'int' });
      pgm.sql('FROBNICATE everything');
      pgm.addColumn('c', { x: 'int' });
    };`;
    const migration = await compileOne('0001_a.js', text);
    expect(migration.targets).toEqual([{ kind: 'relation', name: 'c', migration: '0001_a', optional: true }]);
    expect(migration.statements.filter(({ unparsed }) => unparsed)).toHaveLength(1);
  });
});
