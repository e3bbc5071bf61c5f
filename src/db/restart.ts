/**
 * How long a server that is away is waited for, in ms: most restarts and failovers end within this time. It applies to
 * connecting again, to regaining the lock of a run, and to finding out what became of a `COMMIT` that was not answered.
 */
export const RESTART_WAIT_MS = 30_000;

/** The same once the user has canceled: then only an answer that is at hand counts, in ms. */
export const CANCELED_WAIT_MS = 5000;
