import type { Node, RangeVar } from 'libpg-query';

import type { RowsShape } from '../../registry/names.js';
import type { History } from '../history/history.js';
import type { Hit } from '../types.js';

/** For whom a directory's migrations are. */
export type LintScope = {
  schema: 'shared' | 'tenant';
  sharedSchema: string;
  extraSearchPath: readonly string[];
  /** Tables with a row for each tenant or domain: small, whatever the fleet's data is. */
  registryTables: ReadonlySet<string>;
  /** How tenants share tables; absent where they do not. */
  rows?: Pick<RowsShape, 'column'> | undefined;
  /** Tables of the shared schema, as far as its migrations say. */
  sharedTables: ReadonlySet<string>;
};

/** A statement that rules look at, and what was before it. */
export type Subject = {
  node: Node;
  scope: LintScope;
  history: History;
  /** Whether the migration runs in a transaction. */
  transaction: boolean;
  /** Whether it waits until the new code runs everywhere. */
  waits: boolean;
};

export type Check = (subject: Subject) => Hit[];

/** The name under which the history knows a table; the tenant's own, and in shared migrations the shared schema's, stand alone. */
export function tableName(
  { schema, sharedSchema }: Pick<LintScope, 'schema' | 'sharedSchema'>,
  relation: RangeVar,
): string {
  const { schemaname, relname = '' } = relation;
  const isOwn =
    schemaname === undefined || schemaname === 'pg_temp' || (schema === 'shared' && schemaname === sharedSchema);
  return isOwn ? relname : `${schemaname}.${relname}`;
}

/** The name of a table that was there before the migration, so that the application uses it; `undefined` for a new one. */
export function olderTable({ scope, history }: Subject, relation: RangeVar | undefined): string | undefined {
  if (relation?.relname === undefined || relation.relpersistence === 't') return undefined;
  const name = tableName(scope, relation);
  return history.isNew(name) ? undefined : name;
}

/** The same of a table that can be large: the registry has a row for each tenant, which is read in no time. */
export function largeTable(subject: Subject, relation: RangeVar | undefined): string | undefined {
  const name = olderTable(subject, relation);
  const { schema, registryTables } = subject.scope;
  return name === undefined || (schema === 'shared' && registryTables.has(name)) ? undefined : name;
}
