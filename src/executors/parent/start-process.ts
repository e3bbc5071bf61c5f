import { type ChildProcess, fork } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import type { StartWorker, WorkerExit } from '../channel.js';
import { isFromWorker } from '../protocol.js';
import { entryUrl } from './entry-url.js';
import { passOutput } from './pass-output.js';

/** How long a process that has ended may keep its streams open, in ms: a program that it started may have inherited them. */
const CLOSE_MS = 1000;

/** Starts child processes. Their argv holds the entry's path alone, their environment is the parent's. */
export function processStarter(options: { heapMb?: number | undefined }): StartWorker {
  return ({ onMessage, onOutput }) => {
    const child = fork(fileURLToPath(entryUrl('process-entry')), [], {
      // Keeps `undefined` and the buffers of TLS settings as they are; the default is JSON.
      serialization: 'advanced',
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      execArgv: [...inherited(process.execArgv), ...(options.heapMb === undefined ? [] : [heapFlag(options.heapMb)])],
    });
    child.on('message', (message) => {
      if (isFromWorker(message)) onMessage(message);
    });
    passOutput(child.stdout, onOutput);
    const complaints = passOutput(child.stderr, onOutput);
    return {
      send: (message) => void child.send(message, () => {}),
      kill: () => void child.kill('SIGKILL'),
      exited: ended(child, complaints),
    };
  };
}

function ended(child: ChildProcess, complaints: () => string): Promise<WorkerExit> {
  return new Promise((resolve) => {
    // Also raised when a message cannot be sent, which its end explains.
    child.on('error', (error) => {
      if (child.pid === undefined) resolve({ how: 'could not be started', error });
    });
    // Its last messages may be read after 'exit'; 'close' is when everything is.
    child.once('exit', (code, signal) => {
      const closed = new Promise<void>((done) => void child.once('close', done));
      void Promise.race([closed, sleep(CLOSE_MS, undefined, { ref: false })]).then(() =>
        resolve({ how: describeEnd(code, signal, complaints()) }),
      );
    });
  });
}

function describeEnd(code: number | null, signal: NodeJS.Signals | null, complaints: string): string {
  if (complaints.includes('heap out of memory')) return 'ran out of memory';
  return signal === null ? `ended with exit code ${code ?? 'unknown'}` : `was ended by ${signal}`;
}

function heapFlag(megabytes: number): string {
  return `--max-old-space-size=${megabytes}`;
}

/** The parent's options of Node.js, without those that belong to its own program or ask for a port that is taken. */
function inherited(options: readonly string[]): string[] {
  const own = /^(--inspect|--eval|--print|--input-type|--watch|--test|--check|-[epic]$)/;
  const value = /^(--eval|--print|--inspect-port|-[ep])$/;
  return options.filter((option, index) => !own.test(option) && !value.test(options[index - 1] ?? ''));
}
