import type { Node } from 'libpg-query';

import { objectKindOf, objectName, relationName, type ObjectName } from './names.js';

/** An object that loses its name: it goes away, or it is called `to` afterwards. */
export type Move = ObjectName & { to?: string };

/** What a statement drops, renames or moves to another schema. */
export function movesOf(node: Node): Move[] {
  if ('DropStmt' in node) {
    const { removeType, objects } = node.DropStmt;
    // DROP TRIGGER names a table too, which stays.
    return objectKindOf(removeType) === undefined
      ? []
      : (objects ?? []).flatMap((object) => objectName(removeType, object));
  }
  if ('AlterObjectSchemaStmt' in node) {
    const { objectType, relation, object } = node.AlterObjectSchemaStmt;
    return [...relationName(relation), ...objectName(objectType, object)];
  }
  if ('AlterTableStmt' in node) return takenOverIndexes(node.AlterTableStmt.cmds ?? []);
  if (!('RenameStmt' in node)) return [];
  const { renameType, relation, object, subname, newname } = node.RenameStmt;
  if (newname === undefined) return [];
  if (renameType === 'OBJECT_TABCONSTRAINT') {
    // The index of a key is renamed along with its constraint.
    return subname === undefined ? [] : [{ kind: 'relation', name: subname, to: newname }];
  }
  if (objectKindOf(renameType) === undefined) return [];
  return [...relationName(relation), ...objectName(renameType, object)].map((name) => ({ ...name, to: newname }));
}

/** `ADD CONSTRAINT k UNIQUE USING INDEX i` renames the index to the constraint's name. */
function takenOverIndexes(commands: Node[]): Move[] {
  return commands.flatMap((command): Move[] => {
    const def = 'AlterTableCmd' in command ? command.AlterTableCmd.def : undefined;
    if (def === undefined || !('Constraint' in def)) return [];
    const { indexname, conname } = def.Constraint;
    return indexname === undefined || conname === undefined ? [] : [{ kind: 'relation', name: indexname, to: conname }];
  });
}
