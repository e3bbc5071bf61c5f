import { preambleLength } from '../engine/compile/directives.js';
import { didYouMean, nearestNames } from '../util/nearest.js';
import { placeAt } from './read/places.js';
import { isLintRule, LINT_RULE_NAMES, type LintRule } from './rule-names.js';
import type { Hit } from './types.js';

/** What the comments of a file switch off. */
export type Ignores = {
  /** Whether a rule is switched off for a statement; `undefined` stands for the whole file. */
  covers(rule: LintRule, statement: Range | undefined): boolean;
  /** Comments that switch nothing off, because something is missing or wrong. */
  faults: { hit: Hit; line: number; column: number }[];
};

type Ignore = { rule: LintRule; about: 'file' | Range | undefined };

const COMMENT = /(?:--|\/\/)[ \t]*tenants:[ \t]*lint-ignore\b[ \t]*([^\s]*)[ \t]*(.*)$/gim;

/** Where a statement stands in its file, in UTF-16 units. */
export type Range = { begin: number; end: number };

/**
 * Reads `-- tenants: lint-ignore RULE reason`. In an SQL file the comment is about the statement that it stands before, in, or
 * behind on the same line; before the first part, and anywhere in a script, it is about the whole file.
 *
 * @param statements of an SQL file, in both directions
 */
export function readIgnores(text: string, sql: boolean, statements: readonly Range[]): Ignores {
  const ignores: Ignore[] = [];
  const faults: Ignores['faults'] = [];
  const ranges = statements.toSorted((a, b) => a.begin - b.begin);
  const whole = sql ? preambleLength(text) : text.length;
  for (const { 1: rule = '', 2: reason = '', index } of text.matchAll(COMMENT)) {
    if (!isLintRule(rule) || reason.trim() === '') faults.push({ hit: fault(rule), ...placeAt(text, index) });
    else ignores.push({ rule, about: index < whole ? 'file' : statementAt(text, index, ranges) });
  }
  return {
    faults,
    covers: (rule, statement) =>
      ignores.some(
        (one) =>
          one.rule === rule &&
          (statement === undefined || one.about === 'file' || one.about?.begin === statement.begin),
      ),
  };
}

function statementAt(text: string, at: number, ranges: readonly Range[]): Range | undefined {
  const before = ranges.findLast(({ begin }) => begin <= at);
  if (before !== undefined && (at < before.end || !text.slice(before.end, at).includes('\n'))) return before;
  return ranges.find(({ begin }) => begin > at);
}

function fault(rule: string): Hit {
  const example = `-- tenants: lint-ignore ${isLintRule(rule) ? rule : 'RULE'} The table has a few rows in every tenant.`;
  if (rule === '') {
    return {
      rule: 'lint-ignore',
      message: 'The comment names no rule, so it switches nothing off.',
      suggestion: `Write the rule and a reason: ${example}`,
    };
  }
  if (!isLintRule(rule)) {
    return {
      rule: 'lint-ignore',
      message: `There is no rule "${rule}", so the comment switches nothing off.`,
      suggestion: [...didYouMean(nearestNames(rule, LINT_RULE_NAMES)), `Write the rule and a reason: ${example}`].join(
        ' ',
      ),
    };
  }
  return {
    rule: 'lint-ignore',
    message: `The comment gives no reason for switching ${rule} off, so it does not.`,
    suggestion: `Write the reason behind the rule: ${example}`,
  };
}
