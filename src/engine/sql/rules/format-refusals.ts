import { TenantsError, type TenantsErrorOptions } from '../../../errors/tenants-error.js';
import { plural } from '../../../util/format-count.js';
import type { Refusal, RefusalKind } from '../types.js';

/** What to do instead of each kind of refused statement. */
export const REFUSAL_ADVICE: Readonly<Record<RefusalKind, string>> = {
  transactionControl:
    'Remove BEGIN, COMMIT and ROLLBACK; every migration already runs in a transaction, unless it calls pgm.noTransaction().',
  transactionMode: 'Remove SET TRANSACTION and SET SESSION CHARACTERISTICS.',
  copyStdio: 'Write the rows as INSERT statements (pg_dump --inserts does), or COPY them from a file on the server.',
  psqlCommand: 'Remove the lines that begin with a backslash; dumps carry them for psql alone.',
  nulCharacter: 'Save the file as UTF-8 without NUL characters.',
  encoding: 'Save the file as UTF-8.',
  format: 'Correct the file. The page formats.md of the documentation says what is read of each format.',
  qualifier:
    "Leave the schema out where the tenant's own object is meant; what belongs to the shared schema must not be created in the same folder.",
  createExtension: 'Create extensions in a migration of the shared schema, where all tenants find them.',
  outsideTransaction:
    'Call pgm.noTransaction() in the migration, or write `-- tenants: no-transaction` into the SQL file.',
  changesOutside:
    'Move the statement to a migration of the shared schema, or leave the schema out where the object of the tenant is meant. If it is intended, write `-- tenants: allow-fall-through` (`// …` in JavaScript) into the file.',
};

/**
 * The error for statements that were refused before anything ran: `MIGRATION_REFUSED`, one problem a statement.
 *
 * @param intro replaces the message, for refusals at another time.
 */
export function formatRefusals(refusals: Refusal[], intro?: string): TenantsError {
  const migrations = new Set(refusals.map(({ migration }) => migration));
  const message =
    intro ??
    `${plural(refusals.length, 'statement')} in ${plural(migrations.size, 'migration')} ${refusals.length === 1 ? 'was' : 'were'} refused; nothing was touched.`;
  const kinds = new Set(refusals.map(({ kind }) => kind));
  const options: TenantsErrorOptions = {
    problems: refusals.map(describeRefusal),
    suggestions: [...kinds].map((kind) => REFUSAL_ADVICE[kind]),
  };
  const [first, ...more] = refusals;
  if (first !== undefined && more.length === 0) {
    const { migration, file, line, statement } = first;
    Object.assign(options, { migration, file, statement }, line === undefined ? {} : { line });
  }
  return new TenantsError('MIGRATION_REFUSED', message, options);
}

/** A refusal on one line, with its place. */
export function describeRefusal({ file, line, reason, statement }: Refusal): string {
  return `${line === undefined ? file : `${file}:${line}`}: ${reason} (${statement})`;
}
