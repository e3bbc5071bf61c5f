import { TenantsError } from '../errors/tenants-error.js';
import { ask, canAsk } from './ask.js';

/**
 * Whether something destructive was confirmed: by `--confirm`, or by a person at a terminal who types the same word. Without
 * either it was not, and nobody is asked.
 *
 * @param given what `--confirm` says; never from the environment
 * @throws TenantsError USAGE when that is another word.
 */
export async function confirm(word: string, given: string | undefined, question: string): Promise<boolean> {
  if (given !== undefined) {
    if (given === word) return true;
    throw new TenantsError('USAGE', `--confirm says "${given}", but what would be confirmed is "${word}".`);
  }
  if (!canAsk()) return false;
  return (await ask(`${question}\nType ${word} to go on: `)) === word;
}
