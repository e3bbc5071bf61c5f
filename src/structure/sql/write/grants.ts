import { isDeepStrictEqual } from 'node:util';

import { text, texts } from '../../describe/parts.js';
import type { Item } from '../../types.js';

/** The statements that make the privileges on an object like the expected ones; empty where none are known. */
export function changeGrants({ object, parts: expected }: Item, { parts: actual }: Item): string[] {
  const on = targetOf(text(expected['of']), object);
  if (on === undefined) return [];
  const statements = isDeepStrictEqual(expected['grants'], actual['grants'])
    ? []
    : changes(texts(expected['grants']), texts(actual['grants']), on, '');
  const [wanted, found] = [columns(expected['columnGrants']), columns(actual['columnGrants'])];
  for (const name of Object.keys(wanted)) {
    if (!isDeepStrictEqual(wanted[name], found[name])) {
      statements.push(...changes(texts(wanted[name]), texts(found[name]), on, ` (${quoted(name)})`));
    }
  }
  return statements;
}

function targetOf(kind: string, object: string): string | undefined {
  switch (kind) {
    case 'TABLE':
    case 'VIEW':
    case 'MATERIALIZED VIEW':
    case 'FOREIGN TABLE':
      return `TABLE ${object}`;
    case 'AGGREGATE':
      return `FUNCTION ${object}`;
    case 'SEQUENCE':
    case 'FUNCTION':
    case 'PROCEDURE':
    case 'TYPE':
      return `${kind} ${object}`;
    // A migration cannot name the schema it runs in.
    default:
      return undefined;
  }
}

function changes(expected: readonly string[], actual: readonly string[], on: string, column: string): string[] {
  const revoked = actual.filter((entry) => !expected.includes(entry)).map((entry) => granteeOf(entry));
  const renewed = expected.filter((entry) => !actual.includes(entry));
  return [
    ...revoked.map((grantee) => `REVOKE ALL${column} ON ${on} FROM ${grantee};`),
    ...renewed.flatMap((entry) => grantsOf(entry, on, column)),
  ];
}

/** An entry of an access list is written `grantee=privileges/grantor`; a star stands behind a privilege that may be passed on. */
function grantsOf(entry: string, on: string, column: string): string[] {
  const letters = entry.slice(entry.lastIndexOf('=') + 1, entry.lastIndexOf('/'));
  const all = [...letters.matchAll(/([A-Za-z])(\*?)/g)].map(([, letter = '', star]) => ({
    privilege: `${PRIVILEGES[letter] ?? letter}${column}`,
    passedOn: star === '*',
  }));
  return [false, true].flatMap((passedOn) => {
    const some = all.filter((one) => one.passedOn === passedOn).map(({ privilege }) => privilege);
    const option = passedOn ? ' WITH GRANT OPTION' : '';
    return some.length === 0 ? [] : [`GRANT ${some.join(', ')} ON ${on} TO ${granteeOf(entry)}${option};`];
  });
}

function granteeOf(entry: string): string {
  const name = entry.slice(0, entry.lastIndexOf('='));
  if (name === '') return 'PUBLIC';
  return name.startsWith('"') ? name : quoted(name);
}

function columns(part: unknown): Record<string, unknown> {
  return typeof part === 'object' && part !== null ? (part as Record<string, unknown>) : {};
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

const PRIVILEGES: Readonly<Record<string, string>> = {
  r: 'SELECT',
  a: 'INSERT',
  w: 'UPDATE',
  d: 'DELETE',
  D: 'TRUNCATE',
  x: 'REFERENCES',
  t: 'TRIGGER',
  X: 'EXECUTE',
  U: 'USAGE',
  m: 'MAINTAIN',
};
