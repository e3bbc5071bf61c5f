import { quoteIdentifier, quoteLiteral } from '../../db/identifiers.js';
import type { Item, Parts } from '../types.js';
import { columnDefinition } from './column.js';
import { text, texts } from './parts.js';

/** `CREATE TABLE` and the statements for what belongs to it, foreign keys last. */
export function createTable(
  { object, parts }: Item,
  children: readonly Item[],
  create: (child: Item) => string | null,
): string | null {
  if (parts['kind'] === 'foreign') return null;
  const columns = children
    .filter(({ kind, parts: { inherited } }) => kind === 'column' && inherited === undefined)
    .map(({ parts: column }) => `  ${quoteIdentifier(text(column['name']))} ${columnDefinition(column)}`);
  const order = texts(parts['columns']).map((name) => `  ${quoteIdentifier(name)} `);
  const place = (line: string): number => order.findIndex((start) => line.startsWith(start));
  columns.sort((a, b) => place(a) - place(b));
  const rest = children
    .filter(({ kind }) => kind !== 'column' && kind !== 'owner')
    // The parent table hands these down.
    .filter(({ parts: { inherited, partOf } }) => inherited === undefined && partOf === undefined)
    .toSorted((a, b) => rank(a) - rank(b))
    .map((child) => create(child))
    .filter((statement) => statement !== null);
  return [`${head(object, parts, columns)};`, ...tableSettings(object, parts, {}), ...rest].join('\n');
}

/**
 * `CREATE TABLE` with its columns and nothing else; `null` for foreign tables. Settings are left to `changeTable` and
 * `changeColumn`.
 */
export function createBareTable({ object, parts }: Item, columns: readonly Item[]): string | null {
  if (parts['kind'] === 'foreign' || parts['ofType'] !== undefined || parts['accessMethod'] !== undefined) return null;
  const order = texts(parts['columns']);
  const own = columns
    .filter(({ parts: { inherited } }) => inherited === undefined)
    .toSorted((a, b) => order.indexOf(text(a.parts['name'])) - order.indexOf(text(b.parts['name'])));
  const lines = own.map(({ parts: column }) => {
    const name = text(column['name']);
    const sequence = text((column['sequence'] as Parts | undefined)?.['name']);
    const usual = sequence === `${object}_${name}_seq`;
    return `  ${quoteIdentifier(name)} ${columnDefinition(column, usual ? '' : sequence)}`;
  });
  return `${head(object, parts, lines)};`;
}

function head(object: string, parts: Parts, columns: readonly string[]): string {
  const unlogged = parts['persistence'] === undefined ? '' : 'UNLOGGED ';
  const by = parts['partitionKey'] === undefined ? '' : ` PARTITION BY ${text(parts['partitionKey'])}`;
  const [parent = ''] = texts(parts['inherits']);
  if (parts['bound'] !== undefined) {
    return `CREATE ${unlogged}TABLE ${object} PARTITION OF ${parent} ${text(parts['bound'])}${by}`;
  }
  const inherits = texts(parts['inherits']).length === 0 ? '' : ` INHERITS (${texts(parts['inherits']).join(', ')})`;
  return `CREATE ${unlogged}TABLE ${object} (\n${columns.join(',\n')}\n)${inherits}${by}`;
}

/** A sequence that a default calls comes before it could be used, a foreign key when its target has a key. */
function rank({ kind, parts }: Item): number {
  if (kind === 'constraint') return text(parts['definition']).startsWith('FOREIGN KEY') ? 3 : 1;
  return kind === 'index' ? 2 : 4;
}

/** The statements that make the settings of a table like the expected ones; `null` where columns stand in another order. */
export function changeTable({ object, parts: expected }: Item, { parts: actual }: Item): string | null {
  const statements = tableSettings(object, expected, actual);
  const [parent] = texts(expected['inherits']);
  if (expected['bound'] !== undefined && actual['bound'] === undefined && parent !== undefined) {
    statements.unshift(`ALTER TABLE ${parent} ATTACH PARTITION ${object} ${text(expected['bound'])};`);
  }
  return statements.length === 0 ? null : statements.join('\n');
}

function tableSettings(object: string, expected: Parts, actual: Parts): string[] {
  const alter = (clause: string): string => `ALTER TABLE ${object} ${clause};`;
  const differs = (name: string): boolean => JSON.stringify(expected[name]) !== JSON.stringify(actual[name]);
  const statements: string[] = [];
  if (differs('rowSecurity')) {
    statements.push(alter(`${expected['rowSecurity'] === undefined ? 'DISABLE' : 'ENABLE'} ROW LEVEL SECURITY`));
  }
  if (differs('forceRowSecurity')) {
    statements.push(alter(`${expected['forceRowSecurity'] === undefined ? 'NO FORCE' : 'FORCE'} ROW LEVEL SECURITY`));
  }
  if (differs('options')) {
    const unwanted = texts(actual['options']).map((option) => option.split('=')[0] ?? '');
    const wanted = texts(expected['options']);
    const gone = unwanted.filter((name) => !wanted.some((option) => option.startsWith(`${name}=`)));
    if (gone.length > 0) statements.push(alter(`RESET (${gone.join(', ')})`));
    if (wanted.length > 0) statements.push(alter(`SET (${wanted.join(', ')})`));
  }
  if (differs('replicaIdentity')) {
    statements.push(alter(`REPLICA IDENTITY ${text(expected['replicaIdentity']) || 'DEFAULT'}`));
  }
  if (differs('persistence') && Object.keys(actual).length > 0) {
    statements.push(alter(`SET ${expected['persistence'] === undefined ? 'LOGGED' : 'UNLOGGED'}`));
  }
  if (differs('comment')) {
    const comment = expected['comment'] === undefined ? 'NULL' : quoteLiteral(text(expected['comment']));
    statements.push(`COMMENT ON TABLE ${object} IS ${comment};`);
  }
  return statements;
}
