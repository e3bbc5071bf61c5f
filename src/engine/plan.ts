import { appliedAfterMigrations } from './replaced.js';
import type { CompiledMigration, Direction, Plan, Segment } from './types.js';

/**
 * Puts compiled migrations into segments: one transaction for all of them (`tenant`) or one for each (`migration`), broken
 * wherever a migration cannot run in one.
 */
export function planSegments(migrations: readonly CompiledMigration[], transaction: 'tenant' | 'migration'): Segment[] {
  const segments: Segment[] = [];
  for (const migration of migrations) {
    const last = segments.at(-1);
    const joins = transaction === 'tenant' && migration.transaction && last?.transaction === true;
    if (joins) last.migrations.push(migration);
    else segments.push({ transaction: migration.transaction, migrations: [migration] });
  }
  return segments;
}

/** Makes a plan; a faked one is a single transaction, because only bookkeeping rows are written. */
export function makePlan(
  parts: Omit<Plan, 'segments' | 'mode'> & {
    migrations: readonly CompiledMigration[];
    transaction: 'tenant' | 'migration';
  },
): Plan {
  const { migrations, transaction, ...plan } = parts;
  const segments = plan.fake
    ? [{ transaction: true, migrations: [...migrations] }]
    : planSegments(migrations, transaction);
  const direct = !plan.fake && migrations.some((migration) => migration.mode === 'direct');
  return { ...plan, segments, mode: direct ? 'direct' : 'compiled' };
}

/** Names of a plan's migrations, in the order they run. */
export function planNames(plan: Plan): string[] {
  return plan.segments.flatMap((segment) => segment.migrations.map(({ name }) => name));
}

const appliedBeforeSegments = new WeakMap<Plan, string[][]>();

/** The applied list as each segment of a plan must find it, oldest first; the same array for every tenant. */
export function appliedBefore(plan: Plan, segmentIndex: number): string[] {
  const lists = appliedBeforeSegments.get(plan) ?? [];
  appliedBeforeSegments.set(plan, lists);
  return (lists[segmentIndex] ??= appliedAfterMigrations(
    plan.applied,
    plan.segments.slice(0, segmentIndex).flatMap((segment) => segment.migrations),
    plan.direction,
  ));
}

/** Index of the first segment that does something in the schema. */
export function firstInSchema({ segments }: Plan): number {
  return segments[0]?.schemaOnly === true ? 1 : 0;
}

/** The status of a tenant for which a plan was carried out. */
export function doneStatus(direction: Direction): 'applied' | 'rolledBack' {
  return direction === 'up' ? 'applied' : 'rolledBack';
}

/** Whether the plan's statements may leave traces in the session that the next tenant must not see. */
export function leavesTraces(plan: Plan): boolean {
  return plan.segments.some(({ migrations }) => migrations.some((migration) => mayLeaveTraces(migration)));
}

/** The same of one migration; what a direct one does is not known beforehand. */
export function mayLeaveTraces({ mode, statements }: CompiledMigration): boolean {
  return mode === 'direct' || statements.some((one) => one.session === true || one.unparsed === true);
}

/** The plan can be carried out in one transaction, whole or not at all. */
export function isAtomic(plan: Plan): boolean {
  return plan.segments.length <= 1 && plan.segments.every((segment) => segment.transaction);
}

/** A segment outside a transaction whose statements can be told to be done already. */
export function isRepeatable({ migrations }: Segment): boolean {
  return migrations.every(
    (migration) =>
      migration.mode === 'compiled' &&
      migration.statements.every((one) => (one.createsIndex?.name ?? null) !== null || one.dropsIndexes !== undefined),
  );
}
