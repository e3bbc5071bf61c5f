import type { Node } from 'libpg-query';

import { parseTree } from '../../sql/parse/parser.js';
import { BUILTIN_TYPES } from './builtin-types.js';
import { codeOf } from './code.js';
import { type Literal, namedByText } from './named-by-text.js';
import type { NameKind, OwnNames } from './own-names.js';
import { withoutSchema } from './qualified-names.js';
import { type QualifiedPlace, readPlaces, type StringPlace } from './tokens.js';

export type QualifierRules = {
  /** The schema by which the folder calls its own objects. */
  schema: string;
  own: OwnNames;
  /** Whether a name with the schema is the folder's own even where that was created without one. */
  generated: boolean;
};

/** Why a name cannot be decided about, and where the statement begins in the text (UTF-16 units). */
export type Undecided = { reason: string; index: number; statement: string };

export type Unqualified = { text: string; undecided: Undecided[] };

/** A stretch of a text to replace, in bytes of UTF-8. */
type Edit = { start: number; end: number; by: string };

/**
 * Takes the application's schema away from the names of objects that the folder creates itself, so that they are found in the
 * schema of each tenant. Lines stay where they are. `CREATE SCHEMA IF NOT EXISTS` of that schema is left out.
 *
 * The parse tree says which names are meant, the tokens where they stand, and the parse tree of the result, which must be
 * the first one without these schemas, that nothing else has changed. Pure; `loadSqlParser` must have been awaited.
 */
export function removeQualifiers(text: string, rules: QualifierRules): Unqualified {
  if (!text.toLowerCase().includes(rules.schema.toLowerCase())) return { text, undecided: [] };
  const bytes = Buffer.from(text, 'utf8');
  const parsed = parseTree(text);
  const places = readPlaces(bytes, text, rules.schema);
  if (!parsed.ok || places === undefined) return unreadable(text, places?.qualified ?? [], rules);

  const edits: Edit[] = [];
  const undecided: Undecided[] = [];
  const expected: Node[] = [];
  for (const { node, start, length } of parsed.statements) {
    const end = length === undefined ? bytes.length : start + length;
    const within = <Place extends { start: number }>(one: Place): boolean => one.start >= start && one.start < end;
    if (createsSchema(node, rules.schema)) {
      edits.push({ start, end: bytes[end] === SEMICOLON ? end + 1 : end, by: '' });
      continue;
    }
    const outcome = examine(node, places.qualified.filter(within), places.strings.filter(within), rules);
    edits.push(...outcome.edits);
    expected.push(outcome.node);
    const at = { index: bytes.toString('utf8', 0, start).length, statement: bytes.toString('utf8', start, end) };
    undecided.push(...outcome.reasons.map((reason) => ({ reason, ...at })));
  }
  if (undecided.length > 0 || edits.length === 0) return { text, undecided };
  const changed = replaceAll(bytes, edits);
  const after = parseTree(changed);
  if (
    after.ok &&
    sameTree(
      after.statements.map(({ node }) => node),
      expected,
    )
  ) {
    return { text: changed, undecided };
  }
  const first = Math.min(...edits.map(({ start }) => start));
  const statement = parsed.statements.findLast(({ start }) => start <= first);
  const index = bytes.toString('utf8', 0, statement?.start ?? 0).length;
  const reason = `The schema ${rules.schema} cannot be taken out of the names without changing something else.`;
  return { text, undecided: [{ reason, index, statement: text.slice(index) }] };
}

const SEMICOLON = 0x3b;

type Examined = { node: Node; edits: Edit[]; reasons: string[] };

function examine(node: Node, places: QualifiedPlace[], strings: StringPlace[], rules: QualifierRules): Examined {
  const reasons = new Set<string>();
  const decisions = new Map<string, Set<boolean>>();
  const decide = (kinds: readonly NameKind[], name: string): boolean => {
    const own = rules.own.has(kinds, name);
    const why = own ? undecidable(kinds, name, rules) : undefined;
    if (why !== undefined) reasons.add(why);
    const decided = decisions.get(name) ?? new Set();
    decisions.set(name, decided.add(own));
    return own;
  };
  const changed = withoutSchema(node, rules.schema, ({ kinds, name }) => decide(kinds, name));

  const edits: Edit[] = [];
  for (const [name, decided] of decisions) {
    if (decided.size > 1) {
      reasons.add(`${rules.schema}.${name} is the name of a table or type of this folder and of something else.`);
    }
    const here = decided.has(true) ? places.filter((place) => place.name === name) : [];
    edits.push(...here.map((place) => withoutPlace(place)));
  }
  const texts = new Map<string, string>();
  for (const literal of namedByText(node, rules.schema)) {
    if (decide(literal.kinds, literal.name)) edits.push(...editLiteral(literal, strings, texts));
  }
  const code = codeOf(node, strings);
  for (const { place, text, open } of code.bodies) {
    const outcome = examineCode(text, rules);
    for (const reason of outcome.reasons) reasons.add(reason);
    if (outcome.text === text) continue;
    texts.set(text, outcome.text);
    edits.push({ start: place.start, end: place.end, by: `${open}${outcome.text}${open}` });
  }
  for (const text of code.unreachable) for (const reason of mentions(text, rules)) reasons.add(reason);
  return { node: replaceTexts(changed, texts), edits, reasons: [...reasons] };
}

