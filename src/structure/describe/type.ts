import { quoteLiteral } from '../../db/identifiers.js';
import type { Item } from '../types.js';
import { text, texts } from './parts.js';

/** `CREATE TYPE` or `CREATE DOMAIN`; `null` for types that are written in C. */
export function createType({ object, parts }: Item): string | null {
  switch (parts['kind']) {
    case 'enum': {
      const labels = texts(parts['labels']).map((label) => quoteLiteral(label));
      return `CREATE TYPE ${object} AS ENUM (${labels.join(', ')});`;
    }
    case 'composite':
      return `CREATE TYPE ${object} AS (${texts(parts['attributes']).join(', ')});`;
    case 'domain':
      return createDomain({ object, parts });
    case 'range':
      return createRange({ object, parts });
    default:
      return null;
  }
}

function createDomain({ object, parts }: Pick<Item, 'object' | 'parts'>): string {
  const checks = Object.entries((parts['checks'] ?? {}) as Record<string, string>);
  return `${[
    `CREATE DOMAIN ${object} AS ${text(parts['base'])}`,
    ...(parts['collation'] === undefined ? [] : [`COLLATE ${text(parts['collation'])}`]),
    ...(parts['default'] === undefined ? [] : [`DEFAULT ${text(parts['default'])}`]),
    ...(parts['notNull'] === undefined ? [] : ['NOT NULL']),
    ...checks.map(([name, definition]) => `CONSTRAINT ${name} ${definition}`),
  ].join(' ')};`;
}

function createRange({ object, parts }: Pick<Item, 'object' | 'parts'>): string | null {
  const range = (parts['range'] ?? {}) as Record<string, string>;
  // A canonical function needs the type, which needs the function.
  if (range['canonical'] !== undefined) return null;
  const clauses = [
    `SUBTYPE = ${range['subtype']}`,
    ...(range['operatorClass'] === undefined ? [] : [`SUBTYPE_OPCLASS = ${range['operatorClass']}`]),
    ...(range['collation'] === undefined ? [] : [`COLLATION = ${range['collation']}`]),
    ...(range['difference'] === undefined ? [] : [`SUBTYPE_DIFF = ${range['difference']}`]),
  ];
  return `CREATE TYPE ${object} AS RANGE (${clauses.join(', ')});`;
}

/** Statements for what can be altered of a type; `null` where it would have to be made anew. */
export function changeType(expected: Item, actual: Item): string | null {
  if (expected.parts['kind'] !== actual.parts['kind']) return null;
  switch (expected.parts['kind']) {
    case 'enum':
      return changeEnum(expected, actual);
    case 'domain':
      return changeDomain(expected, actual);
    case 'composite':
      return changeComposite(expected, actual);
    default:
      return null;
  }
}

function changeEnum({ object, parts: expected }: Item, { parts: actual }: Item): string | null {
  const [wanted, found] = [texts(expected['labels']), texts(actual['labels'])];
  const renamed = wanted.length === found.length ? wanted.filter((label, index) => label !== found[index]) : [];
  const [label] = renamed;
  if (renamed.length === 1 && label !== undefined) {
    const old = found[wanted.indexOf(label)] ?? '';
    return `ALTER TYPE ${object} RENAME VALUE ${quoteLiteral(old)} TO ${quoteLiteral(label)};`;
  }
  if (found.some((one) => !wanted.includes(one))) return null;
  const added = wanted.filter((one) => !found.includes(one));
  if (added.length === 0) return null;
  return added
    .map((one) => {
      const before = wanted[wanted.indexOf(one) - 1];
      const place = before === undefined ? `BEFORE ${quoteLiteral(found[0] ?? '')}` : `AFTER ${quoteLiteral(before)}`;
      return `ALTER TYPE ${object} ADD VALUE ${quoteLiteral(one)} ${place};`;
    })
    .join('\n');
}

function changeDomain({ object, parts: expected }: Item, { parts: actual }: Item): string | null {
  if (expected['base'] !== actual['base'] || expected['collation'] !== actual['collation']) return null;
  const [wanted, found] = [expected['checks'] ?? {}, actual['checks'] ?? {}] as Record<string, string>[];
  const clauses = [
    ...Object.keys(found ?? {})
      .filter((name) => wanted?.[name] !== found?.[name])
      .map((name) => `DROP CONSTRAINT ${name}`),
    ...Object.entries(wanted ?? {})
      .filter(([name, check]) => found?.[name] !== check)
      .map(([name, check]) => `ADD CONSTRAINT ${name} ${check}`),
  ];
  if (expected['default'] !== actual['default']) {
    clauses.push(expected['default'] === undefined ? 'DROP DEFAULT' : `SET DEFAULT ${text(expected['default'])}`);
  }
  if (expected['notNull'] !== actual['notNull']) {
    clauses.push(expected['notNull'] === undefined ? 'DROP NOT NULL' : 'SET NOT NULL');
  }
  return clauses.length === 0 ? null : clauses.map((clause) => `ALTER DOMAIN ${object} ${clause};`).join('\n');
}

/** Attributes that are there too many, or too few at the end. */
function changeComposite({ object, parts: expected }: Item, { parts: actual }: Item): string | null {
  const [wanted, found] = [texts(expected['attributes']), texts(actual['attributes'])];
  const gone = found.filter((one) => !wanted.includes(one)).map((one) => `DROP ATTRIBUTE ${one.split(' ')[0]}`);
  const added = wanted.filter((one) => !found.includes(one)).map((one) => `ADD ATTRIBUTE ${one}`);
  const clauses = [...gone, ...added];
  return clauses.length === 0 ? null : `ALTER TYPE ${object} ${clauses.join(', ')};`;
}
