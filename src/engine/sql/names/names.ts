import type { Node, RangeVar } from 'libpg-query';

import type { DdlTarget } from '../../types.js';
import { strings } from '../parse/walk.js';

export type ObjectKind = DdlTarget['kind'];

/** An object as a statement names it; `schema` only where the statement says so. */
export type ObjectName = { kind: ObjectKind; name: string; schema?: string };

export function relationName(relation: RangeVar | undefined, kind: ObjectKind = 'relation'): ObjectName[] {
  if (relation?.relname === undefined) return [];
  const { relname: name, schemaname: schema } = relation;
  return [schema === undefined ? { kind, name } : { kind, name, schema }];
}

export function relationNames(nodes: Node[] | undefined): ObjectName[] {
  return (nodes ?? []).flatMap((node) => ('RangeVar' in node ? relationName(node.RangeVar) : []));
}

/** A dotted name, as most statements hold it: a list of strings. */
export function dottedName(parts: string[], kind: ObjectKind): ObjectName[] {
  const name = parts.at(-1);
  const schema = parts.at(-2);
  if (name === undefined) return [];
  return [schema === undefined ? { kind, name } : { kind, name, schema }];
}

/** What the grammar's object types are to us; the ones that are not here are never targets. */
const KINDS: Record<string, ObjectKind> = {
  OBJECT_TABLE: 'relation',
  OBJECT_VIEW: 'relation',
  OBJECT_MATVIEW: 'relation',
  OBJECT_INDEX: 'relation',
  OBJECT_SEQUENCE: 'relation',
  OBJECT_FOREIGN_TABLE: 'relation',
  OBJECT_TYPE: 'type',
  OBJECT_DOMAIN: 'type',
  OBJECT_FUNCTION: 'function',
  OBJECT_PROCEDURE: 'function',
  OBJECT_ROUTINE: 'function',
  OBJECT_AGGREGATE: 'function',
};

/** Objects that are named by their table: the last part is their own name, the rest the table's. */
const PARTS_OF_A_RELATION: ReadonlySet<string> = new Set([
  'OBJECT_COLUMN',
  'OBJECT_TABCONSTRAINT',
  'OBJECT_TRIGGER',
  'OBJECT_POLICY',
  'OBJECT_RULE',
]);

export function objectKindOf(objectType: string | undefined): ObjectKind | undefined {
  return KINDS[objectType ?? ''];
}

/** The object that a generic statement (`DROP`, `COMMENT ON`, `ALTER … OWNER TO`) names; for a part of a table, the table. */
export function objectName(objectType: string | undefined, node: Node | undefined): ObjectName[] {
  if (node === undefined) return [];
  if (PARTS_OF_A_RELATION.has(objectType ?? '')) return dottedName(nameParts(node).slice(0, -1), 'relation');
  if (objectType === 'OBJECT_DOMCONSTRAINT') return dottedName(domainParts(node), 'type');
  const kind = objectKindOf(objectType);
  if (kind === undefined) return [];
  return 'RangeVar' in node ? relationName(node.RangeVar, kind) : dottedName(nameParts(node), kind);
}

function nameParts(node: Node): string[] {
  if ('List' in node) return strings(node.List.items);
  if ('TypeName' in node) return strings(node.TypeName.names);
  if ('ObjectWithArgs' in node) return strings(node.ObjectWithArgs.objname);
  return 'String' in node ? strings([node]) : [];
}

/** `COMMENT ON CONSTRAINT c ON DOMAIN d` holds the domain as a type name, `ALTER DOMAIN d RENAME CONSTRAINT` as strings. */
function domainParts(node: Node): string[] {
  const first = 'List' in node ? node.List.items?.[0] : undefined;
  return first !== undefined && 'TypeName' in first ? nameParts(first) : nameParts(node);
}
