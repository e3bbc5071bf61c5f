import type { Node, ObjectType } from 'libpg-query';

/** Change objects of a kind that the guard before a migration does not look up: operators, collations, statistics and so on. */
const TYPES: ReadonlySet<string> = new Set([
  'AlterCollationStmt',
  'AlterOpFamilyStmt',
  'AlterOperatorStmt',
  'AlterStatsStmt',
  'AlterTSConfigurationStmt',
  'AlterTSDictionaryStmt',
]);

const KINDS: ReadonlySet<ObjectType | undefined> = new Set<ObjectType>([
  'OBJECT_COLLATION',
  'OBJECT_CONVERSION',
  'OBJECT_OPCLASS',
  'OBJECT_OPERATOR',
  'OBJECT_OPFAMILY',
  'OBJECT_STATISTIC_EXT',
  'OBJECT_TSCONFIGURATION',
  'OBJECT_TSDICTIONARY',
  'OBJECT_TSPARSER',
  'OBJECT_TSTEMPLATE',
]);

/**
 * Whether a statement changes an existing object of a rare kind, which only the look before the COMMIT can tell from one of
 * the shared schema.
 */
export function hasUncheckedTarget(node: Node): boolean {
  if (TYPES.has(Object.keys(node)[0] ?? '')) return true;
  if ('DropStmt' in node) return KINDS.has(node.DropStmt.removeType);
  if ('RenameStmt' in node) return KINDS.has(node.RenameStmt.renameType);
  if ('AlterOwnerStmt' in node) return KINDS.has(node.AlterOwnerStmt.objectType);
  return 'AlterObjectSchemaStmt' in node && KINDS.has(node.AlterObjectSchemaStmt.objectType);
}
