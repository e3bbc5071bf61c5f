import type { WaveBorder } from '../run/rollout/wave-border.js';
import { plural } from '../util/format-count.js';
import { outputOptions } from './output.js';

/** Whether the user can be asked: stdin and stderr are terminals, and no JSON document is expected. */
export function canAsk(): boolean {
  return process.stdin.isTTY && process.stderr.isTTY && !outputOptions().json;
}

/** Prints `question` and returns the answer, trimmed; `undefined` after Ctrl-C or Ctrl-D, and when `signal` is aborted. */
export async function ask(question: string, signal?: AbortSignal): Promise<string | undefined> {
  const { createInterface } = await import('node:readline/promises');
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  const left = new AbortController();
  // Ctrl-C and Ctrl-D are a no; without this the question would wait forever.
  const given = signal === undefined ? left.signal : AbortSignal.any([left.signal, signal]);
  terminal.on('SIGINT', () => left.abort()).on('close', () => left.abort());
  try {
    return (await terminal.question(question, { signal: given })).trim();
  } catch (error) {
    if (!given.aborted) throw error;
    return undefined;
  } finally {
    terminal.close();
  }
}

/** Asks on the terminal whether the next wave is to begin. @param suspend takes the progress off the screen while it asks */
export function askNextWave(
  suspend: (use: () => Promise<boolean>) => Promise<boolean>,
): (border: WaveBorder, signal: AbortSignal) => Promise<boolean> {
  return async (border, signal) =>
    await suspend(async () => /^y(es)?$/i.test((await ask(question(border), signal)) ?? ''));
}

function question({ current, of, failed, next }: WaveBorder): string {
  const failures = failed === 0 ? 'no tenant failed' : `${plural(failed, 'tenant')} failed`;
  return `Wave ${current} of ${of} is over, and ${failures}. Begin the next one, of ${plural(next, 'tenant')}? [y/N] `;
}
