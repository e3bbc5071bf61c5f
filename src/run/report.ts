import { EXIT } from '../errors/codes.js';
import type { TenantResult } from '../executors/types.js';
import type { SharedResult } from '../fleet/types.js';
import type { MigrateReport, RollbackReport } from './types.js';

/** Puts what happened to single schemas together. Pure. */
export function makeReport(parts: {
  startedAt: number;
  executor: string;
  processes: number;
  concurrency: number;
  shared: SharedResult;
  total: number;
  upToDate: number;
  results: readonly TenantResult[];
  warnings: readonly string[];
  interrupted: boolean;
  overtaken: boolean;
  wave?: { current: number; of: number };
}): MigrateReport {
  const { startedAt, results, total, upToDate, wave, ...rest } = parts;
  const countOf = (...statuses: TenantResult['status'][]): number =>
    results.filter(({ status }) => statuses.includes(status)).length;
  return {
    durationMs: Math.round(performance.now() - startedAt),
    executor: rest.executor,
    processes: rest.processes,
    concurrency: rest.concurrency,
    shared: rest.shared,
    tenants: {
      total,
      applied: countOf('applied', 'rolledBack'),
      upToDate: upToDate + countOf('upToDate'),
      failed: countOf('failed'),
      notExecuted: countOf('notExecuted'),
      missing: countOf('missing'),
    },
    results: results.filter(({ status }) => status !== 'upToDate'),
    warnings: [...new Set([...rest.warnings, ...results.flatMap((result) => result.warnings ?? [])])],
    interrupted: rest.interrupted,
    overtaken: rest.overtaken,
    ...(wave === undefined ? {} : { wave: { ...wave, waiting: countWaiting(results) } }),
  };
}

function countWaiting(results: readonly TenantResult[]): number {
  return results.filter((result) => result.status === 'notExecuted' && result.reason === 'laterWave').length;
}

/**
 * The exit code that a report means, the same for a dry run as for the run itself; a signal's own code goes before it when work was left
 * because of it. Tenants of later waves have not been left out: what was asked of the run is done. Migrations of the run's own phase that
 * are held back have been: code that needs them must not be started.
 */
export function exitCodeOf(
  report: Pick<MigrateReport | RollbackReport, 'overtaken' | 'wave' | 'phase' | 'hookFailures'> & {
    shared: { status: (MigrateReport | RollbackReport)['shared']['status'] | 'wouldApply' | 'wouldFail' };
    tenants: Pick<MigrateReport['tenants'], 'failed' | 'notExecuted' | 'missing'>;
  },
): number {
  const { failed, notExecuted, missing } = report.tenants;
  if (report.overtaken) return EXIT.locked;
  const sharedFails = report.shared.status === 'failed' || report.shared.status === 'wouldFail';
  const left = failed + notExecuted + missing - (report.wave?.waiting ?? 0);
  const heldBack = report.phase?.heldBack.length ?? 0;
  const failedHooks = report.hookFailures?.length ?? 0;
  return sharedFails || left + heldBack + failedHooks > 0 ? EXIT.failed : EXIT.ok;
}

/** The result of a shared schema that nothing was asked of. */
export const SHARED_SKIPPED: SharedResult = { status: 'skipped', migrations: [], error: null };
