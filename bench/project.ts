import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { registryMigration } from '../src/registry/migration-template.js';
import { SHAPE } from '../test/support/registry-shapes.js';
import type { Shape } from './options.js';

/** One migration file, without its ending, and what is in it. */
export type Migration = { name: string; sql: string };

const nameOf = (index: number): string => `${String(index).padStart(4, '0')}_step`;

/** Some tables with a key, two columns and an index each: the size of an ordinary feature. */
export function migrationsOf({ migrations, tables }: Shape): Migration[] {
  return Array.from({ length: migrations }, (_, index) => ({
    name: nameOf(index + 1),
    sql: Array.from(
      { length: tables },
      (__, table) =>
        `CREATE TABLE t_${index + 1}_${table + 1} (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL, at timestamptz NOT NULL DEFAULT now());`,
    ).join('\n'),
  }));
}

/** The migration that the scenario `one` applies, and what takes it back. */
export function lastMigration({ migrations }: Shape): Migration & { undo: string } {
  const name = nameOf(migrations + 1);
  return {
    name,
    sql: 'ALTER TABLE t_1_1 ADD COLUMN extra text;\nCREATE INDEX t_1_1_extra ON t_1_1 (extra);',
    undo: `DROP INDEX IF EXISTS t_1_1_extra; ALTER TABLE t_1_1 DROP COLUMN IF EXISTS extra; DELETE FROM pgmigrations WHERE name = '${name}'`,
  };
}

/** Small migrations such as a product collects over the years: a table, then columns, indexes and rows. */
export function smallMigrations(count: number): Migration[] {
  const kinds = [
    (n: number) => `CREATE TABLE s_${n} (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL);`,
    (n: number) => `ALTER TABLE s_${n} ADD COLUMN more text;`,
    (n: number) => `CREATE INDEX s_${n}_name ON s_${n} (name);`,
    (n: number) => `INSERT INTO s_${n} (name) VALUES ('first');`,
  ];
  return Array.from({ length: count }, (_, index) => ({
    name: nameOf(index + 1),
    sql: kinds[index % kinds.length]?.(index - (index % kinds.length) + 1) ?? '',
  }));
}

/** Lends a project folder with the registry as its shared migration. */
export async function withProject<T>(
  migrations: readonly Migration[],
  use: (folder: string) => Promise<T>,
): Promise<T> {
  const folder = await mkdtemp(path.join(tmpdir(), `tenants-bench-project-`));
  try {
    await mkdir(path.join(folder, 'migrations', 'shared'), { recursive: true });
    await mkdir(path.join(folder, 'migrations', 'tenant'), { recursive: true });
    await writeFile(path.join(folder, 'tenants.config.json'), '{}');
    await writeFile(path.join(folder, 'migrations', 'shared', '0001_registry.sql'), registryMigration(SHAPE));
    for (const one of migrations) await writeMigration(folder, one);
    return await use(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

export async function writeMigration(folder: string, { name, sql }: Migration): Promise<void> {
  await writeFile(migrationPath(folder, name), `${sql}\n`);
}

export function migrationPath(folder: string, name: string): string {
  return path.join(folder, 'migrations', 'tenant', `${name}.sql`);
}
