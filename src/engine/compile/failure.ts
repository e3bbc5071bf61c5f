import { TenantsError, type TenantsErrorOptions } from '../../errors/tenants-error.js';
import { formatRefusals } from '../sql/rules/format-refusals.js';
import type { Refusal } from '../sql/types.js';

/** What is wrong with migrations: some cannot be built, others hold SQL that must not be sent. */
export type Complaints = {
  failures: { migration: string; file: string; message: string; cause?: unknown }[];
  refusals: Refusal[];
};

/** One `MIGRATION_REFUSED` for everything; a single complaint keeps its migration, file and cause. */
export function compileFailure({ failures, refusals }: Complaints): TenantsError {
  const refused = refusals.length > 0 ? formatRefusals(refusals) : undefined;
  const [first, ...more] = failures;
  if (first === undefined && refused !== undefined) return refused;
  const options: TenantsErrorOptions = {
    problems: [...failures.map(({ file, message }) => `${file}: ${message}`), ...(refused?.details.problems ?? [])],
    suggestions: refused?.suggestions ?? [],
    cause: failures.find(({ cause }) => cause !== undefined)?.cause,
  };
  if (first !== undefined && more.length === 0 && refused === undefined) {
    const { migration, file, message } = first;
    return new TenantsError('MIGRATION_REFUSED', `Migration ${message}; nothing was touched.`, {
      ...options,
      migration,
      file,
    });
  }
  const count = new Set([...failures, ...refusals].map(({ migration }) => migration)).size;
  const noun = count === 1 ? 'migration' : 'migrations';
  return new TenantsError('MIGRATION_REFUSED', `${count} ${noun} cannot be run; nothing was touched.`, options);
}
