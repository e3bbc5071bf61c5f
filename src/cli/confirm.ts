import { TenantsError } from '../errors/tenants-error.js';
import { ask, canAsk } from './ask.js';

/**
 * Whether a destructive action was confirmed, with `--confirm` or by typing the same word on a terminal. Without a terminal,
 * only `--confirm` counts.
 *
 * @param given the value of `--confirm`; never from the environment
 * @throws TenantsError USAGE if it is a different word.
 */
export async function confirm(word: string, given: string | undefined, question: string): Promise<boolean> {
  if (given !== undefined) {
    if (given === word) return true;
    throw new TenantsError('USAGE', `--confirm is "${given}", but "${word}" is required.`);
  }
  if (!canAsk()) return false;
  return (await ask(`${question}\nType ${word} to continue: `)) === word;
}
