import { randomFor } from '../faults/random.js';

/**
 * How far apart the messages are at which a connection is cut. `npm run test:faults` tries every one. Elsewhere one in twelve is
 * tried, from a random one on, so that a dozen runs try them all.
 */
export const STRIDE = process.env['TENANTS_FAULTS'] === undefined ? 12 : 1;

/** The first position of a sweep, counted from 1; the seed of the fault tests decides. */
export function firstPosition(label: string): number {
  return 1 + randomFor(label).below(STRIDE);
}
