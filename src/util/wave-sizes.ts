import { shareOf } from './failure-budget.js';

/** How far a wave goes: a number of tenants, or a share of them such as `5%`, those of earlier waves included. */
export type WaveSize = number | string;

export const WAVES_FORM = "growing sizes such as '1,5%,25%,100%': numbers of tenants or shares of them";

/** Reads sizes of waves, as a list or as text with commas. `undefined` for anything that is no such list. */
export function parseWaves(given: unknown): WaveSize[] | undefined {
  const items: unknown[] = typeof given === 'string' ? given.split(',') : Array.isArray(given) ? given : [];
  const sizes = items.map((item) => sizeOf(item));
  if (sizes.length === 0 || sizes.includes(undefined)) return undefined;
  const waves = sizes as WaveSize[];
  return isGrowing(waves) ? waves : undefined;
}

/**
 * The waves as numbers of tenants: how many of `total` have had their turn at the end of each. What the last size leaves is a
 * wave of its own. Pure.
 */
export function waveEnds(waves: readonly WaveSize[], total: number): number[] {
  const last = waves.at(-1);
  const whole = typeof last === 'string' && shareOf(last) === 1 ? waves : [...waves, '100%'];
  let reached = 0;
  return whole.map((size) => {
    const wanted = typeof size === 'number' ? size : Math.ceil(roundOff(total * (shareOf(size) ?? 1)));
    reached = Math.max(reached, Math.min(total, wanted));
    return reached;
  });
}

/** 7 % of 100 is 7.000000000000001 in floating point. */
function roundOff(value: number): number {
  return Number(value.toFixed(6));
}

function sizeOf(item: unknown): WaveSize | undefined {
  if (typeof item === 'number') return Number.isInteger(item) && item > 0 ? item : undefined;
  if (typeof item !== 'string') return undefined;
  const text = item.trim();
  if (/^\d+$/.test(text)) return sizeOf(Number(text));
  const share = shareOf(text);
  return share !== undefined && share > 0 && share <= 1 ? text : undefined;
}

/** A number and a share cannot be compared before the tenants are known. */
function isGrowing(waves: readonly WaveSize[]): boolean {
  const counts = waves.filter((size) => typeof size === 'number');
  const shares = waves.flatMap((size) => (typeof size === 'string' ? [shareOf(size) ?? 0] : []));
  return [counts, shares].every((sizes) => sizes.every((size, index) => index === 0 || size > (sizes[index - 1] ?? 0)));
}
