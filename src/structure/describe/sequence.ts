import { isDeepStrictEqual } from 'node:util';

import type { Item, Parts } from '../types.js';
import { text } from './parts.js';

/** `CREATE SEQUENCE`, with all of its parameters. */
export function createSequence({ object, parts }: Item): string {
  const sequence = parts['sequence'] as Parts;
  const clauses = CLAUSES.map(([name, clause]) => clause(sequence[name])).join(' ');
  const owner = parts['ownedBy'] === undefined ? '' : ` OWNED BY ${text(parts['ownedBy'])}`;
  return `CREATE SEQUENCE ${object} AS ${text(sequence['type'])} ${clauses}${owner};`;
}

/** `ALTER SEQUENCE` for what differs; `null` where nothing of it can be altered. */
export function changeSequence({ object, parts: expected }: Item, { parts: actual }: Item): string | null {
  const [wanted, found] = [expected['sequence'] as Parts, actual['sequence'] as Parts];
  const clauses = wanted['type'] === found['type'] ? [] : [`AS ${text(wanted['type'])}`];
  clauses.push(...sequenceChanges(wanted, found));
  if (expected['ownedBy'] !== actual['ownedBy']) clauses.push(`OWNED BY ${text(expected['ownedBy']) || 'NONE'}`);
  return clauses.length === 0 ? null : `ALTER SEQUENCE ${object} ${clauses.join(' ')};`;
}

/** The clauses that make the parameters of one sequence like those of another. */
export function sequenceChanges(expected: Parts, actual: Parts): string[] {
  return CLAUSES.filter(([name]) => !isDeepStrictEqual(expected[name], actual[name])).map(([name, clause]) =>
    clause(expected[name]),
  );
}

const CLAUSES: readonly [name: string, clause: (value: unknown) => string][] = [
  ['start', (value) => `START WITH ${text(value)}`],
  ['increment', (value) => `INCREMENT BY ${text(value)}`],
  ['min', (value) => `MINVALUE ${text(value)}`],
  ['max', (value) => `MAXVALUE ${text(value)}`],
  ['cache', (value) => `CACHE ${text(value)}`],
  ['cycle', (value) => (value === undefined ? 'NO CYCLE' : 'CYCLE')],
];
