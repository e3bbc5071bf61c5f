import type { IncomingMessage } from 'node:http';

import type { Incoming } from './route.js';

/** A request of Node's own http or http2 server, as routing sees it. */
export function incomingOf(request: IncomingMessage): Incoming {
  const header = (name: string): string | undefined => {
    const value = request.headers[name.toLowerCase()];
    return Array.isArray(value) ? value[0] : value;
  };
  return { host: request.headers.host ?? header(':authority'), url: request.url ?? '/', header };
}
