import type { AlterTableCmd, AlterTableStmt, ColumnDef, Constraint, Node, RangeVar } from 'libpg-query';

import { createdBy } from '../../engine/sql/names/created.js';
import { movesOf } from '../../engine/sql/names/moves.js';
import { strings } from '../../engine/sql/parse/walk.js';
import { columnType, type ColumnType } from './column-type.js';

/** A constraint that says that a column is not NULL. */
type NotNullCheck = { column: string; valid: boolean };

type Table = { columns: Map<string, ColumnType | undefined>; notNullChecks: Map<string, NotNullCheck> };

/** What the migrations of a directory have made so far, as far as their SQL says it. */
export type History = {
  /** Another migration begins. */
  begin(): void;
  apply(node: Node): void;
  /** Created by the migration that runs, so that nobody uses it yet and it has no rows but the migration's own. */
  isNew(table: string): boolean;
  isNewType(type: string): boolean;
  isNewIndex(index: string): boolean;
  /** Created by this or an earlier migration. */
  knows(table: string): boolean;
  typeOf(table: string, column: string): ColumnType | undefined;
  /** A validated constraint says that the column is not NULL, so that SET NOT NULL reads no rows. */
  hasNotNullCheck(table: string, column: string): boolean;
  /** The constraint was added without validation by the migration that runs. */
  isUnvalidated(table: string, constraint: string): boolean;
  /** Values that the migration that runs added to enums which are older. */
  readonly newEnumValues: ReadonlyMap<string, string>;
  /** The column was added by the migration that runs. */
  isNewColumn(table: string, column: string): boolean;
};

