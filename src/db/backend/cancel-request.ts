import { once } from 'node:events';
import { connect } from 'node:net';

import type { Client } from 'pg';

import { cancelKey } from '../pg-internals.js';

/** The protocol's word for a request to cancel, in place of a version. */
const CANCEL_REQUEST = 80_877_102;
/** Longest that the request may take, in ms. */
const TIMEOUT_MS = 5000;

/**
 * Asks whoever answered a connection, with the numbers it announced, to cancel what the connection is at. A pooler hands this
 * on to the right backend. Sent without TLS, as libpq always did: it carries nothing else. Nobody answers it.
 *
 * @throws the socket's error.
 */
export async function requestCancel(client: Client): Promise<void> {
  const key = cancelKey(client);
  if (key === undefined) return;
  const { host, port, processID, secretKey } = key;
  const socket = host.startsWith('/') ? connect(`${host}/.s.PGSQL.${port}`) : connect(port, host);
  socket.setTimeout(TIMEOUT_MS, () => socket.destroy());
  const message = Buffer.alloc(16);
  for (const [index, word] of [16, CANCEL_REQUEST, processID, secretKey].entries()) {
    message.writeInt32BE(word, index * 4);
  }
  // Whoever has read it closes the connection; PgBouncer 1.18 dies of a client that closes it first.
  socket.resume().write(message);
  await once(socket, 'close');
}
