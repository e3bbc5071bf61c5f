import type { Node, ObjectType, RangeVar } from 'libpg-query';

import { strings } from '../parse/walk.js';

/** What a statement creates or changes, for the question whether it can be the tenant's own. */
export type ChangedObject =
  /** An object in a schema, or the schema itself; without `schema` the search path decides. */
  | { name: string; schema?: string }
  /** Something that is in no schema, described by a sentence. */
  | { noSchema: string };

export function changedRelation(relation: RangeVar | undefined): ChangedObject[] {
  if (relation?.relname === undefined) return [];
  const { relname, schemaname, relpersistence } = relation;
  // The schema of a temporary object is the session's, whatever name leads there.
  if (relpersistence === 't') return [{ name: relname }];
  return [named([...(schemaname === undefined ? [] : [schemaname]), relname])];
}

export function changedRelations(nodes: Node[] | undefined): ChangedObject[] {
  return (nodes ?? []).flatMap((node) => ('RangeVar' in node ? changedRelation(node.RangeVar) : []));
}

/** An object whose dotted name is a list of strings. */
export function changedName(parts: Node[] | undefined): ChangedObject[] {
  const texts = strings(parts);
  return texts.length === 0 ? [] : [named(texts)];
}

export function changedSchema(name: string | undefined): ChangedObject[] {
  return name === undefined ? [] : [{ schema: name, name: '' }];
}

/** What a generic statement (`DROP`, `COMMENT ON`, `GRANT`, `ALTER … OWNER TO`) changes; for a part of a table, the table. */
export function changedObject(type: ObjectType | undefined, node: Node | undefined): ChangedObject[] {
  const where = type === undefined ? UNKNOWN : PLACES[type];
  if (typeof where === 'object') return [where];
  if (node === undefined) return [];
  if ('RangeVar' in node) return changedRelation(node.RangeVar);
  const parts = nameParts(node);
  if (parts.length === 0) return [];
  if (where === 'schema') return changedSchema(parts.at(-1));
  if (where === 'part') return [named(parts.slice(0, -1))];
  if (where === 'domain') return [named(domainParts(node) ?? parts)];
  return [named(where === 'method' ? parts.slice(1) : parts)];
}

function named(parts: string[]): ChangedObject {
  const name = parts.at(-1) ?? '';
  const schema = parts.at(-2);
  return schema === undefined ? { name } : { name, schema };
}

function nameParts(node: Node): string[] {
  if ('TypeName' in node) return strings(node.TypeName.names);
  if ('ObjectWithArgs' in node) return strings(node.ObjectWithArgs.objname);
  if ('String' in node) return strings([node]);
  return 'List' in node ? strings(node.List.items) : [];
}

/** `COMMENT ON CONSTRAINT … ON DOMAIN` holds the domain as a type name, `ALTER DOMAIN … RENAME CONSTRAINT` as strings. */
function domainParts(node: Node): string[] | undefined {
  const first = 'List' in node ? node.List.items?.[0] : undefined;
  return first !== undefined && 'TypeName' in first ? nameParts(first) : undefined;
}

const UNKNOWN: ChangedObject = { noSchema: 'What it changes is not known to this version of tenants.' };

/** Most objects of a database server are in no schema, and so in no tenant. */
function ofDatabase(objects: string): ChangedObject {
  return { noSchema: `${objects} belong to the whole database.` };
}

function ofServer(objects: string): ChangedObject {
  return { noSchema: `${objects} belong to the whole server.` };
}

/**
 * How each type of object is named:
 * - `name`: by its own name, perhaps with a schema;
 * - `part`: by the name of its table and, last, its own;
 * - `domain`: by the name of its domain;
 * - `method`: by an access method and then its name;
 * - `schema`: by the name of a schema.
 */
export const PLACES: Readonly<Record<ObjectType, 'name' | 'part' | 'domain' | 'method' | 'schema' | ChangedObject>> = {
  OBJECT_ACCESS_METHOD: ofDatabase('Access methods'),
  OBJECT_AGGREGATE: 'name',
  OBJECT_AMOP: UNKNOWN,
  OBJECT_AMPROC: UNKNOWN,
  OBJECT_ATTRIBUTE: 'part',
  OBJECT_CAST: ofDatabase('Casts'),
  OBJECT_COLLATION: 'name',
  OBJECT_COLUMN: 'part',
  OBJECT_CONVERSION: 'name',
  OBJECT_DATABASE: ofServer('Databases'),
  OBJECT_DEFACL: ofDatabase('Default privileges'),
  OBJECT_DEFAULT: UNKNOWN,
  OBJECT_DOMAIN: 'name',
  OBJECT_DOMCONSTRAINT: 'domain',
  OBJECT_EVENT_TRIGGER: ofDatabase('Event triggers'),
  OBJECT_EXTENSION: ofDatabase('Extensions'),
  OBJECT_FDW: ofDatabase('Foreign-data wrappers'),
  OBJECT_FOREIGN_SERVER: ofDatabase('Foreign servers'),
  OBJECT_FOREIGN_TABLE: 'name',
  OBJECT_FUNCTION: 'name',
  OBJECT_INDEX: 'name',
  OBJECT_LANGUAGE: ofDatabase('Languages'),
  OBJECT_LARGEOBJECT: ofDatabase('Large objects'),
  OBJECT_MATVIEW: 'name',
  OBJECT_OPCLASS: 'method',
  OBJECT_OPERATOR: 'name',
  OBJECT_OPFAMILY: 'method',
  OBJECT_PARAMETER_ACL: ofServer('Privileges on settings'),
  OBJECT_POLICY: 'part',
  OBJECT_PROCEDURE: 'name',
  OBJECT_PUBLICATION: ofDatabase('Publications'),
  OBJECT_PUBLICATION_NAMESPACE: ofDatabase('Publications'),
  OBJECT_PUBLICATION_REL: ofDatabase('Publications'),
  OBJECT_ROLE: ofServer('Roles'),
  OBJECT_ROUTINE: 'name',
  OBJECT_RULE: 'part',
  OBJECT_SCHEMA: 'schema',
  OBJECT_SEQUENCE: 'name',
  OBJECT_STATISTIC_EXT: 'name',
  OBJECT_SUBSCRIPTION: ofDatabase('Subscriptions'),
  OBJECT_TABCONSTRAINT: 'part',
  OBJECT_TABLE: 'name',
  OBJECT_TABLESPACE: ofServer('Tablespaces'),
  OBJECT_TRANSFORM: ofDatabase('Transforms'),
  OBJECT_TRIGGER: 'part',
  OBJECT_TSCONFIGURATION: 'name',
  OBJECT_TSDICTIONARY: 'name',
  OBJECT_TSPARSER: 'name',
  OBJECT_TSTEMPLATE: 'name',
  OBJECT_TYPE: 'name',
  OBJECT_USER_MAPPING: ofDatabase('User mappings'),
  OBJECT_VIEW: 'name',
};
