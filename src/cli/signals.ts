/** The signals that end a run, and their exit codes. SIGHUP, from a closed terminal, is treated like SIGTERM. */
const EXIT_CODES = { SIGINT: 130, SIGTERM: 143, SIGHUP: 143 } as const;

type EndingSignal = keyof typeof EXIT_CODES;

/**
 * Signals within this many ms count as one: npm and similar tools forward a Ctrl-C that the terminal has already sent to the
 * whole process group.
 */
const ECHO_MS = 100;

let received: number | undefined;

/** Ends the work that goes on now as a first signal would. */
let endWork: ((exitCode: number) => void) | undefined;

/**
 * Lets running work finish and starts no new work, as after a signal, because something went wrong outside of it.
 *
 * @param exitCode what the command then ends with
 * @returns whether there is work that reports what it has done
 */
export function drainWork(exitCode: number): boolean {
  endWork?.(exitCode);
  return endWork !== undefined;
}

/** The exit code of the first signal; `undefined` if there was none yet. */
export function signalExitCode(): number | undefined {
  return received;
}

export type SignalWatch = {
  /** Aborted by the first signal: running work finishes, and no new work starts. */
  readonly drain: AbortSignal;
  /** Aborted by the second: what runs is canceled. */
  readonly cancel: AbortSignal;
  stop(): void;
};

/**
 * Watches for signals until `stop` is called. The handlers stay installed the whole time, because without one the next signal
 * would kill the process while it finishes its work.
 *
 * @param listeners.onDrain called at the first signal, `onCancel` at the second, `onGiveUp` at every later one
 * @param listeners.reports the work reports what it has done when it is drained
 */
export function watchSignals(listeners: {
  reports: boolean;
  onDrain: (signal: NodeJS.Signals) => void;
  onCancel: () => void;
  onGiveUp: (exitCode: number) => void;
}): SignalWatch {
  const drain = new AbortController();
  const cancel = new AbortController();
  let last = Number.NEGATIVE_INFINITY;
  const handle = (signal: NodeJS.Signals): void => {
    const now = performance.now();
    const echo = now - last < ECHO_MS;
    last = now;
    if (echo) return;
    received ??= EXIT_CODES[signal as EndingSignal];
    if (cancel.signal.aborted) {
      listeners.onGiveUp(received);
    } else if (drain.signal.aborted) {
      listeners.onCancel();
      cancel.abort();
    } else {
      listeners.onDrain(signal);
      drain.abort();
    }
  };
  const signals = Object.keys(EXIT_CODES) as EndingSignal[];
  for (const signal of signals) process.on(signal, handle);
  if (listeners.reports) {
    endWork = (exitCode) => {
      received ??= exitCode;
      drain.abort();
    };
  }
  return {
    drain: drain.signal,
    cancel: cancel.signal,
    stop: () => {
      for (const signal of signals) process.off(signal, handle);
      endWork = undefined;
    },
  };
}
