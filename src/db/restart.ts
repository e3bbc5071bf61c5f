/**
 * How long a server that is away is waited for, in ms: most restarts and failovers end within this time. It applies to
 * connecting again, to regaining the lock of a run, and to finding out what became of a `COMMIT` that was not answered.
 */
export const RESTART_WAIT_MS = 30_000;

/*
 * Once the user has canceled, a command ends within ten seconds, whatever the server and the network do. What follows is what of
 * this time each part may take, in ms, all counted from the cancellation or from the part before.
 */

/** For what is only read to come to its end; then it is canceled. */
export const CANCELED_READ_MS = 1500;
/** For a running statement to be canceled; then its process is ended and the connection is cut. */
export const CANCEL_WAIT_MS = 2000;
/** For finding out what became of a `COMMIT`: only an answer that is at hand counts. */
export const CANCELED_WAIT_MS = 1500;
/** For everything that is done for one tenant, counted from the cancellation. */
export const CANCELED_TENANT_MS = 4500;
/** For each look at whether what was done is durable, and for recording it. */
export const CANCELED_CHECK_MS = 750;
/** For giving back the locks of the run. */
export const CANCELED_CLOSE_MS = 500;
