const controller = new AbortController();
const CODES = { SIGINT: 130, SIGTERM: 143, SIGHUP: 143 } as const;

/** Aborted by the first signal. Whatever is being waited for ends then, and the way back cleans up. */
export const interruption: AbortSignal = controller.signal;

/**
 * Turns signals and errors that nobody handles (a reader of the output that went away) into an interruption. Further ones
 * change nothing: cleaning up must not be cut short.
 */
export function watchEnds(): void {
  process.on('uncaughtException', (error) => {
    if (interruption.aborted) return;
    process.exitCode = 1;
    process.stderr.write(`${error.stack ?? error.message}\n`);
    controller.abort(error);
  });
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
