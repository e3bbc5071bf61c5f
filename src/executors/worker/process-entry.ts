import { Worker } from 'node:worker_threads';

import { entryUrl } from '../parent/entry-url.js';
import type { ToWorker } from '../protocol.js';

// Where a worker process begins. A terminal and a service stop the whole group; the parent says by message what is to be
// done about it. This comes before anything that takes time to load.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});

// At once, also in the middle of a statement: the server sees the connection end and rolls back.
const die = (): void => void process.kill(process.pid, 'SIGKILL');
process.on('disconnect', die);
if (!process.connected) die();

// A migration that never gives the event loop back would not notice that the parent is gone: a thread does.
new Worker(entryUrl('parent-watch'), { workerData: process.ppid, execArgv: [], stdin: false })
  .on('error', () => {})
  .unref();

const { workerMain } = await import('./worker-main.js');

workerMain({
  post: (message) => void process.send?.(message, undefined, undefined, () => {}),
  listen: (onMessage) => void process.on('message', (message) => onMessage(message as ToWorker)),
  // Migrations may have left timers and connections behind that would keep the process alive.
  exit: (code) => {
    // The channel is emptied first: this callback comes after everything that was posted before.
    // oxlint-disable-next-line no-process-exit -- this is an entry point of its own
    process.send?.({ type: 'alive' }, undefined, undefined, () => process.exit(code));
  },
});
