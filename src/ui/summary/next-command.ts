import type { MigrateReport } from '../../run/types.js';
import { shellWord } from '../../util/shell-word.js';

export type NextCommandContext = {
  command: 'migrate' | 'rollback';
  /** Flags that selected schemas, as they were given: `['--type', 'shop']`. */
  selection?: readonly string[] | undefined;
  /** Other flags worth repeating, such as `['--to', '0007_x']`. */
  flags?: readonly string[] | undefined;
};

/** More names than this do not make a command that one wants to copy. */
const FEW = 10;

/**
 * The command that finishes what a run left undone; `undefined` when nothing is left, or when no command of a readable
 * length does it.
 *
 * A rollback that is simply repeated would undo one more migration of the tenants that succeeded, so it is always
 * narrowed to the others.
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
  return ['tenants', context.command, ...selection, ...create, ...(context.flags ?? [])].map(shellWord).join(' ');
}

/** A comma separates names in a list, a leading dash begins a flag, and control characters cannot be printed. */
function canBeListed(name: string): boolean {
  return !/[,\p{C}]|^-/u.test(name);
}
