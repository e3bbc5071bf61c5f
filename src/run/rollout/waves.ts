import { shareOf } from '../../util/failure-budget.js';
import { waveEnds, type WaveSize } from '../../util/wave-sizes.js';
import { type CanarySetting, chosenCanary } from './canary.js';

/** The waves of a rollout, in view of where its tenants stand. */
export type Waves = {
  /** The first wave that is not over, from 1; the last one when all are. */
  current: number;
  of: number;
  /** The wave of each tenant that has something to run, from 1. */
  waveOf: ReadonlyMap<string, number>;
  /** Tenants that have failed in an earlier run with what they are to run now. */
  tried: ReadonlySet<string>;
  /** How many tenants have had their turn at the end of each wave, those included that were up to date before. */
  ends: readonly number[];
};

/**
 * Finds out where a rollout stands. The place of a tenant in the order of the fleet gives its wave, so the same tenants are in the
 * same wave in every run. A wave is over when each of its tenants has everything, or has failed where that many failures are
 * tolerated. Pure.
 *
 * @param order all tenants of the rollout, with those that are up to date
 * @param pending those that have something to run
 * @param tried those of them that have failed with just that in an earlier run
 */
export function findWaves(
  sizes: readonly WaveSize[],
  order: readonly string[],
  pending: ReadonlySet<string>,
  tried: ReadonlySet<string>,
  tolerated: number | string,
): Waves {
  const ends = waveEnds(sizes, order.length);
  const waveOf = new Map<string, number>();
  for (const [index, tenant] of order.entries()) {
    if (pending.has(tenant)) waveOf.set(tenant, ends.findIndex((end) => index < end) + 1);
  }
  const current = ends.findIndex((end, index) => {
    const left = [...waveOf].filter(([, wave]) => wave <= index + 1).map(([tenant]) => tenant);
    return left.some((tenant) => !tried.has(tenant)) || !isTolerated(left.length, end, tolerated);
  });
  return { current: current === -1 ? ends.length : current + 1, of: ends.length, waveOf, tried, ends };
}

/** The waves of a rollout that has nothing left to run. Pure. */
export function finishedWaves(sizes: readonly WaveSize[]): { current: number; of: number } {
  const of = waveEnds(sizes, 0).length;
  return { current: of, of };
}

/** Whether the next wave may begin after so many failures. @param members tenants of the waves so far */
export function isTolerated(failures: number, members: number, tolerated: number | string): boolean {
  const share = typeof tolerated === 'string' ? (shareOf(tolerated) ?? 0) : undefined;
  return failures <= (share === undefined ? Number(tolerated) : Math.floor(members * share));
}

/** The order of hand-out, with a chosen canary before all others. Pure. */
export function inWaveOrder(order: readonly string[], canary: CanarySetting): readonly string[] {
  const chosen = chosenCanary(canary);
  if (chosen === undefined || !order.includes(chosen)) return order;
  return [chosen, ...order.filter((tenant) => tenant !== chosen)];
}
