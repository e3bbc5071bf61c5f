import { join } from 'node:path';

import { createJiti } from 'jiti';
import knex from 'knex';
import { Kysely, type Migration, Migrator, NO_MIGRATIONS, PostgresDialect } from 'kysely';
import { Pool } from 'pg';

/** What a tool itself makes of files of a folder in one schema; its own tables are in `books`, by default apart from them. */
export type ReferenceTool = (
  url: string,
  schema: string,
  folder: string,
  files: readonly string[],
  books?: string,
) => Promise<Reference>;

export type Reference = { up(): Promise<void>; down(): Promise<void>; end(): Promise<void> };

const BOOKS = 'books_of_the_tool';

async function load<T>(folder: string, file: string): Promise<T> {
  return await createJiti(join(folder, '_.js')).import<T>(join(folder, file));
}

const withKnex: ReferenceTool = async (url, schema, folder, files, books = BOOKS) => {
  const db = knex({ client: 'pg', connection: url, searchPath: [schema, 'public'], pool: { min: 0, max: 2 } });
  await db.raw('CREATE SCHEMA IF NOT EXISTS ??', [books]);
  const migrate = db.migrate;
  const config = {
    schemaName: books,
    migrationSource: {
      getMigrations: async () => files.toSorted(),
      getMigrationName: (file: string) => file,
      getMigration: (file: string) => load<{ up(): Promise<void>; down(): Promise<void> }>(folder, file),
    },
  };
  return {
    up: async () => void (await migrate.latest(config)),
    down: async () => void (await migrate.rollback(config, true)),
    end: () => db.destroy(),
  };
};

const withKysely: ReferenceTool = async (url, schema, folder, files, books = BOOKS) => {
  const options = `-c search_path="${schema}",public`;
  const db = new Kysely<unknown>({
    dialect: new PostgresDialect({ pool: new Pool({ connectionString: url, options }) }),
  });
  const migrator = new Migrator({
    db,
    migrationTableSchema: books,
    disableTransactions: true,
    provider: {
      getMigrations: async () => {
        const loaded = files.map(async (file) => [
          file.slice(0, file.lastIndexOf('.')),
          await load<Migration>(folder, file),
        ]);
        return Object.fromEntries(await Promise.all(loaded)) as Record<string, Migration>;
      },
    },
  });
  const succeed = ({ error }: { error?: unknown }): void => {
    if (error !== undefined) throw error;
  };
  return {
    up: async () => succeed(await migrator.migrateToLatest()),
    down: async () => succeed(await migrator.migrateTo(NO_MIGRATIONS)),
    end: () => db.destroy(),
  };
};

export const REFERENCE_TOOLS: Record<'knex' | 'kysely', ReferenceTool> = { knex: withKnex, kysely: withKysely };
