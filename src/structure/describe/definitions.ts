import { isDeepStrictEqual } from 'node:util';

import type { Item, Parts } from '../types.js';
import { changeColumn, columnDefinition, columnSettings } from './column.js';
import { createFunction } from './function.js';
import { text, texts } from './parts.js';
import { changeSequence, createSequence } from './sequence.js';
import { changeTable, createTable } from './table.js';
import { changeType, createType } from './type.js';

/** What has a definition of its own, apart from which there is little to say. */
const DEFINED = new Set(['constraint', 'index', 'trigger', 'rule', 'statistics']);
/** Parts that say where an object is, not what. */
const PLACE = new Set(['name', 'table', 'of']);

/**
 * An object in words of SQL, on one or more lines.
 *
 * @param other the object it is compared with: of objects that have many parts, those that are equal are left out
 */
export function describe({ kind, parts }: Item, other?: Item): string {
  if (kind === 'column') return [columnDefinition(parts), ...extras(parts, other?.parts, COLUMN_WORDS)].join(', ');
  if (DEFINED.has(kind) || (kind === 'view' && parts['definition'] !== undefined)) {
    const definition = text(parts['definition']).trim().replace(/;$/, '');
    return [definition, ...extras(parts, other?.parts, DEFINITION_WORDS)].join(', ');
  }
  const shown = differing(parts, other?.parts);
  return Object.entries(shown)
    .filter(([name]) => !PLACE.has(name))
    .map(([name, part]) => `${words(name)} ${said(part)}`)
    .join(', ');
}

/** The statements that make an object, without its schema. */
export function addition(item: Item, children: readonly Item[] = []): string | null {
  const { kind, object, parent, parts } = item;
  switch (kind) {
    case 'table':
      return createTable(item, children, (child) => addition(child));
    case 'column':
      return addColumn(item);
    case 'constraint':
      return `ALTER TABLE ${parent} ADD CONSTRAINT ${text(parts['name'])} ${text(parts['definition'])};`;
    case 'index':
    case 'trigger':
    case 'rule':
    case 'statistics':
      return `${text(parts['definition']).replace(/;$/, '')};`;
    case 'view':
      return `CREATE ${parts['kind'] === 'materialized' ? 'MATERIALIZED VIEW' : 'VIEW'} ${object} AS\n${text(parts['definition']).replace(/;$/, '')};`;
    case 'sequence':
      return createSequence(item);
    case 'policy':
      return createPolicy(item);
    case 'function':
    case 'procedure':
      return createFunction(item);
    case 'type':
      return createType(item);
    default:
      return null;
  }
}

/** The statement that removes an object. */
export function removal({ kind, object, parent, parts }: Item): string | null {
  switch (kind) {
    case 'table':
      return `DROP ${parts['kind'] === 'foreign' ? 'FOREIGN TABLE' : 'TABLE'} ${object};`;
    case 'view':
      return `DROP ${parts['kind'] === 'materialized' ? 'MATERIALIZED VIEW' : 'VIEW'} ${object};`;
    case 'column':
      return `ALTER TABLE ${parent} DROP COLUMN ${object.slice((parent ?? '').length + 1)};`;
    case 'constraint':
      return `ALTER TABLE ${parent} DROP CONSTRAINT ${text(parts['name'])};`;
    case 'trigger':
    case 'rule':
    case 'policy':
      return `DROP ${kind.toUpperCase()} ${text(parts['name'])} ON ${parent};`;
    case 'owner':
    case 'default privileges':
      return null;
    default:
      return `DROP ${kind.toUpperCase()} ${object};`;
  }
}

/** The statements that make an object like the expected one. */
export function change(expected: Item, actual: Item): string | null {
  switch (expected.kind) {
    case 'column':
      return changeColumn(expected, actual);
    case 'table':
      return changeTable(expected, actual);
    case 'type':
      return changeType(expected, actual);
    case 'sequence':
      return changeSequence(expected, actual);
    case 'function':
    case 'procedure':
      return createFunction(expected);
    case 'trigger':
      return changeTrigger(expected, actual);
    case 'index':
      if (onlyDiffersIn(expected, actual, 'invalid')) return `REINDEX INDEX ${expected.object};`;
      return anew(expected, actual);
    case 'owner':
      return changeOwner(expected, actual);
    case 'constraint':
    case 'rule':
    case 'policy':
    case 'view':
    case 'statistics':
      return anew(expected, actual);
    default:
      return null;
  }
}

function anew(expected: Item, actual: Item): string | null {
  const [drop, create] = [removal(actual), addition(expected)];
  return drop === null || create === null ? null : `${drop}\n${create}`;
}

function onlyDiffersIn({ parts: expected }: Item, { parts: actual }: Item, name: string): boolean {
  const { [name]: _expected, ...rest } = expected;
  const { [name]: _actual, ...others } = actual;
  return isDeepStrictEqual(rest, others);
}

function changeTrigger(expected: Item, actual: Item): string | null {
  if (!onlyDiffersIn(expected, actual, 'enabled')) return anew(expected, actual);
  const how = expected.parts['enabled'] === undefined ? 'ENABLE' : text(expected.parts['enabled']);
  return `ALTER TABLE ${expected.parent} ${how} TRIGGER ${text(expected.parts['name'])};`;
}

function changeOwner({ object, parts: expected }: Item, { parts: actual }: Item): string | null {
  if (expected['owner'] === actual['owner']) return null;
  return `ALTER ${text(expected['of'])} ${object} OWNER TO ${text(expected['owner'])};`;
}

function addColumn({ object, parent, parts }: Item): string {
  const name = object.slice((parent ?? '').length + 1);
  const settings = columnSettings(parts).map((setting) => `, ALTER COLUMN ${name} ${setting}`);
  return `ALTER TABLE ${parent} ADD COLUMN ${name} ${columnDefinition(parts)}${settings.join('')};`;
}

function createPolicy({ parent, parts }: Item): string {
  const kind = parts['restrictive'] === undefined ? '' : ' AS RESTRICTIVE';
  const using = parts['using'] === undefined ? '' : ` USING (${text(parts['using'])})`;
  const check = parts['check'] === undefined ? '' : ` WITH CHECK (${text(parts['check'])})`;
  const roles = texts(parts['roles']).join(', ');
  return `CREATE POLICY ${text(parts['name'])} ON ${parent}${kind} FOR ${text(parts['command'])} TO ${roles}${using}${check};`;
}

const COLUMN_WORDS = ['storage', 'compression', 'statistics', 'options', 'sequence', 'inherited', 'comment'];
const DEFINITION_WORDS = [
  'invalid',
  'enabled',
  'clustered',
  'options',
  'tablespace',
  'partOf',
  'statistics',
  'inherited',
  'target',
  'accessMethod',
  'kind',
  'comment',
];

/** The parts that the definition does not show, where there is something to say. */
function extras(parts: Parts, other: Parts | undefined, names: readonly string[]): string[] {
  const shown = differing(parts, other);
  return names.filter((name) => shown[name] !== undefined).map((name) => `${words(name)} ${said(shown[name])}`);
}

function differing(parts: Parts, other: Parts | undefined): Parts {
  if (other === undefined) return parts;
  return Object.fromEntries(Object.entries(parts).filter(([name, part]) => !isDeepStrictEqual(part, other[name])));
}

/** `replicaIdentity` as `replica identity`. */
function words(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}

function said(part: unknown): string {
  if (Array.isArray(part)) return `(${part.map((one) => text(one)).join(', ')})`;
  return text(part);
}
