import type { Client, Connection } from 'pg';

import { type Wire, wireOf } from './pg-internals.js';

/** A column of a result: its name and the OID of its type. */
export type ResultColumn = { name: string; type: number };

/** Part of a statement's result, values as PostgreSQL prints them. */
export type ResultPart = {
  /** `undefined` for a statement that returns no rows at all, such as an `UPDATE`. */
  columns: ResultColumn[] | undefined;
  rows: (string | null)[][];
  /** The command tag, such as `SELECT 3` or `UPDATE 1`, once everything was fetched; before that `undefined`. */
  command: string | undefined;
};

/** A name of its own, because the unnamed portal is replaced by the next statement. */
const PORTAL = 'tenants_rows';

/**
 * Starts one statement inside a transaction and returns its first rows; `fetchPart` gets more of them. The server keeps
 * what was not fetched, so that memory here is bounded by the size of a part.
 *
 * The statement is sent by the extended protocol, in which the server refuses more than one at once (SQLSTATE 42601). It
 * takes no parameters. The portal ends with the transaction.
 *
 * @param size most rows of a part.
 * @throws the server's error; the transaction is aborted then.
 */
export function openPart(client: Client, sql: string, size: number): Promise<ResultPart> {
  return exchange(client, (wire) => {
    wire.parse({ text: sql, name: '', types: [] });
    wire.bind({ portal: PORTAL, statement: '', values: [] });
    wire.describe({ type: 'P', name: PORTAL });
    wire.execute({ portal: PORTAL, rows: size });
  });
}

/** The next rows of the statement that `openPart` started. */
export function fetchPart(client: Client, size: number): Promise<ResultPart> {
  return exchange(client, (wire) => wire.execute({ portal: PORTAL, rows: size }));
}

function exchange(client: Client, send: (wire: Wire) => void): Promise<ResultPart> {
  return new Promise((resolve, reject) => {
    client.query(
      new Exchange(send, (error, part) => {
        if (error === null) resolve(part);
        else reject(error);
      }),
    );
  });
}

type Done = (error: Error | null, part: ResultPart) => void;

/** A node-postgres Submittable: messages of our own, one Sync, answers until the server is ready again. */
class Exchange {
  /** Node-postgres fills in a callback of its own where there is none. */
  readonly callback = (): void => {};
  readonly #send: (wire: Wire) => void;
  readonly #part: ResultPart = { columns: undefined, rows: [], command: undefined };
  #done: Done | null;

  constructor(send: (wire: Wire) => void, done: Done) {
    this.#send = send;
    this.#done = done;
  }

  submit(connection: Connection): Error | null {
    const wire = wireOf(connection);
    wire.stream.cork();
    try {
      this.#send(wire);
      wire.sync();
    } finally {
      wire.stream.uncork();
    }
    return null;
  }

  handleRowDescription(message: { fields: { name: string; dataTypeID: number }[] }): void {
    this.#part.columns = message.fields.map(({ name, dataTypeID }) => ({ name, type: dataTypeID }));
  }

  handleDataRow(message: { fields: (string | null)[] }): void {
    this.#part.rows.push(message.fields);
  }

  handleCommandComplete(message: { text: string }): void {
    this.#part.command = message.text;
  }

  handleEmptyQuery(): void {
    this.#part.command = '';
  }

  handleParseComplete(): void {}
  handlePortalSuspended(): void {}
  handleCopyData(): void {}

  handleCopyInResponse(connection: Connection): void {
    wireOf(connection).sendCopyFail('COPY FROM STDIN has no source here');
  }

  handleError(error: Error): void {
    this.#finish(error);
  }

  handleReadyForQuery(): void {
    this.#finish(null);
  }

  #finish(error: Error | null): void {
    const done = this.#done;
    this.#done = null;
    done?.(error, this.#part);
  }
}
