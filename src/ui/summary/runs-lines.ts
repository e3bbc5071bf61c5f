import type { StatusReport } from '../../fleet/types.js';
import { formatDuration } from '../../util/duration.js';
import { firstFew, formatCount, plural } from '../../util/format-count.js';
import { tenantsCommand } from '../../util/tenants-command.js';
import { clean } from '../text/clean.js';
import type { Style } from '../text/style.js';
import { formatWhen } from '../text/when.js';

type Runs = NonNullable<StatusReport['runs']>;

/** What the last run left (`3 failed in run 42 yesterday 14:02, 23514`), and how far the one is that goes on now. */
export function runsLines(runs: StatusReport['runs'], style: Style): string[] {
  if (runs === undefined) return [];
  return [...runningLine(runs, style), ...leftLine(runs, style)];
}

function runningLine({ running }: Runs, style: Style): string[] {
  if (running === null) return [];
  const { id, command, counts, startedAt } = running;
  const { total, upToDate = 0, failed = 0, notExecuted = 0 } = counts;
  const done = (counts['applied'] ?? 0) + (counts['rolledBack'] ?? 0) + failed + notExecuted + (counts['missing'] ?? 0);
  const far = total === undefined ? '' : `, ${formatCount(done)} of ${formatCount(total - upToDate)} tenants done`;
  const bad = failed > 0 ? `, ${formatCount(failed)} failed` : '';
  const since = formatDuration(Date.now() - Date.parse(startedAt));
  return [style.cyan(`Run ${id} (${clean(command)}) is going on for ${since}${far}${bad}.`)];
}

/** The reason of tenants whose wave has not begun: nothing went wrong with them. */
const LATER = 'laterWave';

function leftLine({ lastRun }: Runs, style: Style): string[] {
  if (lastRun === null) return [];
  const { id, startedAt, state, shared, command } = lastRun;
  const left = lastRun.left.filter(({ code }) => code !== LATER);
  const waiting = lastRun.left.find(({ code }) => code === LATER)?.count ?? 0;
  const what = (['failed', 'notExecuted', 'missing'] as const).flatMap((status) => {
    const count = left.filter((one) => one.status === status).reduce((sum, one) => sum + one.count, 0);
    return count === 0 ? [] : [`${formatCount(count)} ${status === 'notExecuted' ? 'not executed' : status}`];
  });
  if (shared?.status === 'failed') what.unshift('the shared schema failed');
  const failed = left.some(({ status }) => status === 'failed' || status === 'notExecuted');
  const codes = [...new Set(left.filter(({ status }) => status === 'failed').map(({ code }) => clean(code)))];
  const why = codes.length === 0 ? '' : `, ${firstFew(codes)}`;
  const when = `run ${id} ${formatWhen(startedAt)}`;
  if (what.length === 0 && waiting > 0) {
    const wait = waiting === 1 ? 'waits' : 'wait';
    return [style.cyan(`${plural(waiting, 'tenant')} ${wait} for a later wave of the rollout of ${when}.`)];
  }
  if (what.length === 0) {
    return state === 'interrupted'
      ? [style.yellow(`Run ${id} (${formatWhen(startedAt)}) was ended from outside.`)]
      : [];
  }
  const lines = [style.yellow(`Last run: ${what.join(', ')} in ${when}${why}`)];
  const advice = `  To see them: ${tenantsCommand('runs', String(id), '--failed')}\n  To retry them: ${tenantsCommand('migrate', '--failed')}`;
  return failed && command === 'migrate' ? [...lines, advice] : lines;
}
