import { basename, parse } from 'node:path';

import * as fc from 'fast-check';
import { getMigrationFilePaths } from 'node-pg-migrate/migration';
import { describe, expect, it } from 'vitest';

import { listPaths } from '../../src/engine/compile/list-paths.js';
import { quiet } from '../../src/engine/compile/quiet.js';
import { listMigrationFiles } from '../../src/engine/files.js';
import { requiredMigrations } from '../../src/runtime/migration-names.js';
import { DEFAULT_IGNORE_PATTERN } from '../../src/util/migration-files.js';
import { project } from '../fixtures/compile/directory.js';

function namesOrMessage(list: () => Promise<string[]>): Promise<unknown> {
  return list().catch((error: Error) => error.message);
}

describe('listMigrationFiles', () => {
  it('orders indexes, milliseconds and UTC dates by their value, as node-pg-migrate does', async () => {
    const source = await project({
      '20240101000000000_utc.sql': '',
      '1704067200001_later.sql': '',
      '0010_ten.sql': '',
      '9_nine.ts': '',
      '0002_two.js': '',
      '.hidden': '',
    });
    const names = (await listMigrationFiles(source)).map(({ name }) => name);
    expect(names).toEqual(['0002_two', '9_nine', '0010_ten', '20240101000000000_utc', '1704067200001_later']);
  });

  it('leaves out what cannot be a migration when there is no pattern, and keeps numbered files of any extension', async () => {
    const others = ['README.md', '0001_a.md', '0001_a.d.ts', '0001_a.d.mts', '0001_a.js.map', 'notes.txt', 'LICENSE'];
    const migrations = ['0001_a.sql', '0002_b.mjs', '0003_c.cts', '0004_d.sqll'];
    const source = await project(
      Object.fromEntries([...others, ...migrations, 'package.json'].map((name) => [name, ''])),
    );
    expect((await listMigrationFiles(source)).map(({ path }) => basename(path))).toEqual(migrations);
  });

  it('leaves out what the ignore pattern names, and nothing else', async () => {
    const source = await project(
      { '0001_a.sql': '', 'README.md': '', 'helpers/x.js': '' },
      { ignorePattern: '.*\\.md' },
    );
    expect((await listMigrationFiles(source)).map(({ path }) => basename(path))).toEqual(['0001_a.sql']);
  });

  it('lists what node-pg-migrate lists, in its order, and the runtime waits for the same migrations', async () => {
    const fileName = fc
      .tuple(
        fc.oneof(
          fc.constantFrom('', '.'),
          fc.integer({ min: 0, max: 12 }).map(String),
          fc.constant('20240101000000000'),
        ),
        fc.constantFrom('', '_', '-', '_a', '_B', '_ä', '_10', '_9', ' b'),
        fc.constantFrom('', '.sql', '.js', '.md', '.d.ts', '.js.map'),
      )
      .map((parts) => parts.join(''))
      .filter((name) => name !== '' && name !== '.');
    const ignorePattern = fc.constantFrom(undefined, '', String.raw`.*\.md`, String.raw`\D.*`, String.raw`\..*|1.*`);
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(fileName, { maxLength: 8 }), ignorePattern, async (names, pattern) => {
        const { directory } = await project(Object.fromEntries(names.map((name) => [name, ''])));
        const theirs = await namesOrMessage(() =>
          getMigrationFilePaths(directory, {
            logger: quiet,
            ignorePattern: pattern || DEFAULT_IGNORE_PATTERN,
          }),
        );
        expect(await namesOrMessage(() => listPaths(directory, pattern))).toEqual(theirs);
        if (!Array.isArray(theirs)) return;
        const awaited = await requiredMigrations(directory, pattern)(null);
        expect(awaited.names.toSorted()).toEqual(theirs.map((path) => parse(String(path)).name).toSorted());
      }),
    );
  });

  it('names the directory that is missing', async () => {
    const source = { ...(await project({})), directory: '/nowhere/migrations' };
    await expect(listMigrationFiles(source)).rejects.toMatchObject({
      code: 'MIGRATIONS_UNREADABLE',
      message: expect.stringContaining('/nowhere/migrations'),
    });
  });

  it('says what to do about a file without a number', async () => {
    const source = await project({ '0001_a.sql': '', 'helpers.js': '' });
    await expect(listMigrationFiles(source)).rejects.toMatchObject({
      code: 'MIGRATIONS_UNREADABLE',
      message: expect.stringContaining('helpers.js'),
      suggestions: [expect.stringContaining('ignorePattern')],
    });
  });

  it('refuses two files of one name and shows both', async () => {
    const source = await project({ '0001_a.sql': '', '0001_a.js': '' });
    await expect(listMigrationFiles(source)).rejects.toMatchObject({
      code: 'MIGRATIONS_UNREADABLE',
      message: expect.stringMatching(/0001_a\.js.*0001_a\.sql/),
    });
  });

  it('does not evaluate anything', async () => {
    const source = await project({ '0001_a.js': 'globalThis.compileTouched = true;' });
    await listMigrationFiles(source);
    expect('compileTouched' in globalThis).toBe(false);
  });
});
