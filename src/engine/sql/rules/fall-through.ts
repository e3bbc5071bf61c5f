import type { Node } from 'libpg-query';

import type { DdlTarget } from '../../types.js';
import { createdBy } from '../names/created.js';
import { targetsOf } from '../names/ddl-targets.js';
import { knownNames } from '../names/known-names.js';
import { movesOf } from '../names/moves.js';
import type { CreatedName } from '../types.js';
import { bodyStatements } from './body-statements.js';
import { isDynamic } from './effects.js';
import { changesSearchPath } from './session-state.js';

export type FallThrough = {
  targets: DdlTarget[];
  creates: CreatedName[];
  dynamic: boolean;
  /** The first statement after which unqualified names are no longer the tenant's. */
  leavesSearchPath: number | undefined;
};

/**
 * The first half of the fall-through check for one text: which unqualified objects must be the tenant's own.
 *
 * Raises no false alarm: an object that the text creates itself is no target; after code that may create anything
 * targets are optional; after a change of the search path there are none. Indexes and sequences that the text drops or
 * alters are optional always, because their names are often the server's choice.
 */
export function fallThrough(nodes: Node[], migration: string): FallThrough {
  const known = knownNames();
  const targets = new Map<string, DdlTarget>();
  let dynamic = false;
  for (const [index, node] of nodes.entries()) {
    const lenient = dynamic || namesIndexOrSequence(node);
    for (const { kind, name, schema, optional } of targetsOf(node)) {
      if (schema !== undefined || known.has(kind, name)) continue;
      const key = `${kind} ${name}`;
      if (optional !== true && !lenient) targets.set(key, { kind, name, migration });
      else if (!targets.has(key)) targets.set(key, { kind, name, migration, optional: true });
    }
    for (const move of movesOf(node)) known.move(move);
    const body = bodyStatements(node);
    for (const object of [node, ...body].flatMap(createdBy)) known.add(object);
    // A block may do it or not: what it renames has its new name, and what it drops still has its own.
    for (const { to, ...object } of body.flatMap(movesOf)) {
      if (to !== undefined) known.add({ ...object, name: to });
    }
    dynamic ||= isDynamic(node);
    if (changesSearchPath(node)) {
      return { targets: [...targets.values()], creates: known.list(), dynamic, leavesSearchPath: index };
    }
  }
  return { targets: [...targets.values()], creates: known.list(), dynamic, leavesSearchPath: undefined };
}

function namesIndexOrSequence(node: Node): boolean {
  const type =
    ('DropStmt' in node && node.DropStmt.removeType) ||
    ('RenameStmt' in node && node.RenameStmt.renameType) ||
    ('AlterTableStmt' in node && node.AlterTableStmt.objtype) ||
    ('CommentStmt' in node && node.CommentStmt.objtype) ||
    ('GrantStmt' in node && node.GrantStmt.objtype) ||
    ('AlterObjectSchemaStmt' in node && node.AlterObjectSchemaStmt.objectType) ||
    '';
  return 'AlterSeqStmt' in node || type === 'OBJECT_INDEX' || type === 'OBJECT_SEQUENCE';
}
