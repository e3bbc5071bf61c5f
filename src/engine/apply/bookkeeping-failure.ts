import { codeOf, SQLSTATE } from '../../db/sqlstates.js';
import { TenantsError } from '../../errors/tenants-error.js';
import { tenantsCommand } from '../../util/tenants-command.js';
import { UNRECORDED } from '../bookkeeping.js';
import type { Direction } from '../types.js';

/**
 * Says what became of a bookkeeping row that was not written, or not removed, although nothing had failed: a trigger of the
 * migrations table left it out, or the table has rules, which the server refuses for this statement. Other errors come back as
 * they are.
 */
export function bookkeepingFailure(
  error: Error,
  { schema, table, migration, direction }: { schema: string; table: string; migration: string; direction: Direction },
): Error {
  const code = codeOf(error);
  const leftOut = code === SQLSTATE.invalidTextRepresentation && error.message.includes(`"${UNRECORDED} `);
  if (!leftOut && code !== SQLSTATE.featureNotSupported) return error;
  const undone = direction === 'up' ? 'The row of' : 'The removal of the row of';
  return new TenantsError(
    'MIGRATION_FAILED',
    `${undone} migration ${migration} did not reach "${schema}"."${table}": a trigger or a rule of that table keeps it out.`,
    {
      ...(code === undefined ? {} : { sqlstate: code }),
      suggestions: [`Drop the triggers and rules of "${schema}"."${table}": nothing but migrations may change it.`],
      cause: error,
    },
  );
}

/** What the error message of a guard begins with that found the rows of a migrations table in another order than their times. */
export const CLOCK = 'clock';

/** A guard has found that the times of applied migrations, by which a rollback goes, are not in the order of the rows. */
export function clockFailure(error: Error, schema: string, table: string): TenantsError | undefined {
  if (codeOf(error) !== SQLSTATE.invalidTextRepresentation || !error.message.includes(`"${CLOCK} `)) return undefined;
  return new TenantsError(
    'TENANT_OUT_OF_ORDER',
    `The rows of "${schema}"."${table}" are in the order of the files, but their times are not: a clock or a time zone went back, and a rollback would undo another migration than the last one.`,
    { suggestions: [`To put the times in order, run: ${tenantsCommand('doctor', '--fix')}`] },
  );
}
