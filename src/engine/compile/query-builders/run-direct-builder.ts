import { setImmediate } from 'node:timers/promises';

import type { CompiledMigration, MigrationFile, MigrationSource } from '../../types.js';
import type { DirectDatabase } from '../direct-database.js';
import { failWhenStuck } from '../fail-when-stuck.js';
import { loadMigrations } from '../load.js';
import { builderActions } from './actions.js';
import { loadBuilder } from './load-builder.js';
import type { BuilderSession } from './types.js';

export type DirectBuilderOptions = {
  source: MigrationSource;
  files: readonly MigrationFile[];
  /** Of a format whose migrations are functions. */
  file: MigrationFile & { format: 'knex' | 'kysely' };
  migration: CompiledMigration;
  database: DirectDatabase;
};

/** Lets a migration of a query builder run against one tenant. Throws the server's errors with the server's own messages. */
export async function runDirectBuilder(options: DirectBuilderOptions): Promise<void> {
  const { source, files, file, migration, database } = options;
  const builder = await loadBuilder(file.format, source);
  const loaded = await loadMigrations(source, files);
  const action = builderActions(loaded.get(file.path))[migration.direction] as (handle: unknown) => unknown;
  const messages = new Map<Error, string>();
  let sent = 0;

  const session: BuilderSession = {
    path: file.path,
    transaction: migration.transaction,
    recording: false,
    async answer({ text, values, options: settings, line }) {
      sent += 1;
      try {
        const config = { ...settings, text, ...(values.length === 0 ? {} : { values: [...values] }) };
        return await database.query(config, undefined, line);
      } catch (error) {
        if (error instanceof Error) messages.set(error, error.message);
        throw error;
      }
    },
    savepoint: async (sql) => {
      await database.query(sql);
    },
    async settled() {
      // One that waits for the connection may follow another.
      for (let before = -1; before !== sent;) {
        before = sent;
        await setImmediate();
        await database.settled();
      }
    },
  };
  try {
    await failWhenStuck(file, () => sent, builder.run(session, action), database.isBusy);
  } catch (error) {
    // Knex writes the statement in front of the server's message, which our reports have a place of their own for.
    const message = error instanceof Error ? messages.get(error) : undefined;
    if (error instanceof Error && message !== undefined) error.message = message;
    throw error;
  }
}
