import { setMaxListeners } from 'node:events';

/**
 * Waits for `work`, but once `signal` is aborted for no longer than `ms`; then answers what `onLate` returns, or throws what it
 * throws. `work` goes on by itself, and its failure is ignored then.
 *
 * @param signal where it is aborted already, the time counts from now
 */
export async function limitAfterAbort<T>(
  work: Promise<T>,
  signal: AbortSignal | undefined,
  ms: number,
  onLate: () => T | Promise<T>,
): Promise<T> {
  if (signal === undefined) return await work;
  let timer: NodeJS.Timeout | undefined;
  let onAbort = (): void => {};
  const late = new Promise<typeof LATE>((resolve) => {
    onAbort = () => void (timer = setTimeout(() => resolve(LATE), ms));
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
  });
  try {
    const answer = await Promise.race([work, late]);
    if (answer !== LATE) return answer;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
  }
  work.catch(() => undefined);
  return await onLate();
}

const LATE = Symbol('late');

/** An AbortController on whose signal any number of listeners may wait, as all lanes of a run do. */
export function sharedAbortController(): AbortController {
  const controller = new AbortController();
  setMaxListeners(0, controller.signal);
  return controller;
}

/**
 * Aborts `controller` when `signal` is aborted.
 *
 * @param until no longer than until this is aborted: `signal` may outlive what waits for it
 */
export function forwardAbort(signal: AbortSignal | undefined, controller: AbortController, until: AbortSignal): void {
  if (signal?.aborted === true) controller.abort();
  else signal?.addEventListener('abort', () => controller.abort(), { once: true, signal: until });
}

/** A signal that is aborted `ms` after another one, or that long after now if that one is aborted already; `stop` lets go of it. */
export function delayedAbort(signal: AbortSignal | undefined, ms: number): { signal: AbortSignal; stop: () => void } {
  const controller = sharedAbortController();
  let timer: NodeJS.Timeout | undefined;
  const onAbort = (): void => void (timer = setTimeout(() => controller.abort(), ms));
  if (signal?.aborted === true) onAbort();
  else signal?.addEventListener('abort', onAbort, { once: true });
  const stop = (): void => {
    clearTimeout(timer);
    signal?.removeEventListener('abort', onAbort);
  };
  return { signal: controller.signal, stop };
}
