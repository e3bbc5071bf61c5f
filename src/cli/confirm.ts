import { createInterface } from 'node:readline/promises';

import { TenantsError } from '../errors/index.js';
import { wishes } from './output.js';

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
  if (!process.stdin.isTTY || !process.stderr.isTTY || wishes().json) return false;
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  const left = new AbortController();
  // Ctrl-C and Ctrl-D are a no; without this the question would wait for ever.
  terminal.on('SIGINT', () => left.abort()).on('close', () => left.abort());
  try {
    return (await terminal.question(`${question}\nType ${word} to go on: `, { signal: left.signal })).trim() === word;
  } catch (error) {
    if (!left.signal.aborted) throw error;
    return false;
  } finally {
    terminal.close();
  }
}
