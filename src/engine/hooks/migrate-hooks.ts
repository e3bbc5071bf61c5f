import type { QueryConfig, QueryResult, QueryResultRow } from 'pg';

import { firstInSchema, planNames } from '../plan.js';
import type { Direction, Plan, TenantAssignment } from '../types.js';

/**
 * What a hook queries the database with: the connection of the tenant's transaction, for as long as the hook lasts.
 *
 * Texts and plain objects of node-postgres are taken; savepoints are allowed, everything else that controls the
 * transaction is refused. Queries that the hook did not wait for are waited for.
 */
export interface HookClient {
  query<R extends QueryResultRow = QueryResultRow>(
    text: string | QueryConfig,
    values?: readonly unknown[],
  ): Promise<QueryResult<R>>;
}

/** What the hooks around a tenant's migrations are told. */
export type MigrateHookContext = {
  /** The tenant's schema. */
  tenant: string;
  /** The tenant's type; `null` is the default type. */
  type: string | null;
  /** Names of the migrations of this run, in the order in which they run. */
  migrations: string[];
  direction: Direction;
  /**
   * Inside the tenant's transaction, with the search path and the role of its migrations. `undefined` where there is no
   * transaction: the first or the last of the migrations, whichever the hook is next to, runs outside of one.
   */
  client: HookClient | undefined;
};

export type MigrateHook = (context: MigrateHookContext) => void | Promise<void>;

/**
 * Hooks around a tenant's migrations. They are called once for each tenant that has something to run, by `migrate` and
 * `create-tenant`, or by `rollback`; once more when a transaction is tried again. Not for the shared schema, not by `--fake`.
 */
export type MigrateHooks = {
  beforeMigrate?: MigrateHook | undefined;
  afterMigrate?: MigrateHook | undefined;
  beforeRollback?: MigrateHook | undefined;
  afterRollback?: MigrateHook | undefined;
};

export const MIGRATE_HOOKS = [
  'beforeMigrate',
  'afterMigrate',
  'beforeRollback',
  'afterRollback',
] as const satisfies (keyof MigrateHooks)[];

/** One call of a hook. */
export type HookCall = {
  /** For errors: `afterMigrate`. */
  name: string;
  call(client: HookClient | undefined): unknown;
};

/** Hooks around a tenant's registration and migrations together. */
export type RegistrationHooks = { before: readonly HookCall[]; after: readonly HookCall[] };

/** The hooks of one segment. */
export type SegmentHooks = {
  /** Before the registration of a new tenant, when nothing of it is there. */
  opening: readonly HookCall[];
  /** After the guards, before the first migration. */
  first: readonly HookCall[];
  /** After the last migration, before the COMMIT. */
  last: readonly HookCall[];
  /** Aborted when a hook is not to be waited for any longer. */
  cancel: AbortSignal | undefined;
};

/** The hooks that belong to one segment of a plan; `undefined` when there are none. Pure. */
export function segmentHooks(
  { hooks = {}, cancel }: { hooks?: MigrateHooks | undefined; cancel?: AbortSignal | undefined },
  { tenant }: TenantAssignment,
  plan: Plan,
  index: number,
  around: RegistrationHooks | undefined,
): SegmentHooks | undefined {
  if (around === undefined && MIGRATE_HOOKS.every((name) => hooks[name] === undefined)) return undefined;
  const { scope, direction, fake, segments } = plan;
  const migrations = planNames(plan);
  const runs = scope.kind === 'tenants' && !fake && migrations.length > 0;
  const calls = (name: keyof MigrateHooks): HookCall[] => {
    const hook = runs ? hooks[name] : undefined;
    if (hook === undefined) return [];
    const told = { tenant, type: scope.kind === 'tenants' ? scope.type : null, migrations, direction };
    return [{ name, call: (client) => hook({ ...told, migrations: [...migrations], client }) }];
  };
  const [isFirst, isLast] = [index === firstInSchema(plan), index === segments.length - 1];
  const opening = index === 0 ? (around?.before ?? []) : [];
  const first = isFirst ? calls(direction === 'up' ? 'beforeMigrate' : 'beforeRollback') : [];
  const last = isLast
    ? [...calls(direction === 'up' ? 'afterMigrate' : 'afterRollback'), ...(around?.after ?? [])]
    : [];
  return opening.length + first.length + last.length === 0 ? undefined : { opening, first, last, cancel };
}
