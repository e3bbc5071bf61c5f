import type { MigrateReport } from '../../run/types.js';
import { tenantsCommand } from '../../util/tenants-command.js';

export type NextCommandContext = {
  command: 'migrate' | 'rollback';
  /** The flags that selected schemas, as given: `['--type', 'shop']`. */
  selection?: readonly string[] | undefined;
  /** Other flags worth repeating, such as `['--to', '0007_x']`. */
  flags?: readonly string[] | undefined;
  /** Migrations were recorded as applied and not run. */
  fake?: boolean | undefined;
  /** The recorded run that a rollback undoes. */
  undoes?: string | undefined;
};

/** With more names than this, the command would be too long to copy. */
export const FEW = 10;

/**
 * The command that completes what a run left undone; `undefined` if nothing is left, or if the command would be too long.
 *
 * Repeating a rollback unchanged would undo one more migration of the tenants that succeeded, so it is always limited to the
 * others.
 */
export function nextCommand(report: MigrateReport, context: NextCommandContext): string | undefined {
  const left = report.results.filter((result) => isLeft(result));
  const missing = report.results.filter(({ status }) => status === 'missing');
  const sharedLeft = report.shared.status === 'failed';
  const open = left.length > 0 ? left : missing;
  const waits = (report.wave?.waiting ?? 0) > 0;
  if (open.length === 0 && !sharedLeft && !report.interrupted && !waits) return undefined;
  if (!sharedLeft && left.length > 0) {
    const { selection = [], flags = [], undoes } = context;
    // The record of the run knows the names, however many there are.
    const recorded = context.command === 'migrate' && typeof report.run === 'number';
    if (recorded) return tenantsCommand('migrate', '--failed', ...flags);
    // What is undone already is left alone.
    if (undoes !== undefined) return tenantsCommand('rollback', '--run', undoes, ...selection, ...flags);
  }
  const create = context.command === 'migrate' && left.length === 0 && missing.length > 0 ? ['--create-missing'] : [];
  const names = open.map(({ tenant }) => tenant);
  const narrow = !sharedLeft && names.length > 0 && names.length <= FEW && names.every(canBeListed);
  if (!narrow && context.command === 'rollback' && !sharedLeft) return undefined;
  const selection = narrow ? ['--tenant', names.join(',')] : (context.selection ?? []);
  return tenantsCommand(context.command, ...selection, ...create, ...(context.flags ?? []));
}

/** Tenants of later waves have their turn without being named. */
function isLeft(result: MigrateReport['results'][number]): boolean {
  return result.status === 'failed' || (result.status === 'notExecuted' && result.reason !== 'laterWave');
}

/** A comma would separate names, a leading dash would begin a flag, and control characters cannot be printed. */
export function canBeListed(name: string): boolean {
  return !/[,\p{C}]|^-/u.test(name);
}
