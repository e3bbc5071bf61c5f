import {
  AliasNode,
  AndNode,
  BinaryOperationNode,
  ColumnNode,
  type DeleteQueryNode,
  type FromNode,
  IdentifierNode,
  type InsertQueryNode,
  type JoinNode,
  type MergeQueryNode,
  type OnConflictNode,
  type OperationNode,
  OperationNodeTransformer,
  OperatorNode,
  ParensNode,
  PrimitiveValueListNode,
  type QueryId,
  ReferenceNode,
  type SchemableIdentifierNode,
  SelectionNode,
  SelectQueryNode,
  TableNode,
  type UpdateQueryNode,
  type UsingNode,
  ValueListNode,
  ValueNode,
  ValuesNode,
  WhereNode,
  type WithNode,
} from 'kysely';

import { TenantsError } from '../../errors/tenants-error.js';

export type TransformerOptions = {
  tables: ReadonlySet<string>;
  column: string;
  schema: string;
  /** The tenant's key; throws where there is none. */
  key: () => string | number | bigint;
};

/**
 * Restricts a query. A table that is read is replaced by `(select * from it where the row is the tenant's)` under the same name,
 * which holds in every kind of join, whatever conditions stand around it. The target of an update or delete gets the condition.
 */
export class TenantRowsTransformer extends OperationNodeTransformer {
  readonly #options: TransformerOptions;
  /** Names of common table expressions that can be meant at this place, the innermost last. */
  #expressions: readonly ReadonlySet<string>[] = [];
  /** The `FROM` that is transformed is the target of a DELETE. */
  #isTarget = false;

  constructor(options: TransformerOptions) {
    super();
    this.#options = options;
  }

  protected override transformNodeImpl<T extends OperationNode>(node: T, queryId?: QueryId): T {
    const before = this.#expressions;
    const own = 'with' in node ? (node.with as WithNode | undefined) : undefined;
    if (own !== undefined) this.#expressions = [...before, new Set(own.expressions.map(nameOfExpression))];
    try {
      return super.transformNodeImpl(node, queryId);
    } finally {
      this.#expressions = before;
    }
  }

  /** Unless it is recursive, an expression sees those before it, and its own name means the table. */
  protected override transformWith(node: WithNode, queryId?: QueryId): WithNode {
    const all = this.#expressions;
    const outer = all.slice(0, -1);
    const expressions = node.expressions.map((one, index) => {
      const seen = node.recursive === true ? node.expressions : node.expressions.slice(0, index);
      this.#expressions = [...outer, new Set(seen.map(nameOfExpression))];
      return this.transformNode(one, queryId);
    });
    this.#expressions = all;
    return { ...node, expressions };
  }

