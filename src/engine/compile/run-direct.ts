import { TenantsError } from '../../errors/tenants-error.js';
import { isBuilderFormat } from '../formats/types.js';
import { loadSqlParser } from '../sql/parse/parser.js';
import { assertDirectSql, type DirectRules } from '../sql/rules/direct-sql.js';
import type { SqlContext } from '../sql/types.js';
import type { CompiledMigration, MigrationFile, MigrationSource } from '../types.js';
import { replaceDatabase, wrapActions, type Building } from './actions.js';
import { createDirectDatabase, type DirectClient, type DirectDatabase } from './direct-database.js';
import { failWhenStuck } from './fail-when-stuck.js';
import { loadedStrategies, loadMigrations } from './load.js';
import { runNodePgMigrate } from './run-node-pg-migrate.js';
import { createScriptedDatabase } from './scripted-database.js';

export type { DirectClient } from './direct-database.js';

export type DirectOptions = {
  source: MigrationSource;
  /** The directory's listing, the same for every tenant: its files are evaluated once. */
  files: readonly MigrationFile[];
  migration: CompiledMigration;
  /** What is applied to the tenant before this migration, oldest first. */
  applied: string[];
  migrationsTable: string;
  /** Inside the tenant's transaction, or outside any for a migration without one. */
  client: DirectClient;
  /** What it may change outside the schema it runs in; absent: everything. */
  rules?: DirectRules | undefined;
  /** Called before each statement is sent, with the line of the file that made it where that is known. */
  onStatement?(sql: string, line?: number): void;
};

/** What node-pg-migrate takes for the schema of the migrations table; never sent. */
const STAND_IN = 'tenants_stand_in_direct';

/**
 * Lets node-pg-migrate, or the query builder of the files' format, run one migration against one tenant.
 *
 * What the migration asks while it is being built and the SQL it built go to `client`, taken apart and examined; the
 * bookkeeping and the transaction are the caller's. Throws the server's errors as they are, `MIGRATION_REFUSED` for SQL
 * that must not be sent and for a migration that decides otherwise about its transaction than when it was compiled.
 */
export async function runDirect(options: DirectOptions): Promise<void> {
  const { source, files, migration, applied, migrationsTable, client, rules, onStatement } = options;
  const { name, path, direction } = migration;
  await loadSqlParser();
  const context: SqlContext = { migration: name, file: path };
  const database = createDirectDatabase(client, context, rules, onStatement);
  const file = files.find((one) => one.path === path);
  const format = file?.format;
  if (file !== undefined && isBuilderFormat(format)) {
    const { runDirectBuilder } = await import('./query-builders/run-direct-builder.js');
    await runDirectBuilder({ source, files, file: { ...file, format }, migration, database });
    return;
  }
  const loaded = await loadMigrations(source, files);

  const script = createScriptedDatabase({
    standIn: STAND_IN,
    direction,
    applied,
    async onStep(sql) {
      for (const statement of assertDirectSql(sql, context, rules)) await database.send(statement.sql);
    },
  });
  const around = async (building: Building): Promise<void> => {
    if (!migration.transaction) building.pgm.noTransaction();
    await build(building, database);
    if (migration.transaction && !building.pgm.isUsingTransaction()) throw changedItsMind(migration);
    script.expect({
      file: building.file,
      steps: [...building.pgm.getSqlSteps()],
      transaction: building.pgm.isUsingTransaction(),
    });
  };
  const strategies = loadedStrategies(files, (file) =>
    wrapActions(loaded.get(file.path) ?? {}, file, direction, around),
  );
  await runNodePgMigrate({
    source,
    files,
    direction,
    migrationsTable,
    standIn: STAND_IN,
    count: 1,
    only: name,
    script,
    strategies,
  });
}

async function build(building: Building, database: DirectDatabase): Promise<void> {
  const { file, pgm, reverse, act } = building;
  if (!reverse) {
    const query = (text: unknown, values?: unknown): Promise<unknown> => database.query(text, values);
    replaceDatabase(pgm, { query, select: database.select });
  }
  await failWhenStuck(file, () => pgm.getSqlSteps().length, act(), database.isBusy);
  await database.settled();
}

function changedItsMind({ name, path }: CompiledMigration): TenantsError {
  return new TenantsError(
    'MIGRATION_REFUSED',
    `Migration ${name} gave up its transaction after it had asked the database; by then it was inside one.`,
    {
      migration: name,
      file: path,
      suggestions: ['Call pgm.noTransaction() before querying the database, independent of the answer.'],
    },
  );
}
