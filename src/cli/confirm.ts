import { TenantsError } from '../errors/tenants-error.js';
import { ask, canAsk } from './ask.js';

/**
 * Whether something destructive was confirmed, by `--confirm` or by a person who types the same word at a terminal. Without a
 * terminal, only `--confirm` counts.
 *
 * @param given what `--confirm` says; never from the environment
 * @throws TenantsError USAGE when that is another word.
 */
export async function confirm(word: string, given: string | undefined, question: string): Promise<boolean> {
  if (given !== undefined) {
    if (given === word) return true;
    throw new TenantsError('USAGE', `--confirm is "${given}", but "${word}" is required.`);
  }
  if (!canAsk()) return false;
  return (await ask(`${question}\nType ${word} to continue: `)) === word;
}
