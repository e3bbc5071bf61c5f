const controller = new AbortController();
const CODES = { SIGINT: 130, SIGTERM: 143, SIGHUP: 143 } as const;

/** Aborted by the first signal. Whatever is being waited for ends then, and the way back cleans up. */
export const interruption: AbortSignal = controller.signal;

/** Turns signals into an interruption; further ones change nothing, because cleaning up must not be cut short. */
export function watchSignals(): void {
  for (const signal of Object.keys(CODES) as (keyof typeof CODES)[]) {
    process.on(signal, () => {
      if (interruption.aborted) return;
      process.exitCode = CODES[signal];
      process.stderr.write('Interrupted: cleaning up.\n');
      controller.abort(new Error('The benchmark was interrupted.'));
    });
  }
}

/** Waits for work that an interruption ends by calling `stop`. */
export async function stoppable<T>(stop: () => void, work: () => Promise<T>): Promise<T> {
  interruption.throwIfAborted();
  interruption.addEventListener('abort', stop, { once: true });
  try {
    return await work();
  } finally {
    interruption.removeEventListener('abort', stop);
    interruption.throwIfAborted();
  }
}
