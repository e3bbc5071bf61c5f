import { skipBlank } from '../sql/parse/lexer.js';
import type { CompiledMigration, Direction } from '../types.js';
import { analyzeMigration, type MigrationRules } from './analyze-migration.js';
import type { WantedMigration } from './build.js';
import type { Built } from './choose-mode.js';
import type { Complaints } from './failure.js';

/**
 * Makes the compiled migration of what was built, or adds what is wrong with it to `complaints`.
 *
 * A direct migration whose first pass came to its end is examined too: the values in its SQL will differ, what it does
 * hardly, and a refusal now is better than one in the middle of a run.
 */
export function toCompiledMigration(
  built: Built,
  { directives, text }: WantedMigration,
  direction: Direction,
  rules: MigrationRules,
  complaints: Complaints,
): CompiledMigration | undefined {
  const { file } = built;
  if (built.kind === 'failed') {
    const { message, cause } = built;
    complaints.failures.push({ migration: file.name, file: file.path, message, cause });
    return undefined;
  }
  const { transaction, lines, directBecause } = built;
  const steps = built.asked ? [] : built.steps;
  const fallThrough = directives.allowFallThrough ? 'off' : rules.fallThrough;
  const analysis = analyzeMigration({ file, steps, lines, transaction, text, ...rules, fallThrough });
  complaints.refusals.push(...analysis.refusals);

  const warnings = [...directives.warnings.map((warning) => `${file.path}: ${warning}`), ...analysis.warnings];
  if (direction === 'up' && !built.asked && steps.every((sql) => isBlank(sql))) {
    warnings.push(`${file.path}: the migration is empty; it is recorded as applied and changes nothing.`);
  }
  const { allowFallThrough } = directives;
  const common = { name: file.name, path: file.path, direction, transaction, allowFallThrough, warnings };
  const { statements, targets, creates, extensions: created } = analysis;
  const extra = created.length > 0 ? { extensions: created } : {};
  return directBecause === undefined
    ? { ...common, ...extra, mode: 'compiled', statements, targets, creates }
    : { ...common, ...extra, mode: 'direct', reason: directBecause, statements: [], targets: [], creates: [] };
}

/** Nothing but white space, comments and semicolons. */
function isBlank(sql: string): boolean {
  let at = skipBlank(sql);
  while (sql[at] === ';') at = skipBlank(sql, at + 1);
  return at >= sql.length;
}