/** Why a name of the folder's own cannot lose its schema. */
function undecidable(
  kinds: readonly NameKind[],
  name: string,
  { schema, own, generated }: QualifierRules,
): string | undefined {
  if (!generated && !own.isQualified(kinds, name)) {
    return (
      `The folder creates ${name} without a schema and names ${schema}.${name} here: ` +
      `whether that is the tenant's own or one in ${schema} cannot be decided.`
    );
  }
  return kinds[0] === 'type' && BUILTIN_TYPES.has(name)
    ? `Without its schema, the type ${schema}.${name} would be PostgreSQL's own ${name}.`
    : undefined;
}

/** A body of code: names are taken by their tokens, because the grammar of its language is another one. */
function examineCode(text: string, rules: QualifierRules): { text: string; reasons: string[] } {
  if (!text.toLowerCase().includes(rules.schema.toLowerCase())) return { text, reasons: [] };
  const bytes = Buffer.from(text, 'utf8');
  const places = readPlaces(bytes, text, rules.schema);
  if (places === undefined) return { text, reasons: mentions(text, rules) };
  const reasons = new Set<string>();
  const edits = places.qualified.flatMap((place) => {
    if (!rules.own.has(ANY_KIND, place.name)) return [];
    const why = undecidable(ANY_KIND, place.name, rules);
    if (why !== undefined) reasons.add(why);
    return [withoutPlace(place)];
  });
  for (const { written } of places.strings) for (const reason of mentions(written, rules)) reasons.add(reason);
  return { text: replaceAll(bytes, edits), reasons: [...reasons] };
}

const ANY_KIND: readonly NameKind[] = ['relation', 'type', 'function'];

/** A text that is not read as SQL but names something of the folder's own. */
function mentions(text: string, { schema, own }: QualifierRules): string[] {
  const escaped = schema.replaceAll(/[^\w]/g, String.raw`\$&`);
  const pattern = new RegExp(`(?<![\\w$"])"?${escaped}"?\\s*\\.\\s*("[^"]+"|[A-Za-z_\\u0080-\\uFFFF][\\w$]*)`, 'gi');
  return [...text.matchAll(pattern)].flatMap(([found, written = '']) => {
    const name = written.startsWith('"') ? written.slice(1, -1) : written.toLowerCase();
    if (!own.has(ANY_KIND, name)) return [];
    return [`A text inside of code names ${found}: whether it is run as SQL cannot be decided.`];
  });
}

function editLiteral({ text, written, bare }: Literal, strings: StringPlace[], texts: Map<string, string>): Edit[] {
  texts.set(text, bare);
  return strings
    .filter((place) => place.written === written)
    .map(({ start, end }) => ({ start, end, by: `'${bare.replaceAll("'", "''")}'` }));
}

/** Everything before the name goes; a name that is a word of the grammar is quoted. */
function withoutPlace({ start, nameStart, nameEnd, name, keyword }: QualifiedPlace): Edit {
  return keyword ? { start, end: nameEnd, by: `"${name}"` } : { start, end: nameStart, by: '' };
}

function createsSchema(node: Node, schema: string): boolean {
  if (!('CreateSchemaStmt' in node)) return false;
  const { schemaname, if_not_exists, authrole, schemaElts } = node.CreateSchemaStmt;
  return schemaname === schema && if_not_exists === true && authrole === undefined && (schemaElts ?? []).length === 0;
}

function unreadable(text: string, places: readonly QualifiedPlace[], { schema, own }: QualifierRules): Unqualified {
  const place = places.find(({ name }) => own.has(ANY_KIND, name));
  if (place === undefined) return { text, undecided: [] };
  const index = Buffer.from(text, 'utf8').toString('utf8', 0, place.start).length;
  const reason = `The text cannot be read as SQL, so that ${schema}.${place.name} cannot be decided about.`;
  return { text, undecided: [{ reason, index, statement: text.slice(index) }] };
}

/** Line breaks stay, so that every statement keeps its line. */
function replaceAll(bytes: Buffer, edits: readonly Edit[]): string {
  const parts: string[] = [];
  let at = 0;
  for (const { start, end, by } of edits.toSorted((one, other) => one.start - other.start)) {
    if (start < at) continue;
    const breaks = bytes.toString('utf8', start, end).split('\n').length - by.split('\n').length;
    parts.push(bytes.toString('utf8', at, start), '\n'.repeat(Math.max(0, breaks)), by);
    at = end;
  }
  return parts.join('') + bytes.toString('utf8', at);
}

function replaceTexts(node: Node, texts: ReadonlyMap<string, string>): Node {
  if (texts.size === 0) return node;
  return JSON.parse(JSON.stringify(node), (key, value: unknown) =>
    key === 'sval' && typeof value === 'string' ? (texts.get(value) ?? value) : value,
  ) as Node;
}

function sameTree(found: readonly Node[], expected: readonly Node[]): boolean {
  return withoutPlaces(found) === withoutPlaces(expected);
}

/** Places are the only numbers that a change of the text may change. */
function withoutPlaces(nodes: readonly Node[]): string {
  return JSON.stringify(nodes, (key, value: unknown) =>
    typeof value === 'number' && /location$|^list_(?:start|end)$|_list_(?:start|end)$|^stmt_len$/.test(key)
      ? undefined
      : value,
  );
}
