import { createHash, randomBytes } from 'node:crypto';

/** What the random moments of this invocation come from; `TENANTS_FAULTS_SEED` repeats those of another one. */
export const SEED = process.env['TENANTS_FAULTS_SEED'] ?? randomBytes(4).toString('hex');

/** Numbers that look random and are the same for the same seed and label. */
export type Random = {
  /** From 0 up to, but not including, 1. */
  fraction(): number;
  /** A whole number from 0 up to, but not including, `end`. */
  below(end: number): number;
  chance(probability: number): boolean;
  pick<T>(items: readonly [T, ...T[]]): T;
};

/** A sequence of its own for each label, so that one round can be repeated without those before it. */
export function randomFor(label: string): Random {
  const key = createHash('sha256').update(`${SEED} ${label}`).digest();
  let drawn = 0;
  const fraction = (): number => {
    drawn += 1;
    return createHash('sha256').update(key).update(String(drawn)).digest().readUInt32BE(0) / 2 ** 32;
  };
  const below = (end: number): number => Math.floor(fraction() * end);
  return {
    fraction,
    below,
    chance: (probability) => fraction() < probability,
    pick: (items) => items[below(items.length)] ?? items[0],
  };
}
