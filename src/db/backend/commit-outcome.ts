import { setTimeout as sleep } from 'node:timers/promises';

import type { Client } from 'pg';

import { limitAfterAbort } from '../../util/after-abort.js';
import { closeClient, openClient } from '../connect.js';
import type { DatabaseConfig } from '../database-config.js';
import { CANCELED_WAIT_MS } from '../restart.js';
import { type Backend, endBackend, isDecided } from './identity.js';

/** Pause between two questions, in ms. */
const PAUSE_MS = 250;
/** How long a process may go on with what it was sent before it is ended, in ms. */
const GRACE_MS = 5000;
/** The server may still be reading what a client sent that is gone; a look before that would be too early, in ms. */
const SETTLE_MS = 250;

/** What became of a `COMMIT` that was not answered: what `ask` found, or why nothing could be found out. */
export type CommitOutcome<T> = { found: T } | { unknown: Error };

export type CommitQuestion<T> = {
  database: DatabaseConfig;
  /** Why the connections are opened, for `application_name`. */
  purpose: string;
  /** The process that was at work, where it is known: the database is looked at when it has ended, by itself or by force. */
  lost?: Backend | undefined;
  /**
   * Looks at the database on a new connection. Without a known process it must make sure itself that nobody is at work any
   * more, by the locks of the transaction for instance; `busy` while that is not so.
   */
  ask: (client: Client) => Promise<T | 'busy'>;
  /** How long a server that is away, a process that does not end, or a lock is waited for, in ms. */
  waitMs: number;
  /** Once it is aborted only an answer that is at hand counts. */
  cancel: AbortSignal | undefined;
};

/**
 * Finds out what became of a transaction whose `COMMIT` was not answered.
 *
 * It may have been carried out, may be carried out in a moment, or may never have arrived. So the old process has to
 * end first, and only then the database is looked at. Everything of this product that can lose the answer to a `COMMIT`
 * asks here: lanes, the parent of a dead worker, changes of one tenant, and runs after a server was lost.
 *
 * Never throws.
 */
export async function findCommitOutcome<T>(question: CommitQuestion<T>): Promise<CommitOutcome<T>> {
  const search = new Search(question);
  try {
    return await limitAfterAbort(search.run(), question.cancel, CANCELED_WAIT_MS, () => ({ unknown: search.reason }));
  } finally {
    void search.close();
  }
}

class Search<T> {
  readonly #question: CommitQuestion<T>;
  #client: Client | undefined;
  #closed = false;
  readonly #graceUntil: number;
  /** Why there is no answer yet. */
  reason = new Error('The server did not answer in time.');

  constructor(question: CommitQuestion<T>) {
    this.#question = question;
    this.#graceUntil = Date.now() + Math.min(GRACE_MS, question.waitMs / 2);
  }

  async run(): Promise<CommitOutcome<T>> {
    const { waitMs, lost } = this.#question;
    const until = Date.now() + waitMs;
    if (lost === undefined) await sleep(SETTLE_MS);
    for (;;) {
      try {
        const answer = await this.#ask();
        if (answer !== 'busy') return { found: answer };
        this.reason = new Error('Another session still holds the tenant.');
      } catch (error) {
        this.reason = error as Error;
        await this.#drop();
      }
      if (this.#closed || Date.now() >= until) return { unknown: this.reason };
      await sleep(PAUSE_MS);
    }
  }

  async #ask(): Promise<T | 'busy'> {
    const { database, purpose, lost, ask, cancel } = this.#question;
    this.#client ??= await openClient(database, purpose);
    if (this.#closed) throw new Error('It was given up.');
    if (lost !== undefined && !(await isDecided(this.#client, lost))) {
      if (cancel?.aborted === true || Date.now() >= this.#graceUntil) await endBackend(this.#client, lost);
      return 'busy';
    }
    return await ask(this.#client);
  }

  /** Ends the search, also where it is still waiting for something. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#drop();
  }

  async #drop(): Promise<void> {
    const client = this.#client;
    this.#client = undefined;
    if (client !== undefined) await closeClient(client);
  }
}
