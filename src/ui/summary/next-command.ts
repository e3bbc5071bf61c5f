import type { MigrateReport } from '../../run/types.js';
import { tenantsCommand } from '../../util/tenants-command.js';

export type NextCommandContext = {
  command: 'migrate' | 'rollback';
  /** The flags that selected schemas, as given: `['--type', 'shop']`. */
  selection?: readonly string[] | undefined;
  /** Other flags worth repeating, such as `['--to', '0007_x']`. */
  flags?: readonly string[] | undefined;
};

/** With more names than this, the command would be too long to copy. */
const FEW = 10;

/**
 * The command that completes what a run left undone; `undefined` if nothing is left, or if the command would be too long.
 *
 * Repeating a rollback unchanged would undo one more migration of the tenants that succeeded, so it is always limited to the
 * others.
 */
export function nextCommand(report: MigrateReport, context: NextCommandContext): string | undefined {
  const left = report.results.filter(({ status }) => status === 'failed' || status === 'notExecuted');
  const missing = report.results.filter(({ status }) => status === 'missing');
  const sharedLeft = report.shared.status === 'failed';
  const open = left.length > 0 ? left : missing;
  if (open.length === 0 && !sharedLeft && !report.interrupted) return undefined;
  const create = context.command === 'migrate' && left.length === 0 && missing.length > 0 ? ['--create-missing'] : [];
  const names = open.map(({ tenant }) => tenant);
  const narrow = !sharedLeft && names.length > 0 && names.length <= FEW && names.every(canBeListed);
  if (!narrow && context.command === 'rollback' && !sharedLeft) return undefined;
  const selection = narrow ? ['--tenant', names.join(',')] : (context.selection ?? []);
  return tenantsCommand(context.command, ...selection, ...create, ...(context.flags ?? []));
}

/** A comma would separate names, a leading dash would begin a flag, and control characters cannot be printed. */
function canBeListed(name: string): boolean {
  return !/[,\p{C}]|^-/u.test(name);
}
