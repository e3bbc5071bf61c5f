import { request, type Agent, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

export type Answer = { status: number; body: string; headers: NodeJS.Dict<string | string[]> };
export type Question = { headers?: Record<string, string>; method?: string; body?: string; agent?: Agent };

/** One request to a server of this machine with a `Host` header of one's own, which `fetch` does not allow. */
export function ask(port: number, host: string, path = '/', question: Question = {}): Promise<Answer> {
  const { headers = {}, method = 'GET', body, agent } = question;
  return new Promise((resolve, reject) => {
    const sent = request(
      {
        host: '127.0.0.1',
        port,
        path,
        method,
        headers: { host, ...headers },
        ...(agent === undefined ? {} : { agent }),
      },
      (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => (text += chunk));
        response.on('end', () => resolve({ status: response.statusCode ?? 0, body: text, headers: response.headers }));
        response.on('error', reject);
      },
    );
    sent.on('error', reject);
    sent.end(body);
  });
}

/** Starts a server on a free port. */
export async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

/** Closes a server and the connections that it still has. */
export async function shut(server: Server): Promise<void> {
  await new Promise((resolve) => {
    server.close(resolve);
    server.closeAllConnections();
  });
}
