import { parentPort } from 'node:worker_threads';

import type { ToWorker } from '../protocol.js';
import { workerMain } from './worker-main.js';

// Where a worker thread begins. A thread ends with its process, whatever ends that.
const port = parentPort;
if (port === null) throw new Error('This module is the beginning of a worker thread.');

workerMain({
  post: (message) => port.postMessage(message),
  listen: (onMessage) => void port.on('message', (message: ToWorker) => onMessage(message)),
  // Ends this thread alone; what was posted is delivered.
  // oxlint-disable-next-line no-process-exit -- this is an entry point of its own
  exit: (code) => process.exit(code),
});
