import type { IntoClause, Node, RangeVar } from 'libpg-query';

import { strings } from '../parse/walk.js';
import { columnSequenceName, constraintIndexName, indexName } from './implicit-names.js';
import { dottedName, relationName, type ObjectKind, type ObjectName } from './names.js';

/** An object that a statement creates. */
export type CreatedObject = ObjectName & {
  /** Temporary for the session, or only until the transaction ends (`ON COMMIT DROP`). */
  temporary?: 'session' | 'transaction';
  /** The table it belongs to and goes with. */
  owner?: string;
  /** The server chose the name and adds a number where it is taken. */
  generated?: true;
};

/**
 * The relations, types and functions that a statement creates, with the indexes and sequences that come with a table.
 *
 * What `LIKE … INCLUDING INDEXES`, partitions and extensions bring along cannot be known from the text and is left out.
 */
export function createdBy(node: Node): CreatedObject[] {
  if ('CreateStmt' in node) return table(node.CreateStmt.relation, node.CreateStmt.tableElts, node.CreateStmt.oncommit);
  if ('CreateForeignTableStmt' in node) {
    return table(node.CreateForeignTableStmt.base?.relation, node.CreateForeignTableStmt.base?.tableElts);
  }
  if ('AlterTableStmt' in node) {
    const added = (node.AlterTableStmt.cmds ?? []).flatMap((command) => {
      const def = 'AlterTableCmd' in command ? command.AlterTableCmd.def : undefined;
      return def === undefined ? [] : [def];
    });
    return partsOf(node.AlterTableStmt.relation, added);
  }
  if ('IndexStmt' in node) {
    const { idxname, relation } = node.IndexStmt;
    return owned(relation, idxname ?? indexName(node.IndexStmt), idxname === undefined);
  }
  if ('ViewStmt' in node) return relation(node.ViewStmt.view);
  if ('CreateSeqStmt' in node) return relation(node.CreateSeqStmt.sequence);
  if ('CreateTableAsStmt' in node) return into(node.CreateTableAsStmt.into);
  if ('SelectStmt' in node) return into(node.SelectStmt.intoClause);
  return typeOrFunction(node);
}

function typeOrFunction(node: Node): CreatedObject[] {
  if ('CompositeTypeStmt' in node) {
    const { typevar } = node.CompositeTypeStmt;
    // A composite type has a row in pg_class too, by which COMMENT ON COLUMN finds it.
    return [...relation(typevar, 'type'), ...relation(typevar)];
  }
  if ('CreateEnumStmt' in node) return dotted(node.CreateEnumStmt.typeName, 'type');
  if ('CreateRangeStmt' in node) return dotted(node.CreateRangeStmt.typeName, 'type');
  if ('CreateDomainStmt' in node) return dotted(node.CreateDomainStmt.domainname, 'type');
  if ('CreateFunctionStmt' in node) return dotted(node.CreateFunctionStmt.funcname, 'function');
  if ('DefineStmt' in node) {
    const { kind, defnames } = node.DefineStmt;
    if (kind === 'OBJECT_TYPE') return dotted(defnames, 'type');
    if (kind === 'OBJECT_AGGREGATE') return dotted(defnames, 'function');
  }
  return [];
}

function into(clause: IntoClause | undefined): CreatedObject[] {
  return clause === undefined ? [] : relation(clause.rel, 'relation', clause.onCommit);
}

function table(name: RangeVar | undefined, elements: Node[] | undefined, onCommit?: string): CreatedObject[] {
  return [...relation(name, 'relation', onCommit), ...partsOf(name, elements ?? [])];
}

/** Indexes and sequences behind columns and constraints. */
function partsOf(name: RangeVar | undefined, elements: Node[]): CreatedObject[] {
  const tableName = name?.relname ?? '';
  return elements.flatMap((element) => {
    if ('Constraint' in element) {
      const { conname, indexname } = element.Constraint;
      const given = conname !== undefined || indexname !== undefined;
      return owned(name, constraintIndexName(tableName, element.Constraint), !given);
    }
    if (!('ColumnDef' in element)) return [];
    const { colname, constraints } = element.ColumnDef;
    const indexes = (constraints ?? []).flatMap((constraint) => {
      if (!('Constraint' in constraint)) return [];
      const index = constraintIndexName(tableName, constraint.Constraint, colname);
      return owned(name, index, constraint.Constraint.conname === undefined);
    });
    return [...owned(name, columnSequenceName(tableName, element.ColumnDef), true), ...indexes];
  });
}

/** An index or a sequence lies in the schema of its table. */
function owned(owner: RangeVar | undefined, name: string | undefined, generated: boolean): CreatedObject[] {
  if (owner?.relname === undefined || name === undefined) return [];
  const [base] = relation({ ...owner, relname: name });
  if (base === undefined) return [];
  return [{ ...base, owner: owner.relname, ...(generated ? { generated: true as const } : {}) }];
}

function relation(name: RangeVar | undefined, kind: ObjectKind = 'relation', onCommit?: string): CreatedObject[] {
  const temporary = name?.relpersistence === 't' || name?.schemaname === 'pg_temp';
  return relationName(name, kind).map((object) => {
    if (!temporary) return object;
    return { ...object, temporary: onCommit === 'ONCOMMIT_DROP' ? 'transaction' : 'session' };
  });
}

function dotted(names: Node[] | undefined, kind: ObjectKind): CreatedObject[] {
  return dottedName(strings(names), kind).map((object) =>
    object.schema === 'pg_temp' ? { ...object, temporary: 'session' } : object,
  );
}
