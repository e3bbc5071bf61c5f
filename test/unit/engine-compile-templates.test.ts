import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { createCompiler } from '../../src/engine/compile/compiler.js';
import { listMigrationFiles } from '../../src/engine/files.js';
import { createMigrationFile } from '../../src/engine/new-migration.js';
import { project } from '../fixtures/compile/directory.js';

const NOW = new Date('2026-02-03T04:05:06.007Z');

describe('createMigrationFile', () => {
  it.each<[string[], string]>([
    [[], '0001'],
    [['0001_a.sql', '0009_b.js'], '0010'],
    [['1_a.sql', '02_b.sql'], '03'],
    [['0001_a.sql', 'README.md', '.hidden'], '0002'],
    [['9999_a.sql'], '10000'],
    [['1700000000000_a.sql'], String(NOW.getTime())],
    [['9700000000000_future.sql'], '9700000000001'],
    [['20240101000000000_a.sql'], '20260203040506007'],
    [['20990101000000000_future.sql'], '20990101000000001'],
    [['0001_a.sql', '1700000000000_b.sql'], String(NOW.getTime())],
    [['20240101120000_seconds.sql'], '20240101120001'],
  ])('after %j the number is %s', async (existing, prefix) => {
    const source = await project(Object.fromEntries(existing.map((name) => [name, ''])), {
      ignorePattern: '(\\..*|.*\\.md)',
    });
    const path = await createMigrationFile({
      directory: source.directory,
      name: 'add teams',
      language: 'sql',
      now: NOW,
    });
    expect(basename(path)).toBe(`${prefix}_add-teams.sql`);
    expect((await listMigrationFiles(source)).at(-1)?.path).toBe(path);
  });

  it('keeps underscores in the name', async () => {
    const { directory } = await project({});
    const path = await createMigrationFile({ directory, name: 'add_big teams', language: 'sql', now: NOW });
    expect(basename(path)).toBe('0001_add_big-teams.sql');
  });

  it.each(['sql', 'js', 'ts'] as const)(
    'writes a %s file that can be compiled in both directions',
    async (language) => {
      const source = await project({});
      const path = await createMigrationFile({ directory: source.directory, name: 'x', language });
      const files = await listMigrationFiles(source);
      const options = {
        migrationsTable: 'pgmigrations',
        extensions: new Set<string>(),
        checkExtensions: true,
        fallThrough: 'error' as const,
      };
      const compiler = createCompiler(source, files, options);
      for (const direction of ['up', 'down'] as const) {
        const warnings =
          direction === 'up' ? [`${path}: the migration is empty; it is recorded as applied and changes nothing.`] : [];
        expect(await compiler.compile(['0001_x'], direction)).toMatchObject([
          { mode: 'compiled', statements: [], warnings, path },
        ]);
      }
    },
  );

  it('creates the directory', async () => {
    const { directory } = await project({});
    const path = await createMigrationFile({ directory: join(directory, 'a', 'b'), name: 'x', language: 'js' });
    expect(await readFile(path, 'utf8')).toContain('export function up(pgm)');
  });

  it.each(['', '  ', 'a/b', 'a\\b', '../up', "it's", 'a"b', 'a\u0000b', 'x'.repeat(201)])(
    'refuses the name %j',
    async (name) => {
      const { directory } = await project({});
      await expect(createMigrationFile({ directory, name, language: 'sql' })).rejects.toMatchObject({ code: 'USAGE' });
    },
  );

  it('never overwrites a file that appears at the same time', async () => {
    const { directory } = await project({});
    const created = await Promise.allSettled(
      Array.from({ length: 4 }, () => createMigrationFile({ directory, name: 'x', language: 'sql' })),
    );
    const paths = created.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
    expect(new Set(paths).size).toBe(paths.length);
    for (const one of created) if (one.status === 'rejected') expect(one.reason).toMatchObject({ code: 'FILE_EXISTS' });
  });
});
