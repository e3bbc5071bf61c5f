import { TenantsError } from '../../errors/tenants-error.js';
import type { Project } from '../../project/project.js';
import type { Rollout } from '../../project/rollout.js';
import { parseTimeWindow, type TimeWindow, WINDOW_FORM } from '../../util/time-window.js';
import { parseWaves, WAVES_FORM, type WaveSize } from '../../util/wave-sizes.js';
import type { RunDirection } from '../direction.js';
import type { MigrateOptions } from '../types.js';

/** What of a rollout holds for one run. */
export type EffectiveRollout = Omit<Rollout, 'waves' | 'window' | 'maxFailures'> & {
  waves?: readonly WaveSize[] | undefined;
  window?: TimeWindow | undefined;
  maxFailures: number | string;
};

/**
 * What holds for a run, with its own options before the project's. Waves are the order in which a change reaches tenants, so a
 * repetition for those that failed has none. What takes a change back does not wait for a time of day. Pure.
 *
 * @throws TenantsError USAGE for waves or a window that cannot be read.
 */
export function effectiveRollout(
  { rollout: configured, maxFailures = 0 }: Pick<Project, 'rollout' | 'maxFailures'>,
  { rollout: own, failedOf }: Pick<MigrateOptions, 'rollout' | 'failedOf'>,
  command: RunDirection['command'],
): EffectiveRollout {
  const { waves, window, pause, ...others } = { ...configured, ...own };
  const limits = { ...others, maxFailures: others.maxFailures ?? maxFailures };
  if (command === 'adopt-history') return { maxFailures: 0 };
  if (command === 'rollback') return limits;
  const opening = readWindow(window);
  return {
    ...limits,
    ...(opening === undefined ? {} : { window: opening }),
    ...(waves === undefined || failedOf !== undefined ? {} : { waves: readWaves(waves), pause }),
  };
}

function readWaves(given: NonNullable<Rollout['waves']>): WaveSize[] {
  const waves = parseWaves(given);
  if (waves === undefined) throw new TenantsError('USAGE', `The waves must be ${WAVES_FORM}.`);
  return waves;
}

function readWindow(given: string | undefined): TimeWindow | undefined {
  if (given === undefined || given === 'always') return undefined;
  const window = parseTimeWindow(given);
  if (window === undefined) throw new TenantsError('USAGE', `"${given}" is no window: give ${WINDOW_FORM}.`);
  return window;
}
