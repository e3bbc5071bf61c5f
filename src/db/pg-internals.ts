import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';

import type { ClientBase, Connection, QueryResult } from 'pg';

/**
 * Everything this product uses of node-postgres that its types leave out, in one file: what to look at when a new version of
 * it comes. Tried with pg 8.23.
 */

/** A connection as it speaks PostgreSQL's protocol: one method for each message. */
export type Wire = {
  stream: Duplex;
  query(text: string): void;
  parse(message: { text: string; name: string; types: number[] }): void;
  bind(message: { portal: string; statement: string; values: [] }): void;
  describe(message: { type: 'P'; name: string }): void;
  execute(message: { portal: string; rows: number }): void;
  sync(): void;
  sendCopyFromChunk(chunk: Buffer): void;
  endCopyFrom(): void;
  sendCopyFail(message: string): void;
};

type Internals = {
  connection?: Connection;
  host: string;
  port: number;
  /** pg-native has none. */
  processID?: number | null;
  secretKey?: unknown;
  unref(): void;
  /** False while an answer is awaited. */
  readyForQuery: boolean;
};

export function wireOf(connection: Connection): Wire {
  return connection as unknown as Wire;
}

function internalsOf(client: ClientBase): Internals {
  return client as unknown as Internals;
}

/** The connection of a client: the same object for as long as the client lives. */
export function connectionOf(client: ClientBase): Connection | undefined {
  return internalsOf(client).connection;
}

/**
 * The process number that the server announced when the connection was made. A pooler in front of it announces a number of
 * its own; `null` when there was none.
 */
export function announcedPid(client: ClientBase): number | null {
  return internalsOf(client).processID ?? null;
}

/** Address and key for a request to cancel; `undefined` when the server gave no key. */
export function cancelKey(
  client: ClientBase,
): { host: string; port: number; processID: number; secretKey: number } | undefined {
  const { host, port, processID, secretKey } = internalsOf(client);
  if (typeof processID !== 'number' || typeof secretKey !== 'number') return undefined;
  return { host, port, processID, secretKey };
}

/** Closes the socket without a farewell, for a connection that does not answer. */
export function destroySocket(client: ClientBase): void {
  const connection = connectionOf(client);
  if (connection !== undefined) wireOf(connection).stream?.destroy();
}

/** Whether the client waits for an answer of the server. */
export function isAwaitingAnswer(client: ClientBase): boolean {
  return !internalsOf(client).readyForQuery;
}

/**
 * Bytes that a connection has sent and received: a number that only grows. `undefined` for a stream that does not count them, and
 * while it has something left to send.
 */
export function trafficOf(client: ClientBase): number | undefined {
  const connection = connectionOf(client);
  const { bytesRead, bytesWritten } = (connection === undefined ? {} : wireOf(connection).stream) as Partial<Socket>;
  return bytesRead === undefined || bytesWritten === undefined ? undefined : bytesRead + bytesWritten;
}

/** Lets the process end although the connection is open. */
export function unref(client: ClientBase): void {
  internalsOf(client).unref();
}

/** The answer to a text of several statements, which is a list of results. */
export function resultsOf<R extends Record<string, unknown>>(answer: QueryResult): QueryResult<R>[] {
  return (Array.isArray(answer) ? answer : [answer]) as QueryResult<R>[];
}
