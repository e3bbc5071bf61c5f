import type { FromWorker, ToWorker } from './protocol.js';

/** How a worker ended, in words that follow "The worker", and what it said or printed about it. */
export type WorkerExit = { how: string; error?: unknown };

/** A started worker, process or thread. Sending to one that is gone does nothing. */
export interface WorkerChannel {
  send(message: ToWorker): void;
  /** Ends it at once, whatever it is doing. */
  kill(): void;
  /** Resolves when it has ended and all its messages were delivered. Never rejects. */
  readonly exited: Promise<WorkerExit>;
}

export type ChannelListeners = {
  onMessage(message: FromWorker): void;
  /** A line that it printed. */
  onOutput(line: string): void;
};

/** Starts a worker. What keeps it from starting is reported by `exited`. */
export type StartWorker = (listeners: ChannelListeners) => WorkerChannel;

/** The same connection as the worker sees it. */
export interface ParentChannel {
  post(message: FromWorker): void;
  listen(onMessage: (message: ToWorker) => void): void;
  /** Ends the worker once everything posted has been sent. */
  exit(code: number): void;
}
