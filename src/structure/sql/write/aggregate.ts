import { quoteLiteral } from '../../../db/identifiers.js';
import { text } from '../../describe/parts.js';
import type { Item } from '../../types.js';

/** `CREATE AGGREGATE`; `null` for kinds and clauses that are written in another way. */
export function createAggregate({ object, parts }: Item): string | null {
  if (parts['kind'] !== 'n' || parts['serialize'] !== undefined || parts['movingStep'] !== undefined) return null;
  const clauses = CLAUSES.flatMap(([part, clause]) => {
    const value = parts[part];
    return value === undefined ? [] : [`${clause} = ${part === 'initial' ? quoteLiteral(text(value)) : nameOf(value)}`];
  });
  return `CREATE AGGREGATE ${object} (${clauses.join(', ')});`;
}

const CLAUSES: readonly [part: string, clause: string][] = [
  ['step', 'SFUNC'],
  ['state', 'STYPE'],
  ['final', 'FINALFUNC'],
  ['combine', 'COMBINEFUNC'],
  ['initial', 'INITCOND'],
  ['parallel', 'PARALLEL'],
];

/** A function is named without its arguments here. */
function nameOf(value: unknown): string {
  return text(value).replace(/\([^()]*\)$/, '');
}
