import { runner, type RunnerOption } from 'node-pg-migrate';
import type { MigrationLoaderStrategy } from 'node-pg-migrate/migrationLoader';
import type { ClientBase } from 'pg';

import { DEFAULT_IGNORE_PATTERN } from '../../util/migration-files.js';
import type { Direction, MigrationFile, MigrationSource } from '../types.js';
import { quiet } from './quiet.js';
import type { ScriptedDatabase } from './scripted-database.js';

export type RunOptions = {
  source: MigrationSource;
  /** The directory's listing; node-pg-migrate reads the directory again. */
  files: readonly MigrationFile[];
  direction: Direction;
  migrationsTable: string;
  standIn: string;
  /** At least 1: node-pg-migrate takes 0 down for everything. */
  count: number;
  /** Only the migration of this name. */
  only?: string;
  script: ScriptedDatabase;
  strategies: MigrationLoaderStrategy[];
};

/**
 * Lets node-pg-migrate's runner work against a script instead of a database.
 *
 * Never with `schema`, which would set a search path nobody resets, nor with its lock, which is one for the whole database.
 */
export async function runNodePgMigrate(options: RunOptions): Promise<void> {
  const { source, files, direction, migrationsTable, standIn, count, only, script, strategies } = options;
  if (count < 1) throw new RangeError('node-pg-migrate must never be called with a count of 0');
  await runner({
    dbClient: { query: (text: unknown) => script.query(text) } as unknown as ClientBase,
    dir: source.directory,
    migrationsTable,
    migrationsSchema: standIn,
    direction,
    count,
    checkOrder: false,
    noLock: true,
    singleTransaction: true,
    decamelize: source.decamelize,
    logger: quiet,
    verbose: false,
    migrationLoaderStrategies: strategies as unknown as NonNullable<RunnerOption['migrationLoaderStrategies']>,
    ...(only === undefined ? {} : { file: only }),
    ignorePattern: ignorePatternOf(source, files),
  });
  script.assertComplete();
}

/** Files that others replace are no migrations any more. */
function ignorePatternOf({ ignorePattern }: MigrationSource, files: readonly MigrationFile[]): string {
  const own = ignorePattern || DEFAULT_IGNORE_PATTERN;
  const replaced = files.flatMap(({ replaces = [] }) => replaces);
  if (replaced.length === 0) return own;
  const names = replaced.map((name) => name.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`));
  return String.raw`(?:${own}|(?:${names.join('|')})\.[^.]+)`;
}
