import type { Plan, Segment } from '../../engine/types.js';
import type { NotTried } from './types.js';

/** What of a plan can be tried in one transaction, as one segment, and what cannot. Pure. */
export function tryableOf({ segments }: Plan): { segment: Segment; notTried: NotTried[] } {
  const migrations = segments.flatMap((segment) => segment.migrations);
  return {
    segment: { transaction: true, migrations: migrations.filter(({ transaction }) => transaction) },
    notTried: migrations
      .filter(({ transaction }) => !transaction)
      .map(({ name }) => ({
        migration: name,
        reason: 'it runs outside a transaction, so it could not be rolled back',
      })),
  };
}

/**
 * What is left untried because of a failure that says nothing about the real run: what failed relies on something that was not tried, or
 * on an earlier transaction that would be committed by then. Pure.
 *
 * @param sqlstate of the failure, and the migration in which it occurred
 */
export function untriedAfter(
  { segments }: Plan,
  notTried: readonly NotTried[],
  failure: { sqlstate: string | undefined; migration: string | undefined; message: string },
): NotTried[] | undefined {
  const names = segments.flatMap(({ migrations }) => migrations.map(({ name }) => name));
  const at = failure.migration === undefined ? -1 : names.indexOf(failure.migration);
  if (at === -1) return undefined;
  const skipped = notTried.find(({ migration }) => names.indexOf(migration) < at);
  const reason =
    skipped !== undefined && MISSING.test(failure.sqlstate ?? '')
      ? `it may need ${skipped.migration}, which was not tried: ${failure.message}`
      : segments.length > 1 && failure.sqlstate === UNSAFE_ENUM_VALUE
        ? `it needs an earlier migration to be committed: ${failure.message}`
        : undefined;
  if (reason === undefined) return undefined;
  const untried = new Set(notTried.map(({ migration }) => migration));
  const rest = names.slice(at + 1).filter((name) => !untried.has(name));
  const follows = `it follows ${failure.migration}, which was not tried`;
  return [
    ...notTried,
    { migration: failure.migration ?? '', reason },
    ...rest.map((migration) => ({ migration, reason: follows })),
  ];
}

/** SQLSTATE class 42: something does not exist, or does already. */
const MISSING = /^42/;
const UNSAFE_ENUM_VALUE = '55P04';