  protected override transformFrom(node: FromNode, queryId?: QueryId): FromNode {
    const isTarget = this.#isTarget;
    this.#isTarget = false;
    const from = super.transformFrom(node, queryId);
    return isTarget ? from : { ...from, froms: from.froms.map((one, index) => this.#read(node.froms[index], one)) };
  }

  protected override transformJoin(node: JoinNode, queryId?: QueryId): JoinNode {
    const join = super.transformJoin(node, queryId);
    return { ...join, table: this.#read(node.table, join.table) };
  }

  protected override transformUsing(node: UsingNode, queryId?: QueryId): UsingNode {
    const using = super.transformUsing(node, queryId);
    return { ...using, tables: using.tables.map((one, index) => this.#read(node.tables[index], one)) };
  }

  /** The schema of a table is not visible from outside of the query that replaces it. */
  protected override transformReference(node: ReferenceNode, queryId?: QueryId): ReferenceNode {
    const reference = super.transformReference(node, queryId);
    const { table } = reference;
    if (table === undefined || table.table.schema === undefined || !this.#isShared(table.table)) return reference;
    return { ...reference, table: TableNode.create(table.table.identifier.name) };
  }

  protected override transformDeleteQuery(node: DeleteQueryNode, queryId?: QueryId): DeleteQueryNode {
    this.#isTarget = true;
    let query = super.transformDeleteQuery(node, queryId);
    this.#isTarget = false;
    for (const target of node.from.froms) query = this.#restrict(query, target);
    return query;
  }

  protected override transformUpdateQuery(node: UpdateQueryNode, queryId?: QueryId): UpdateQueryNode {
    const query = super.transformUpdateQuery(node, queryId);
    if (node.table === undefined || this.#tableOf(node.table) === undefined) return query;
    for (const { column } of node.updates ?? []) this.#assertOther(column, 'update');
    return this.#restrict(query, node.table);
  }

  protected override transformInsertQuery(node: InsertQueryNode, queryId?: QueryId): InsertQueryNode {
    const query = super.transformInsertQuery(node, queryId);
    if (node.into === undefined || this.#tableOf(node.into) === undefined) return query;
    for (const column of node.columns ?? []) this.#assertOther(column, 'insert');
    const own = ColumnNode.create(this.#options.column);
    const conflict = node.onConflict === undefined ? undefined : this.#conflict(query.onConflict, node.into);
    const base = { ...query, ...(conflict === undefined ? {} : { onConflict: conflict }) };
    if (query.defaultValues === true) {
      const { defaultValues: _defaultValues, ...rest } = base;
      return {
        ...rest,
        columns: [own],
        values: ValuesNode.create([PrimitiveValueListNode.create([this.#options.key()])]),
      };
    }
    // What a query returns gets the column's default, which is the tenant of the transaction.
    if (query.values === undefined || !ValuesNode.is(query.values) || query.columns === undefined) return base;
    const values = query.values.values.map((list) =>
      PrimitiveValueListNode.is(list)
        ? PrimitiveValueListNode.create([...list.values, this.#options.key()])
        : ValueListNode.create([...list.values, ValueNode.create(this.#options.key())]),
    );
    return { ...base, columns: [...query.columns, own], values: ValuesNode.create(values) };
  }

  protected override transformMergeQuery(node: MergeQueryNode, queryId?: QueryId): MergeQueryNode {
    if (this.#tableOf(node.into) !== undefined) {
      throw new TenantsError('USAGE', 'MERGE into a table that tenants share is not restricted to one of them.', {
        suggestions: ['Use insert with onConflict, or update.'],
      });
    }
    return super.transformMergeQuery(node, queryId);
  }

  /** The table's unique constraints begin with the column, and so the conflict is one among the tenant's rows. */
  #conflict(node: OnConflictNode | undefined, into: OperationNode): OnConflictNode | undefined {
    if (node === undefined) return undefined;
    for (const { column } of node.updates ?? []) this.#assertOther(column, 'update');
    const { column } = this.#options;
    const has = node.columns?.some((one) => one.column.name === column) ?? true;
    const columns = has ? node.columns : [ColumnNode.create(column), ...(node.columns ?? [])];
    const restricted = node.updates === undefined ? node.updateWhere : and(node.updateWhere, this.#isTenants(into));
    return {
      ...node,
      ...(columns === undefined ? {} : { columns }),
      ...(restricted === undefined ? {} : { updateWhere: restricted }),
    };
  }

  /** What stands in for a table that is read. */
  #read(original: OperationNode | undefined, transformed: OperationNode): OperationNode {
    if (original === undefined) return transformed;
    const table = this.#tableOf(original);
    if (table === undefined) return transformed;
    const query = {
      ...SelectQueryNode.createFrom([table]),
      selections: [SelectionNode.createSelectAll()],
      where: WhereNode.create(this.#equals(ColumnNode.create(this.#options.column))),
    };
    const alias = AliasNode.is(original) ? original.alias : IdentifierNode.create(table.table.identifier.name);
    return AliasNode.create(query, alias);
  }

  #restrict<T extends { readonly where?: WhereNode }>(query: T, target: OperationNode): T {
    return this.#tableOf(target) === undefined ? query : { ...query, where: and(query.where, this.#isTenants(target)) };
  }

  /** Whether the row of a target is the tenant's. */
  #isTenants(target: OperationNode): OperationNode {
    const table = this.#tableOf(target);
    const alias = AliasNode.is(target) && IdentifierNode.is(target.alias) ? target.alias.name : undefined;
    const name = alias ?? table?.table.identifier.name ?? '';
    return this.#equals(ReferenceNode.create(ColumnNode.create(this.#options.column), TableNode.create(name)));
  }

  #equals(column: OperationNode): OperationNode {
    return BinaryOperationNode.create(column, OperatorNode.create('='), ValueNode.create(this.#options.key()));
  }

  #tableOf(node: OperationNode): TableNode | undefined {
    const table = AliasNode.is(node) ? node.node : node;
    return TableNode.is(table) && this.#isShared(table.table) ? table : undefined;
  }

  #isShared({ schema, identifier }: SchemableIdentifierNode): boolean {
    const { tables, schema: own } = this.#options;
    if (!tables.has(identifier.name)) return false;
    if (schema !== undefined) return schema.name === own;
    return !this.#expressions.some((names) => names.has(identifier.name));
  }

  #assertOther(node: OperationNode, verb: string): void {
    const column = ReferenceNode.is(node) ? node.column : node;
    if (!ColumnNode.is(column) || column.column.name !== this.#options.column) return;
    throw new TenantsError('USAGE', `The column "${this.#options.column}" is not for the ${verb} to set.`, {
      suggestions: ['Leave it out: the plugin adds it.'],
    });
  }
}

/** Both conditions; the first may be text that has an OR in it. */
function and(where: WhereNode | undefined, condition: OperationNode): WhereNode {
  return WhereNode.create(where === undefined ? condition : AndNode.create(ParensNode.create(where.where), condition));
}

function nameOfExpression({ name }: WithNode['expressions'][number]): string {
  return name.table.table.identifier.name;
}
