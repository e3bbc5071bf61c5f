import type { Node, RangeVar } from 'libpg-query';

import { strings, walkRecords } from '../../engine/sql/parse/walk.js';
import { changesSearchPath } from '../../engine/sql/rules/session-state.js';
import { commandsOf } from '../history/history.js';
import type { Hit } from '../types.js';
import { constraintsOf } from './columns.js';
import type { Check, LintScope, Subject } from './subject.js';

/** What a migration that runs in many schemas must not say. Migrations of the shared schema run once. */
export const checkTenants: Check = (subject) => {
  if (subject.scope.schema === 'shared') return [];
  return [...foreignKeys(subject), ...names(subject), ...searchPath(subject.node)];
};

/** Schemas that are in every database and every session. */
const EVERYWHERE: ReadonlySet<string> = new Set(['pg_catalog', 'information_schema', 'pg_temp', 'pg_toast']);

function names({ node, scope }: Subject): Hit[] {
  const found = new Map<string, { schema: string; what: string; at: number | undefined }>();
  walkRecords(node, (key, value) => {
    for (const { schema, name } of namesIn(key, value)) {
      if (EVERYWHERE.has(schema) || scope.extraSearchPath.includes(schema)) continue;
      const at = typeof value['location'] === 'number' ? value['location'] : undefined;
      const known = found.get(schema);
      // The walk has no order; the first place in the text is the one to show.
      if (known === undefined || (at ?? 0) < (known.at ?? 0)) {
        found.set(schema, { schema, what: `${schema}.${name}`, at });
      }
    }
  });
  return [...found.values()].map((one) => named(scope, one));
}

function namesIn(key: string, value: Record<string, unknown>): { schema: string; name: string }[] {
  if (typeof value['schemaname'] === 'string' && typeof value['relname'] === 'string') {
    return [{ schema: value['schemaname'], name: value['relname'] }];
  }
  const parts =
    key === 'FuncCall' ? value['funcname'] : key === 'TypeName' || key === 'typeName' ? value['names'] : undefined;
  if (!Array.isArray(parts)) return [];
  const texts = strings(parts as Node[]);
  const [schema, name] = texts.slice(-2);
  return texts.length < 2 || schema === undefined || name === undefined ? [] : [{ schema, name }];
}

function named(
  { sharedSchema }: LintScope,
  { schema, what, at }: { schema: string; what: string; at: number | undefined },
): Hit {
  if (schema === sharedSchema) {
    return {
      rule: 'shared-schema-name',
      message: `${what} names the shared schema, whose name is a setting of the project.`,
      suggestion: 'Leave the schema out: the search path finds the shared schema behind that of the tenant.',
      at,
    };
  }
  return {
    rule: 'other-schema',
    message: `${what} names the schema ${schema}, and the migration runs in every tenant: all of them would use this one.`,
    suggestion:
      'Leave the schema out where the object of the tenant is meant. A schema that all tenants may use belongs in tenants.extraSearchPath.',
    at,
  };
}

function foreignKeys({ node, scope, history }: Subject): Hit[] {
  return constraintsIn(node).flatMap((target): Hit[] => {
    const { schemaname, relname = '' } = target;
    const isShared =
      schemaname === scope.sharedSchema ||
      (schemaname === undefined && !history.knows(relname) && scope.sharedTables.has(relname));
    if (!isShared) return [];
    return [
      {
        rule: 'foreign-key-to-shared',
        message:
          `The foreign key to ${relname} of the shared schema takes a lock on ${relname} for each tenant, so tenants are migrated one ` +
          `after the other and writes to ${relname} wait; later, every delete there looks into the table of each tenant.`,
        suggestion: `Keep the value without a foreign key, or copy ${relname} into each tenant.`,
        at: target.location,
        lock: 'SHARE ROW EXCLUSIVE',
      },
    ];
  });
}

/** The tables that foreign keys of a statement refer to. */
function constraintsIn(node: Node): RangeVar[] {
  const elements = [
    ...('CreateStmt' in node ? (node.CreateStmt.tableElts ?? []) : []),
    ...('AlterTableStmt' in node ? commandsOf(node.AlterTableStmt.cmds).flatMap(({ def }) => def ?? []) : []),
  ];
  return elements.flatMap((element) => {
    const constraints =
      'Constraint' in element ? [element.Constraint] : 'ColumnDef' in element ? constraintsOf(element.ColumnDef) : [];
    return constraints.flatMap(({ contype, pktable }) => (contype === 'CONSTR_FOREIGN' && pktable ? [pktable] : []));
  });
}

function searchPath(node: Node): Hit[] {
  const options =
    'CreateFunctionStmt' in node
      ? node.CreateFunctionStmt.options
      : 'AlterFunctionStmt' in node
        ? node.AlterFunctionStmt.actions
        : [];
  const keeps = (options ?? []).some((option) => {
    const set = 'DefElem' in option && option.DefElem.defname === 'set' ? option.DefElem.arg : undefined;
    if (set === undefined || !('VariableSetStmt' in set)) return false;
    return set.VariableSetStmt.kind === 'VAR_SET_CURRENT' && set.VariableSetStmt.name === 'search_path';
  });
  const hits: Hit[] = [];
  if (keeps) {
    hits.push({
      rule: 'search-path-from-current',
      message:
        'SET search_path FROM CURRENT writes the name of each tenant into its function, which goes on to use that schema after a rename, and in a clone.',
      suggestion:
        "Set the path to '' and have the function take the schema from its arguments, or from TG_TABLE_SCHEMA in a trigger.",
    });
  }
  if (changesSearchPath(node)) {
    hits.push({
      rule: 'change-search-path',
      message: "The search path is changed: names after it are not looked up in the tenant's schema.",
      suggestion: 'Leave it as it is; the tenant, the shared schema and tenants.extraSearchPath are in it.',
    });
  }
  return hits;
}
