import type { NameKind } from './own-names.js';

/** A name in a parse tree that begins with the application's schema. */
export type QualifiedName = { kinds: readonly NameKind[]; name: string };

/** Answers whether the schema goes. */
export type Decide = (found: QualifiedName) => boolean;

type Fields = Record<string, unknown>;

/** Fields that hold a dotted name as a list of strings, whatever node they are part of. */
const NAME_FIELDS: Record<string, readonly NameKind[]> = {
  // Of TypeName; the rows of a table have a type of its name.
  names: ['type', 'relation'],
  // Of CreateEnumStmt, AlterEnumStmt, AlterTypeStmt, CreateRangeStmt and AlterDomainStmt; in a column it is a node instead.
  typeName: ['type'],
  domainname: ['type'],
  funcname: ['function'],
  objname: ['function', 'other'],
  defnames: ['type', 'function', 'other'],
  collname: ['other'],
  collation: ['other'],
  opclass: ['other'],
};

/** Statements that hold the name of any object in a field, and the field with its type. */
const OBJECT_FIELDS: Record<string, [objects: string, type: string]> = {
  DropStmt: ['objects', 'removeType'],
  CommentStmt: ['object', 'objtype'],
  SecLabelStmt: ['object', 'objtype'],
  AlterOwnerStmt: ['object', 'objectType'],
  AlterObjectSchemaStmt: ['object', 'objectType'],
  AlterObjectDependsStmt: ['object', 'objectType'],
  RenameStmt: ['object', 'renameType'],
  AlterExtensionContentsStmt: ['object', 'objtype'],
};

/**
 * A copy of a parse tree in which the names that `decide` chooses have no schema any more. `decide` is asked about each name
 * that begins with `schema`, in the place where the grammar has a name of an object: aliases, columns and texts are none.
 */
export function withoutSchema<Tree>(tree: Tree, schema: string, decide: Decide): Tree {
  const copy = structuredClone(tree);
  // Iterative, because ten thousand added-up terms make a tree ten thousand levels deep.
  const open: unknown[] = [copy];
  while (open.length > 0) {
    const next = open.pop();
    if (Array.isArray(next)) open.push(...(next as unknown[]));
    else if (isFields(next)) {
      for (const [key, value] of Object.entries(next)) {
        if (isFields(value)) visit(key, value, schema, decide);
        open.push(value);
      }
    }
  }
  return copy;
}

/** Fields such as `relation` hold a node without its type as the key, so that a table is known by its own fields. */
function visit(type: string, node: Fields, schema: string, decide: Decide): void {
  if (node['schemaname'] === schema && typeof node['relname'] === 'string') {
    // CREATE TYPE … AS (…) and ALTER TYPE … ATTRIBUTE hold a type as if it were a table.
    if (decide({ kinds: ['relation', 'type'], name: node['relname'] })) delete node['schemaname'];
    return;
  }
  if (type === 'ColumnRef') {
    const { fields } = node;
    // schema.table.column; with two parts the first is a table.
    if (Array.isArray(fields) && fields.length >= 3) shorten(fields, ['relation'], schema, decide);
    return;
  }
  for (const [field, kinds] of Object.entries(NAME_FIELDS)) {
    const value = node[field];
    if (Array.isArray(value) && (field !== 'names' || 'typemod' in node)) shorten(value, kinds, schema, decide);
  }
  if (type === 'A_Expr' && Array.isArray(node['name'])) shorten(node['name'], ['other'], schema, decide);
  const objects = OBJECT_FIELDS[type];
  if (objects !== undefined) shortenObjects(node, objects, schema, decide);
}

function shortenObjects(node: Fields, [field, typeField]: [string, string], schema: string, decide: Decide): void {
  const value = node[field];
  const kinds = kindsOf(String(node[typeField]));
  for (const object of Array.isArray(value) ? (value as unknown[]) : [value]) {
    const list = isFields(object) ? object['List'] : undefined;
    const items = isFields(list) ? list['items'] : undefined;
    if (Array.isArray(items)) shorten(items, kinds, schema, decide);
  }
}

function kindsOf(objectType: string): readonly NameKind[] {
  if (/^OBJECT_(TYPE|DOMAIN|DOMCONSTRAINT|ATTRIBUTE)$/.test(objectType)) return ['type'];
  if (/^OBJECT_(FUNCTION|PROCEDURE|ROUTINE|AGGREGATE)$/.test(objectType)) return ['function'];
  // COMMENT ON COLUMN is about composite types too.
  if (objectType === 'OBJECT_COLUMN') return ['relation', 'type'];
  return /^OBJECT_(TABLE|VIEW|MATVIEW|INDEX|SEQUENCE|FOREIGN_TABLE|TABCONSTRAINT|TRIGGER|POLICY|RULE)$/.test(objectType)
    ? ['relation']
    : ['other'];
}

/** Takes the schema from the front of a list of names. */
function shorten(parts: unknown[], kinds: readonly NameKind[], schema: string, decide: Decide): void {
  if (parts.length < 2 || text(parts[0]) !== schema) return;
  const name = text(parts[1]);
  if (name !== undefined && decide({ kinds, name })) parts.shift();
}

function text(node: unknown): string | undefined {
  const string = isFields(node) ? node['String'] : undefined;
  const value = isFields(string) ? string['sval'] : undefined;
  return typeof value === 'string' ? value : undefined;
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
