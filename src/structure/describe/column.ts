import { quoteIdentifier, quoteLiteral } from '../../db/identifiers.js';
import type { Item, Parts } from '../types.js';
import { text, texts } from './parts.js';
import { sequenceChanges } from './sequence.js';

const STORAGE: Record<string, string> = { p: 'PLAIN', e: 'EXTERNAL', m: 'MAIN', x: 'EXTENDED' };
const COMPRESSION: Record<string, string> = { p: 'pglz', l: 'lz4' };

/**
 * A column as in `CREATE TABLE`, without its name: `date NOT NULL DEFAULT CURRENT_DATE`.
 *
 * @param sequence the name of an identity column's sequence, where it is to be said
 */
export function columnDefinition(parts: Parts, sequence = ''): string {
  const words = [text(parts['type'])];
  if (parts['collation'] !== undefined) words.push(`COLLATE ${text(parts['collation'])}`);
  if (parts['generated'] !== undefined) {
    words.push(`GENERATED ALWAYS AS (${inner(text(parts['generated']))}) ${text(parts['generatedKind'])}`);
  }
  if (parts['identity'] !== undefined) {
    words.push(
      `GENERATED ${text(parts['identity'])} AS IDENTITY${sequence === '' ? '' : ` (SEQUENCE NAME ${sequence})`}`,
    );
  }
  if (parts['default'] !== undefined) words.push(`DEFAULT ${text(parts['default'])}`);
  if (parts['notNull'] !== undefined) {
    words.push(['NOT NULL', parts['notNullKind']].filter((word) => word !== undefined).join(' '));
  }
  return words.join(' ');
}

/** What `CREATE TABLE` does not say of a column, as clauses of `ALTER COLUMN`; `undefined` for one that needs none. */
export function columnSettings(parts: Parts): string[] {
  const settings: string[] = [];
  if (parts['storage'] !== undefined) settings.push(`SET STORAGE ${STORAGE[text(parts['storage'])]}`);
  if (parts['compression'] !== undefined) {
    settings.push(`SET COMPRESSION ${COMPRESSION[text(parts['compression'])] ?? 'default'}`);
  }
  if (parts['statistics'] !== undefined) settings.push(`SET STATISTICS ${text(parts['statistics'])}`);
  if (Array.isArray(parts['options'])) settings.push(`SET (${parts['options'].join(', ')})`);
  return settings;
}

/** The statement that makes one column like another; `null` where it would have to be made anew. */
export function changeColumn({ parent, parts: expected }: Item, { parts: actual }: Item): string | null {
  if (expected['generated'] !== actual['generated'] || expected['generatedKind'] !== actual['generatedKind']) {
    return null;
  }
  const name = quoteIdentifier(text(expected['name']));
  const clauses = [
    ...typeClauses(expected, actual),
    ...identityClauses(expected, actual),
    ...sequenceClauses(expected, actual),
    ...defaultClauses(expected, actual),
    ...nullClauses(expected, actual),
    ...settingClauses(expected, actual),
  ].map((clause) => `ALTER COLUMN ${name} ${clause}`);
  const statements = clauses.length === 0 ? [] : [`ALTER TABLE ${parent} ${clauses.join(', ')};`];
  if (expected['comment'] !== actual['comment']) {
    const comment = expected['comment'] === undefined ? 'NULL' : quoteLiteral(text(expected['comment']));
    statements.push(`COMMENT ON COLUMN ${parent}.${name} IS ${comment};`);
  }
  return statements.length === 0 ? null : statements.join('\n');
}

function typeClauses(expected: Parts, actual: Parts): string[] {
  if (expected['type'] === actual['type'] && expected['collation'] === actual['collation']) return [];
  const collation = expected['collation'] === undefined ? '' : ` COLLATE ${text(expected['collation'])}`;
  return [`TYPE ${text(expected['type'])}${collation}`];
}

function identityClauses(expected: Parts, actual: Parts): string[] {
  const [wanted, found] = [expected['identity'], actual['identity']];
  if (wanted === found) return [];
  if (wanted === undefined) return ['DROP IDENTITY'];
  return found === undefined ? [`ADD GENERATED ${text(wanted)} AS IDENTITY`] : [`SET GENERATED ${text(wanted)}`];
}

function defaultClauses(expected: Parts, actual: Parts): string[] {
  if (expected['default'] === actual['default']) return [];
  return [expected['default'] === undefined ? 'DROP DEFAULT' : `SET DEFAULT ${text(expected['default'])}`];
}

function nullClauses(expected: Parts, actual: Parts): string[] {
  if (expected['notNull'] === actual['notNull']) return [];
  return [expected['notNull'] === undefined ? 'DROP NOT NULL' : 'SET NOT NULL'];
}

/** The sequence of an identity column. */
function sequenceClauses(expected: Parts, actual: Parts): string[] {
  if (expected['identity'] === undefined || actual['identity'] === undefined) return [];
  const clauses = sequenceChanges(expected['sequence'] as Parts, actual['sequence'] as Parts);
  return clauses.length === 0 ? [] : [clauses.map((clause) => `SET ${clause}`).join(' ')];
}

function settingClauses(expected: Parts, actual: Parts): string[] {
  const [wanted, found] = [columnSettings(expected), columnSettings(actual)];
  const options = texts(actual['options']).map((option) => option.split('=')[0] ?? '');
  const gone = options.filter((name) => !texts(expected['options']).some((option) => option.startsWith(`${name}=`)));
  const reset = found
    .filter((setting) => !wanted.some((one) => wordsOf(one) === wordsOf(setting)))
    .map((setting) => RESET[wordsOf(setting)])
    .filter((clause) => clause !== undefined);
  const unset = gone.length === 0 ? [] : [`RESET (${gone.join(', ')})`];
  return [...wanted.filter((setting) => !found.includes(setting)), ...reset, ...unset];
}

const RESET: Record<string, string> = {
  'SET STATISTICS': 'SET STATISTICS -1',
  'SET COMPRESSION': 'SET COMPRESSION default',
};

function wordsOf(clause: string): string {
  return clause.split(' ').slice(0, 2).join(' ');
}

/** `pg_get_expr` writes most expressions with parentheses of their own. */
function inner(expression: string): string {
  return expression.startsWith('(') && expression.endsWith(')') ? expression.slice(1, -1) : expression;
}
