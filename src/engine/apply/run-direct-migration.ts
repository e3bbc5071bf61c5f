import type { Client, QueryResult } from 'pg';

import { isConnectionError, isRetryable } from '../../db/sqlstates.js';
import { TenantsError } from '../../errors/tenants-error.js';
import type { CompiledMigration, MigrationFile } from '../types.js';
import { fallThroughOf } from './fall-through.js';
import type { SegmentFrame } from './steps.js';

export type DirectMigration = {
  migration: CompiledMigration;
  /** What is applied to the tenant before it, oldest first. */
  applied: readonly string[];
  files: readonly MigrationFile[];
  /** Called before each statement is sent, with the line of the file that made it where that is known. */
  onStatement(sql: string, line?: number): void;
  warn(message: string): void;
};

/**
 * Lets node-pg-migrate run one direct migration on a lane's connection.
 *
 * The code of a migration can fail with errors that look like those of a broken connection: a file that does not exist, a
 * server of its own that refuses it. Only what came out of the lane's connection says anything about the lane's connection.
 *
 * @throws the error of our own connection when it broke; errors of the server and of the migration as they are; MIGRATION_FAILED
 *   in place of an error of the migration that would be taken for a transient one, or that is not an Error.
 */
export async function runDirectMigration(client: Client, frame: SegmentFrame, work: DirectMigration): Promise<void> {
  const { migration, applied, files, onStatement, warn } = work;
  const ours = new WeakSet<object>();
  let broken: unknown;
  const query = async (text: unknown, values?: unknown): Promise<QueryResult> => {
    try {
      return await client.query(text as string, values as string[]);
    } catch (error) {
      if (error instanceof Error) ours.add(error);
      if (isConnectionError(error)) broken ??= error;
      throw error;
    }
  };
  const { runDirect } = await import('../compile/run-direct.js');
  try {
    await runDirect({
      source: frame.plan.source,
      files: [...files],
      migration,
      applied: [...applied],
      migrationsTable: frame.settings.migrationsTable,
      rules: {
        schema: frame.work.tenant,
        fallThrough: fallThroughOf(migration, frame.plan, frame.settings),
        warn,
      },
      client: { query },
      onStatement,
    });
  } catch (error) {
    if (broken !== undefined) throw broken;
    if (error instanceof Error && (ours.has(error) || !isRetryable(error))) throw error;
    throw new TenantsError('MIGRATION_FAILED', messageOf(error), { cause: error });
  }
}

/** Node reports a host with several addresses as an AggregateError without a message. */
function messageOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === '') return error.errors.map(messageOf).join('; ');
  return error instanceof Error ? error.message : String(error);
}
