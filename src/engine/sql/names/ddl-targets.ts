import type { AlterTableStmt, Node, RenameStmt } from 'libpg-query';

import { strings } from '../parse/walk.js';
import { dottedName, objectKindOf, objectName, relationName, relationNames, type ObjectName } from './names.js';

/** An existing object that a statement changes. */
export type DdlTargetName = ObjectName & { optional?: true };

/**
 * The existing relations, types and functions that a statement changes, schema-qualified or not.
 *
 * Left out on purpose: rows (`INSERT`, `COPY`, …), tables that a foreign key references, parents that are inherited
 * from, types of columns, functions of triggers. `CREATE OR REPLACE` is no target: it replaces only in the schema in
 * which it would create (tried on PostgreSQL 18). What `IF EXISTS` names is optional.
 */
export function targetsOf(node: Node): DdlTargetName[] {
  if ('AlterTableStmt' in node) return optional(altered(node.AlterTableStmt), node.AlterTableStmt.missing_ok);
  if ('RenameStmt' in node) return optional(renamed(node.RenameStmt), node.RenameStmt.missing_ok);
  if ('DropStmt' in node) {
    const { removeType, objects, missing_ok } = node.DropStmt;
    return optional(
      (objects ?? []).flatMap((object) => objectName(removeType, object)),
      missing_ok,
    );
  }
  if ('AlterObjectSchemaStmt' in node) {
    const { objectType, relation, object, missing_ok } = node.AlterObjectSchemaStmt;
    return optional([...relationName(relation), ...objectName(objectType, object)], missing_ok);
  }
  if ('AlterSeqStmt' in node) return optional(relationName(node.AlterSeqStmt.sequence), node.AlterSeqStmt.missing_ok);
  if ('GrantStmt' in node) {
    const { targtype, objtype, objects } = node.GrantStmt;
    return targtype === 'ACL_TARGET_OBJECT' ? (objects ?? []).flatMap((object) => objectName(objtype, object)) : [];
  }
  if ('CommentStmt' in node) return objectName(node.CommentStmt.objtype, node.CommentStmt.object);
  if ('SecLabelStmt' in node) return objectName(node.SecLabelStmt.objtype, node.SecLabelStmt.object);
  if ('AlterOwnerStmt' in node) return objectName(node.AlterOwnerStmt.objectType, node.AlterOwnerStmt.object);
  return tablesOf(node) ?? typesAndFunctionsOf(node);
}

/** Statements that change the table they stand on, or rewrite it. */
function tablesOf(node: Node): DdlTargetName[] | undefined {
  if ('IndexStmt' in node) return relationName(node.IndexStmt.relation);
  if ('CreateTrigStmt' in node) return relationName(node.CreateTrigStmt.relation);
  if ('CreatePolicyStmt' in node) return relationName(node.CreatePolicyStmt.table);
  if ('AlterPolicyStmt' in node) return relationName(node.AlterPolicyStmt.table);
  if ('RuleStmt' in node) return relationName(node.RuleStmt.relation);
  if ('TruncateStmt' in node) return relationNames(node.TruncateStmt.relations);
  if ('CreateStatsStmt' in node) return relationNames(node.CreateStatsStmt.relations);
  if ('RefreshMatViewStmt' in node) return relationName(node.RefreshMatViewStmt.relation);
  if ('ReindexStmt' in node) return relationName(node.ReindexStmt.relation);
  if ('ClusterStmt' in node) return relationName(node.ClusterStmt.relation);
  // A partition is attached to its parent, which plain inheritance leaves as it is.
  if ('CreateStmt' in node) return node.CreateStmt.partbound ? relationNames(node.CreateStmt.inhRelations) : [];
  return undefined;
}

function typesAndFunctionsOf(node: Node): DdlTargetName[] {
  if ('AlterEnumStmt' in node) return dottedName(strings(node.AlterEnumStmt.typeName), 'type');
  if ('AlterTypeStmt' in node) return dottedName(strings(node.AlterTypeStmt.typeName), 'type');
  if ('AlterDomainStmt' in node) return dottedName(strings(node.AlterDomainStmt.typeName), 'type');
  if ('AlterFunctionStmt' in node) return dottedName(strings(node.AlterFunctionStmt.func?.objname), 'function');
  if ('AlterObjectDependsStmt' in node) {
    const { objectType, relation, object } = node.AlterObjectDependsStmt;
    return [...relationName(relation), ...(relation === undefined ? objectName(objectType, object) : [])];
  }
  return [];
}

function altered({ relation, cmds, objtype }: AlterTableStmt): DdlTargetName[] {
  const partitions = (cmds ?? []).flatMap((command) => {
    const def = 'AlterTableCmd' in command ? command.AlterTableCmd.def : undefined;
    return def !== undefined && 'PartitionCmd' in def ? relationName(def.PartitionCmd.name) : [];
  });
  return [...relationName(relation, objectKindOf(objtype) ?? 'relation'), ...partitions];
}

function renamed({ renameType, relation, object }: RenameStmt): DdlTargetName[] {
  if (relation === undefined) return objectName(renameType, object);
  return relationName(relation, renameType === 'OBJECT_ATTRIBUTE' ? 'type' : 'relation');
}

function optional(targets: DdlTargetName[], missingOk: boolean | undefined): DdlTargetName[] {
  return missingOk ? targets.map((target) => ({ ...target, optional: true })) : targets;
}
