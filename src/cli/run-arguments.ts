import { TenantsError } from '../errors/tenants-error.js';
import type { MigrateOptions } from '../run/types.js';
import { parseAge as readAge } from '../util/age.js';
import { tenantsCommand } from '../util/tenants-command.js';

/** The number of a recorded run. @throws TenantsError USAGE for anything else. */
export function parseRunId(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const id = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(id) && id > 0) return id;
  throw new TenantsError('USAGE', `A run is named by its number, not "${text}".`, {
    suggestions: [`To see the numbers, run: ${tenantsCommand('runs')}`],
  });
}

/** An age in ms. @throws TenantsError USAGE for what is none. */
export function parseAge(text: string): number {
  const ms = readAge(text);
  if (ms !== undefined) return ms;
  throw new TenantsError('USAGE', `"${text}" is not an age.`, {
    suggestions: ['Give a number and a unit, such as 12h, 90d, 6w, 3mo or 1y.'],
  });
}

/** Half of a change. @throws TenantsError USAGE for anything else than `pre` and `post`. */
export function parsePhase({ phase }: { phase?: string | undefined }): Pick<MigrateOptions, 'phase'> {
  if (phase === undefined) return {};
  if (phase === 'pre' || phase === 'post') return { phase };
  throw new TenantsError('USAGE', `--phase must be pre or post (got ${phase}).`);
}

/** The run whose failed tenants are meant. @throws TenantsError USAGE for flags that make no sense together. */
export function failedRun(flags: {
  failed?: boolean | undefined;
  run?: string | undefined;
  shared?: boolean | undefined;
}): number | 'latest' | undefined {
  const run = parseRunId(flags.run);
  if (flags.failed !== true) {
    if (run === undefined) return undefined;
    throw new TenantsError('USAGE', '--run names the run of --failed, which is missing.', {
      suggestions: [`To retry what failed in run ${run}, add --failed.`],
    });
  }
  if (flags.shared === true) {
    throw new TenantsError('USAGE', '--failed is about tenants; it cannot be combined with --shared.');
  }
  return run ?? 'latest';
}

/**
 * How many tenants of each cohort a dry run tries; `undefined` where it is no dry run.
 *
 * @throws TenantsError USAGE for flags that make no sense together, and for a sample that is neither a number nor `all`.
 */
export function dryRunSample(flags: {
  'dry-run'?: boolean | undefined;
  sample?: string | undefined;
}): { sample?: number | 'all' } | undefined {
  const { sample } = flags;
  if (flags['dry-run'] !== true) {
    if (sample === undefined) return undefined;
    throw new TenantsError('USAGE', '--sample belongs to --dry-run, which is missing.');
  }
  if (sample === undefined) return {};
  if (sample === 'all') return { sample };
  if (/^\d{1,9}$/.test(sample) && Number(sample) > 0) return { sample: Number(sample) };
  throw new TenantsError('USAGE', `--sample must be a positive integer or "all" (got ${sample}).`);
}
