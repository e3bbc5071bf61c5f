import type { Client } from 'pg';

import { oneAtATime } from '../util/one-at-a-time.js';

/** The part of a query object, a batch for instance, that node-postgres calls when it has ended. */
type Submittable = { handleError(...given: unknown[]): void; handleReadyForQuery(...given: unknown[]): void };

/**
 * Lets a client have one query at a time, whoever asks: the next one is handed to node-postgres when the one before has ended.
 * Node-postgres has a queue of its own, and will not have it any more in version 9.
 *
 * Queries are promises, or objects such as batches; callbacks are not supported.
 */
export function queueQueries(client: Client): void {
  const plain = client.query.bind(client) as (...given: unknown[]) => unknown;
  const inOrder = oneAtATime();
  const query = (...given: unknown[]): unknown => {
    const [first] = given;
    if (!isSubmittable(first)) return inOrder(() => plain(...given) as Promise<unknown>);
    void inOrder(() => {
      const ended = endOf(first);
      plain(...given);
      return ended;
    });
    return first;
  };
  client.query = query as Client['query'];
}

function isSubmittable(value: unknown): value is Submittable {
  return typeof value === 'object' && value !== null && 'submit' in value;
}

function endOf(query: Submittable): Promise<void> {
  return new Promise((resolve) => {
    const { handleError, handleReadyForQuery } = query;
    query.handleError = (...given) => {
      handleError.apply(query, given);
      resolve();
    };
    query.handleReadyForQuery = (...given) => {
      handleReadyForQuery.apply(query, given);
      resolve();
    };
  });
}
