import type { Constraint, Node, RangeVar } from 'libpg-query';

import { strings, walkRecords } from '../../engine/sql/parse/walk.js';
import { commandsOf } from '../history/history.js';
import type { ReadStatement } from '../read/types.js';
import type { Hit } from '../types.js';
import { constraintsOf } from './columns.js';
import { type LintScope, tableName } from './subject.js';

type Found = { hit: Hit; statement: ReadStatement };

/** A table that a migration creates, and what of its protection the same migration makes. */
type Created = { statement: ReadStatement; enabled: boolean; forced: boolean; policy: boolean };

/** What only a look at all migrations of a directory shows: tables that tenants share, and what goes around their policies. */
export type RowTablesWatch = {
  see(node: Node, statement: ReadStatement): Found[];
  /** Ends a migration. */
  finish(): Found[];
};

/** @param scope with `rows` in a project whose tenants share tables; otherwise nothing is found */
export function watchRowTables(scope: LintScope): RowTablesWatch {
  const { rows, schema, registryTables } = scope;
  if (rows === undefined || schema !== 'shared') return { see: () => [], finish: () => [] };
  const { column } = rows;
  const known = new Set<string>();
  let created = new Map<string, Created>();
  const nameOf = (relation: RangeVar | undefined): string => (relation === undefined ? '' : tableName(scope, relation));

  const create = (node: Node, statement: ReadStatement): Found[] => {
    if (!('CreateStmt' in node)) return [];
    const { relation, tableElts = [] } = node.CreateStmt;
    const name = nameOf(relation);
    const columns = tableElts.flatMap((one) => ('ColumnDef' in one ? [one.ColumnDef] : []));
    if (
      relation?.relpersistence === 't' ||
      registryTables.has(name) ||
      !columns.some((one) => one.colname === column)
    ) {
      return [];
    }
    known.add(name);
    created.set(name, { statement, enabled: false, forced: false, policy: false });
    const own = columns.flatMap((one) =>
      constraintsOf(one).map((constraint) => ({ constraint, names: [one.colname ?? ''] })),
    );
    const table = tableElts.flatMap((one) => ('Constraint' in one ? [{ constraint: one.Constraint, names: [] }] : []));
    const all = [...own, ...table];
    const hits = all.flatMap(({ constraint, names }) => ofConstraint(name, constraint, names));
    const hasKey = all.some(({ constraint }) => constraint.contype === 'CONSTR_PRIMARY');
    if (!hasKey) hits.push(hit(name, `${name} has no primary key that begins with ${column}.`));
    return hits.map((one) => ({ hit: one, statement }));
  };

  const ofConstraint = (table: string, constraint: Constraint, names: readonly string[]): Hit[] => {
    const { contype, keys = [], fk_attrs: from = [], pktable } = constraint;
    const columns = contype === 'CONSTR_FOREIGN' ? strings(from) : strings(keys);
    const all = columns.length > 0 ? columns : names;
    if (contype === 'CONSTR_PRIMARY' && constraint.indexname === undefined && all[0] !== column) {
      return [hit(table, `The primary key of ${table} does not begin with ${column}.`)];
    }
    if (contype === 'CONSTR_UNIQUE' && constraint.indexname === undefined && !all.includes(column)) {
      return [
        hit(
          table,
          `A unique constraint of ${table} lacks ${column}: a value of one tenant would be refused to all others.`,
        ),
      ];
    }
    if (contype === 'CONSTR_FOREIGN' && known.has(nameOf(pktable)) && !all.includes(column)) {
      return [
        hit(
          table,
          `A foreign key from ${table} to ${nameOf(pktable)} lacks ${column}: it lets rows of two tenants meet.`,
        ),
      ];
    }
    return [];
  };

  const alter = (node: Node, statement: ReadStatement): Found[] => {
    if (!('AlterTableStmt' in node)) return [];
    const name = nameOf(node.AlterTableStmt.relation);
    const here = created.get(name);
    return commandsOf(node.AlterTableStmt.cmds).flatMap(({ subtype, def }): Found[] => {
      if (subtype === 'AT_AddColumn' && def !== undefined && 'ColumnDef' in def && def.ColumnDef.colname === column) {
        if (!registryTables.has(name)) known.add(name);
      }
      if (!known.has(name)) return [];
      if (here !== undefined && subtype === 'AT_EnableRowSecurity') here.enabled = true;
      if (here !== undefined && subtype === 'AT_ForceRowSecurity') here.forced = true;
      if (subtype === 'AT_DisableRowSecurity' || subtype === 'AT_NoForceRowSecurity') {
        return [{ hit: hit(name, `Row-level security of ${name} is taken back.`), statement }];
      }
      const added =
        subtype === 'AT_AddConstraint' && def !== undefined && 'Constraint' in def ? def.Constraint : undefined;
      return added === undefined ? [] : ofConstraint(name, added, []).map((one) => ({ hit: one, statement }));
    });
  };

  const others = (node: Node, statement: ReadStatement): Found[] => {
    if ('CreatePolicyStmt' in node) {
      const here = created.get(nameOf(node.CreatePolicyStmt.table));
      if (here !== undefined) here.policy = true;
    }
    if ('IndexStmt' in node && node.IndexStmt.unique === true && known.has(nameOf(node.IndexStmt.relation))) {
      const columns = (node.IndexStmt.indexParams ?? []).flatMap((one) =>
        'IndexElem' in one ? [one.IndexElem.name] : [],
      );
      const name = nameOf(node.IndexStmt.relation);
      const lacks = !columns.includes(column);
      if (lacks) return [{ hit: hit(name, `A unique index of ${name} lacks ${column}.`), statement }];
    }
    if ('ViewStmt' in node) {
      const invoker = (node.ViewStmt.options ?? []).some(
        (one) =>
          'DefElem' in one &&
          one.DefElem.defname === 'security_invoker' &&
          !/"(?:false|off|0)"/.test(JSON.stringify(one.DefElem.arg ?? '')),
      );
      const read = invoker ? undefined : [...relationsIn(node)].find((name) => known.has(name));
      if (read !== undefined) {
        const message = `The view reads ${read} as its owner, for whom other policies may hold.`;
        return [
          {
            hit: {
              ...hit(read, message),
              suggestion: 'Create it WITH (security_invoker = true), from PostgreSQL 15 on.',
            },
            statement,
          },
        ];
      }
    }
    if (
      'CreateFunctionStmt' in node &&
      /"defname":"security","arg":\{"Boolean":\{"boolval":true/.test(JSON.stringify(node))
    ) {
      const read = [...known].find((name) => new RegExp(String.raw`\b${escaped(name)}\b`).test(statement.sql));
      if (read !== undefined) {
        const message = `A SECURITY DEFINER function reads ${read} as its owner, for whom other policies may hold.`;
        return [{ hit: { ...hit(read, message), suggestion: 'Leave SECURITY DEFINER out.' }, statement }];
      }
    }
    return [];
  };

  const relationsIn = (node: Node): Set<string> => {
    const found = new Set<string>();
    walkRecords(node, (_, value) => {
      if (typeof value['relname'] === 'string') found.add(nameOf(value as RangeVar));
    });
    return found;
  };

  const hit = (table: string, message: string): Hit => ({
    rule: 'row-tables',
    message,
    suggestion: 'Create it with tenantTable of pg-tenants/migrations, or as docs/row-level-tenants.md has it in SQL.',
    table,
  });

  return {
    see: (node, statement) => [...create(node, statement), ...alter(node, statement), ...others(node, statement)],
    finish: () => {
      const found = [...created].flatMap(([name, { statement, ...has }]) => {
        const lacks = [
          ...(has.enabled ? [] : ['ENABLE ROW LEVEL SECURITY']),
          ...(has.forced ? [] : ['FORCE ROW LEVEL SECURITY']),
          ...(has.policy ? [] : ['a policy']),
        ];
        const message = `${name} has the column ${column}, and in this migration lacks ${lacks.join(', ')}: each tenant sees the rows of all.`;
        return lacks.length === 0 ? [] : [{ hit: hit(name, message), statement }];
      });
      created = new Map();
      return found;
    },
  };
}

function escaped(text: string): string {
  return text.replaceAll(/[$()*+.?[\\\]^{|}]/g, String.raw`\$&`);
}
