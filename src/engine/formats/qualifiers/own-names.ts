import type { Node } from 'libpg-query';

import { createdBy } from '../../sql/names/created.js';
import { strings } from '../../sql/parse/walk.js';
import { bodyStatements } from '../../sql/rules/body-statements.js';

/** Kinds that have name spaces of their own in a schema; `other` is collations, operators, statistics and the like. */
export type NameKind = 'relation' | 'type' | 'function' | 'other';

/** What a folder has created up to some file. */
export type OwnNames = {
  /** Whether the folder creates an object of one of the kinds, under whatever name of a schema. */
  has(kinds: readonly NameKind[], name: string): boolean;
  /** Whether it creates it with the application's schema; one created without a schema is not certain to be meant. */
  isQualified(kinds: readonly NameKind[], name: string): boolean;
  /** Adds what a statement creates. */
  add(node: Node): void;
};

/** @param schema the one by which the folder calls its own objects */
export function ownNames(schema: string): OwnNames {
  const names = new Map<string, 'qualified' | 'bare'>();
  const key = (kind: NameKind, name: string): string => `${kind} ${name}`;
  const note = (kind: NameKind, name: string, qualifier: string | undefined): void => {
    if (qualifier !== undefined && qualifier !== schema) return;
    if (qualifier === schema || !names.has(key(kind, name))) {
      names.set(key(kind, name), qualifier === schema ? 'qualified' : 'bare');
    }
  };
  const found = (kinds: readonly NameKind[], name: string): ('qualified' | 'bare')[] =>
    kinds.flatMap((kind) => names.get(key(kind, name)) ?? []);

  return {
    has: (kinds, name) => found(kinds, name).length > 0,
    isQualified: (kinds, name) => found(kinds, name).includes('qualified'),
    add(node) {
      for (const one of [node, ...bodyStatements(node)]) {
        for (const { kind, name, schema: qualifier, temporary } of createdBy(one)) {
          if (temporary === undefined) note(kind, name, qualifier);
        }
        for (const [kind, name, qualifier] of renamedBy(one)) note(kind, name, qualifier);
        for (const { name, qualifier } of otherCreatedBy(one)) note('other', name, qualifier);
      }
    },
  };
}

/** `ALTER … RENAME TO`: the new name lies in the schema of the old one. */
function renamedBy(node: Node): [NameKind, string, string | undefined][] {
  if (!('RenameStmt' in node)) return [];
  const { renameType, relation, object, newname } = node.RenameStmt;
  if (newname === undefined) return [];
  if (relation !== undefined) {
    return /^OBJECT_(TABLE|VIEW|MATVIEW|INDEX|SEQUENCE|FOREIGN_TABLE)$/.test(renameType ?? '')
      ? [['relation', newname, relation.schemaname]]
      : [];
  }
  const parts = nameParts(object);
  const qualifier = parts.length > 1 ? parts.at(-2) : undefined;
  if (renameType === 'OBJECT_TYPE' || renameType === 'OBJECT_DOMAIN') return [['type', newname, qualifier]];
  return /^OBJECT_(FUNCTION|PROCEDURE|ROUTINE|AGGREGATE)$/.test(renameType ?? '')
    ? [['function', newname, qualifier]]
    : [];
}

function otherCreatedBy(node: Node): { name: string; qualifier: string | undefined }[] {
  const parts =
    'CreateStatsStmt' in node
      ? strings(node.CreateStatsStmt.defnames)
      : 'DefineStmt' in node && !/^OBJECT_(TYPE|AGGREGATE)$/.test(node.DefineStmt.kind ?? '')
        ? strings(node.DefineStmt.defnames)
        : [];
  const name = parts.at(-1);
  return name === undefined ? [] : [{ name, qualifier: parts.at(-2) }];
}

function nameParts(node: Node | undefined): string[] {
  if (node === undefined) return [];
  if ('List' in node) return strings(node.List.items);
  if ('ObjectWithArgs' in node) return strings(node.ObjectWithArgs.objname);
  return 'TypeName' in node ? strings(node.TypeName.names) : [];
}
