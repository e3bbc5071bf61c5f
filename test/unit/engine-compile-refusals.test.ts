import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { compileAll, compileOne, open, sqlOf } from '../fixtures/compile/directory.js';

const WIDE = "INSERT INTO notes VALUES ('é');\n";

describe('files that are not UTF-8', () => {
  it.each(['0001_a.sql', '0001_a.js', '0001_a.ts'])('are refused with the line and the byte: %s', async (name) => {
    const opened = await open({ [name]: '', '0002_b.sql': 'SELECT 1' });
    const path = join(opened.source.directory, name);
    await writeFile(path, Buffer.from(`-- \n${WIDE}`, 'latin1'));
    await expect(opened.compiler.compile(['0001_a', '0002_b'], 'up')).rejects.toMatchObject({
      code: 'MIGRATION_REFUSED',
      exitCode: 2,
      message: '1 migration file is not UTF-8; nothing was touched.',
      details: {
        file: path,
        line: 2,
        problems: [
          `${path}:2: The file is not valid UTF-8: byte 0xE9 at offset 31 belongs to no character. (INSERT INTO notes VALUES ('é');)`,
        ],
      },
    });
  });

  it('are named as UTF-16 where they begin so', async () => {
    const { compiler, source } = await open({ '0001_a.sql': '' });
    await writeFile(join(source.directory, '0001_a.sql'), Buffer.from(`\uFEFF${WIDE}`, 'utf16le'));
    await expect(compiler.compile(['0001_a'], 'up')).rejects.toMatchObject({
      details: { problems: [expect.stringContaining('encoded as UTF-16 (little endian), not as UTF-8')] },
    });
  });

  it('are told from files that hold the replacement character, or a byte order mark', async () => {
    const text = "\uFEFFINSERT INTO notes VALUES ('\uFFFD é 🐘')";
    expect(sqlOf(await compileOne('0001_a.sql', text))).toEqual([text.slice(1)]);
  });
});

describe('migrations without a statement', () => {
  it.each([
    ['0001_a.sql', ''],
    ['0001_a.sql', '-- Up Migration\n\n-- later;\n;\n-- Down Migration\nSELECT 1'],
    ['0001_a.js', 'export const up = () => {};'],
    ['0001_a.js', 'export const up = (pgm) => pgm.sql("-- nothing");'],
  ])('give a warning that names the file: %s %j', async (name, text) => {
    const { warnings } = await compileOne(name, text);
    expect(warnings).toEqual([expect.stringMatching(`/${name}: the migration is empty`)]);
  });

  it('give none where the database is asked first, nor on the way back', async () => {
    const ask = 'export const up = async (pgm) => { await pgm.db.query("DELETE FROM a"); };';
    expect((await compileOne('0001_a.js', ask)).warnings).toEqual([]);
    expect((await compileOne('0001_a.js', `${ask} export const down = () => {};`, 'down')).warnings).toEqual([]);
  });
});

describe('statements that change what is outside a tenant', () => {
  const FILES = {
    '0001_a.sql': 'CREATE TABLE a (id int);\nDROP TABLE public.users CASCADE;\nCREATE ROLE r;',
    '0002_b.js': 'export const up = (pgm) => pgm.createTable({ schema: "public", name: "b" }, { id: "id" });',
    '0003_c.js': "export const up = (pgm) => pgm.sql(`CREATE TYPE beta.m AS ENUM ('${Math.random()}')`);",
  };

  it('are refused for all migrations at once, with file and line, in compiled and direct ones', async () => {
    await expect(compileAll(FILES)).rejects.toMatchObject({
      code: 'MIGRATION_REFUSED',
      exitCode: 2,
      details: {
        problems: [
          expect.stringMatching(/0001_a\.sql:2: It creates or changes public\.users, outside .* \(DROP TABLE/),
          expect.stringMatching(/0001_a\.sql:3: Roles belong to the whole server\. \(CREATE ROLE r\)/),
          expect.stringMatching(/0002_b\.js: It creates or changes public\.b, /),
          expect.stringMatching(/0003_c\.js: It creates or changes beta\.m, /),
        ],
      },
      suggestions: [expect.stringContaining('-- tenants: allow-fall-through')],
    });
  });

  it('are refused on the way back as well', async () => {
    await expect(
      compileOne('0001_a.sql', '-- Up Migration\n-- Down Migration\nDROP EXTENSION x;', 'down'),
    ).rejects.toMatchObject({ code: 'MIGRATION_REFUSED', details: { line: 3 } });
  });

  it('give a warning instead where the configuration says so', async () => {
    const compiled = await compileAll(FILES, 'up', { fallThrough: 'warn' });
    expect(compiled.map(({ warnings }) => warnings.length)).toEqual([2, 1, 1]);
    expect(compiled[0]?.warnings[0]).toMatch(/0001_a\.sql:2: It creates or changes public\.users/);
  });

  it.each(['--', '//'])('are allowed without a word by a comment in the file: %s', async (begin) => {
    const allowed = `${begin} tenants: allow-fall-through\n`;
    const text = begin === '--' ? FILES['0001_a.sql'] : FILES['0002_b.js'];
    const migration = await compileOne(begin === '--' ? '0001_a.sql' : '0001_a.js', allowed + text);
    expect(migration).toMatchObject({ allowFallThrough: true, warnings: [] });
  });

  it('are allowed where nothing is checked, as in the migrations of the shared schema', async () => {
    const compiled = await compileAll(FILES, 'up', { fallThrough: 'off' });
    expect(compiled.flatMap(({ warnings }) => warnings)).toEqual([]);
  });
});