/** @param nameOf the name under which a table is known; other schemas' tables have theirs in front */
export function createHistory(nameOf: (relation: RangeVar) => string): History {
  const tables = new Map<string, Table>();
  let newTables = new Set<string>();
  let newTypes = new Set<string>();
  let newIndexes = new Set<string>();
  let newColumns = new Set<string>();
  let unvalidated = new Set<string>();
  let enumValues = new Map<string, string>();

  const tableOf = (name: string): Table => {
    const table = tables.get(name) ?? { columns: new Map(), notNullChecks: new Map() };
    tables.set(name, table);
    return table;
  };

  const addColumn = (name: string, definition: ColumnDef): void => {
    const { colname = '', typeName, constraints } = definition;
    tableOf(name).columns.set(colname, columnType(typeName));
    for (const one of constraints ?? []) if ('Constraint' in one) addConstraint(name, one.Constraint, colname);
  };

  const addConstraint = (name: string, constraint: Constraint, inColumn?: string): void => {
    const column = notNullColumn(constraint) ?? (constraint.contype === 'CONSTR_NOTNULL' ? inColumn : undefined);
    const { conname, skip_validation } = constraint;
    if (column !== undefined) {
      const label = constraint.contype === 'CONSTR_NOTNULL' ? 'not_null' : 'check';
      tableOf(name).notNullChecks.set(conname ?? `${name}_${column}_${label}`, {
        column,
        valid: skip_validation !== true,
      });
    }
    if (skip_validation === true && conname !== undefined && !newTables.has(name)) {
      unvalidated.add(`${name}.${conname}`);
    }
  };

  const alter = ({ relation, cmds }: AlterTableStmt): void => {
    if (relation === undefined) return;
    const name = nameOf(relation);
    for (const { subtype, name: part = '', def } of commandsOf(cmds)) {
      if (subtype === 'AT_AddColumn' && def !== undefined && 'ColumnDef' in def) {
        addColumn(name, def.ColumnDef);
        newColumns.add(`${name}.${def.ColumnDef.colname ?? ''}`);
      } else if (subtype === 'AT_DropColumn') tableOf(name).columns.delete(part);
      else if (subtype === 'AT_AlterColumnType' && def !== undefined && 'ColumnDef' in def) {
        tableOf(name).columns.set(part, columnType(def.ColumnDef.typeName));
      } else if (subtype === 'AT_AddConstraint' && def !== undefined && 'Constraint' in def) {
        addConstraint(name, def.Constraint);
      } else if (subtype === 'AT_ValidateConstraint') {
        const check = tableOf(name).notNullChecks.get(part);
        if (check !== undefined) check.valid = true;
      } else if (subtype === 'AT_DropConstraint') tableOf(name).notNullChecks.delete(part);
    }
  };

  const move = (node: Node): void => {
    if ('RenameStmt' in node) {
      const { renameType, relation, subname = '', newname = '' } = node.RenameStmt;
      if (relation !== undefined && renameType === 'OBJECT_COLUMN') {
        const { columns, notNullChecks } = tableOf(nameOf(relation));
        columns.set(newname, columns.get(subname));
        columns.delete(subname);
        for (const check of notNullChecks.values()) if (check.column === subname) check.column = newname;
        return;
      }
    }
    for (const { kind, name, schema, to } of movesOf(node)) {
      if (kind !== 'relation') continue;
      const before = nameOf(schema === undefined ? { relname: name } : { relname: name, schemaname: schema });
      const table = tables.get(before);
      const isNew = newTables.delete(before);
      tables.delete(before);
      if (to === undefined) continue;
      if (table !== undefined) tables.set(to, table);
      if (isNew) newTables.add(to);
    }
  };

  return {
    begin() {
      newTables = new Set();
      newTypes = new Set();
      newIndexes = new Set();
      newColumns = new Set();
      unvalidated = new Set();
      enumValues = new Map();
    },
    apply(node) {
      move(node);
      for (const { kind, name, schema, owner } of createdBy(node)) {
        if (kind === 'type') newTypes.add(name);
        if (owner !== undefined) newIndexes.add(name);
        if (kind !== 'relation' || owner !== undefined) continue;
        const known = nameOf(schema === undefined ? { relname: name } : { relname: name, schemaname: schema });
        tableOf(known);
        newTables.add(known);
      }
      if ('CreateStmt' in node && node.CreateStmt.relation !== undefined) {
        const name = nameOf(node.CreateStmt.relation);
        for (const element of node.CreateStmt.tableElts ?? []) {
          if ('ColumnDef' in element) addColumn(name, element.ColumnDef);
          if ('Constraint' in element) addConstraint(name, element.Constraint);
        }
      }
      if ('AlterTableStmt' in node) alter(node.AlterTableStmt);
      if (
        'AlterEnumStmt' in node &&
        node.AlterEnumStmt.newVal !== undefined &&
        node.AlterEnumStmt.oldVal === undefined
      ) {
        const type = strings(node.AlterEnumStmt.typeName).at(-1) ?? '';
        if (!newTypes.has(type)) enumValues.set(node.AlterEnumStmt.newVal, type);
      }
    },
    isNew: (table) => newTables.has(table),
    isNewType: (type) => newTypes.has(type),
    isNewIndex: (index) => newIndexes.has(index),
    knows: (table) => tables.has(table),
    typeOf: (table, column) => tables.get(table)?.columns.get(column),
    hasNotNullCheck: (table, column) =>
      [...(tables.get(table)?.notNullChecks.values() ?? [])].some((one) => one.valid && one.column === column),
    isUnvalidated: (table, constraint) => unvalidated.has(`${table}.${constraint}`),
    get newEnumValues() {
      return enumValues;
    },
    isNewColumn: (table, column) => newColumns.has(`${table}.${column}`),
  };
}

/** The parts of an `ALTER TABLE`. */
export function commandsOf(nodes: readonly Node[] | undefined): AlterTableCmd[] {
  return (nodes ?? []).flatMap((node) => ('AlterTableCmd' in node ? [node.AlterTableCmd] : []));
}

/** The column of `CHECK (column IS NOT NULL)` and of `NOT NULL column`. */
function notNullColumn({ contype, raw_expr, keys }: Constraint): string | undefined {
  if (contype === 'CONSTR_NOTNULL') return strings(keys)[0];
  if (contype !== 'CONSTR_CHECK' || raw_expr === undefined || !('NullTest' in raw_expr)) return undefined;
  const { arg, nulltesttype } = raw_expr.NullTest;
  if (nulltesttype !== 'IS_NOT_NULL' || arg === undefined || !('ColumnRef' in arg)) return undefined;
  return strings(arg.ColumnRef.fields).at(-1);
}
