import { REFUSAL_ADVICE } from '../../engine/sql/rules/format-refusals.js';
import type { ReadRefusal } from '../read/types.js';
import type { LintRule } from '../rule-names.js';
import type { Hit } from '../types.js';

/** What is in the database once, so that `IF NOT EXISTS` lets only the first tenant create it. */
const ONCE = /\bIF\s+NOT\s+EXISTS\b/i;

/** The finding for a statement that `migrate` would not take. */
export function refusedHit({ kind, reason, statement }: ReadRefusal): Hit {
  if (kind === 'syntax') {
    return {
      rule: 'cannot-be-run',
      message: reason,
      suggestion: 'Correct the statement. If a newer server accepts it, switch this rule off for the file.',
    };
  }
  const suggestion = REFUSAL_ADVICE[kind];
  if (kind === 'changesOutside' && ONCE.test(statement)) {
    return {
      rule: 'first-tenant-only',
      message: `${reason} IF NOT EXISTS hides it: the first tenant creates it, and the others find that of the first.`,
      suggestion,
    };
  }
  return { rule: RULES[kind] ?? 'cannot-be-run', message: reason, suggestion };
}

const RULES: Partial<Record<ReadRefusal['kind'], LintRule>> = {
  createExtension: 'first-tenant-only',
  outsideTransaction: 'outside-transaction',
  changesOutside: 'other-schema',
};
