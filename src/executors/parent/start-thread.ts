import { Worker } from 'node:worker_threads';

import { codeOf } from '../../db/sqlstates.js';
import type { StartWorker, WorkerExit } from '../channel.js';
import { isFromWorker } from '../protocol.js';
import { entryUrl } from './entry-url.js';
import { passOutput } from './pass-output.js';

/** Starts worker threads. A thread that runs out of memory or exits ends alone. */
export function threadStarter(options: { heapMb?: number | undefined }): StartWorker {
  return ({ onMessage, onOutput }) => {
    const thread = new Worker(entryUrl('thread-entry'), {
      argv: [],
      stdout: true,
      stderr: true,
      ...(options.heapMb === undefined ? {} : { resourceLimits: { maxOldGenerationSizeMb: options.heapMb } }),
    });
    thread.on('message', (message) => {
      if (isFromWorker(message)) onMessage(message);
    });
    passOutput(thread.stdout, onOutput);
    passOutput(thread.stderr, onOutput);
    return {
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
      send: (message) => thread.postMessage(message),
      kill: () => void thread.terminate(),
      exited: ended(thread),
    };
  };
}

function ended(thread: Worker): Promise<WorkerExit> {
  return new Promise((resolve) => {
    let failure: unknown;
    thread.on('error', (error) => {
      failure ??= error;
    });
    thread.once('exit', (code) => {
      if (codeOf(failure) === 'ERR_WORKER_OUT_OF_MEMORY') resolve({ how: 'ran out of memory' });
      else resolve({ how: `ended with exit code ${code}`, ...(failure === undefined ? {} : { error: failure }) });
    });
  });
}
