import type { z } from 'zod';

import { didYouMean, nearestNames } from '../util/nearest.js';
import { keysAt } from './walk.js';

/** Every complaint about a configuration as a line of its own, `tenants.types.shop: expected a path`. */
export function describeProblems(schema: z.ZodType, issues: readonly z.core.$ZodIssue[]): string[] {
  return issues.flatMap(innermost).flatMap((issue) => {
    if (issue.code !== 'unrecognized_keys') return [`${pathName(issue.path)}: ${wording(issue)}`];
    const known = keysAt(schema, issue.path);
    return issue.keys.map(
      (key) =>
        `${pathName([...issue.path, key])}: unknown key${['', ...didYouMean(nearestNames(key, known))].join('. ')}`,
    );
  });
}

/** What is wrong with a single value, for values that carry the name of a flag or a variable instead of a path. */
export function describeIssue(error: z.ZodError): string {
  const [issue] = error.issues.flatMap(innermost);
  return issue === undefined ? 'is not valid' : wording(issue);
}

/** A union's complaint hides those of the form that was meant: the one whose type fitted, if there is one. */
function innermost(issue: z.core.$ZodIssue): z.core.$ZodIssue[] {
  if (issue.code !== 'invalid_union') return [issue];
  const meant = issue.errors.find((branch) => !branch.some((inner) => inner.path.length === 0 && isWrongType(inner)));
  if (meant === undefined) return [issue];
  return meant.flatMap(innermost).map((inner) => Object.assign(inner, { path: [...issue.path, ...inner.path] }));
}

function isWrongType(issue: z.core.$ZodIssue): boolean {
  return issue.code === 'invalid_type' || issue.code === 'invalid_value' || issue.code === 'invalid_union';
}

/** The messages of our own fields stand as they are; zod's begin with a title that the path makes superfluous. */
function wording(issue: z.core.$ZodIssue): string {
  return issue.message.replace(/^(?:Invalid input|Invalid option|Too small|Too big): /, '');
}

function pathName(path: readonly PropertyKey[]): string {
  if (path.length === 0) return 'configuration';
  return path
    .map((key, index) => {
      const name = String(key);
      if (!/^[\p{L}_$][\p{L}\p{N}_$-]*$/u.test(name)) return `[${JSON.stringify(name)}]`;
      return index === 0 ? name : `.${name}`;
    })
    .join('');
}
