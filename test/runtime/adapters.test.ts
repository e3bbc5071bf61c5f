import { createServer, type Server } from 'node:http';

import express from 'express';
import createFastify from 'fastify';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import { tenantMiddleware } from '../../src/runtime/express.js';
import { tenantPlugin } from '../../src/runtime/fastify.js';
import { tenantFetch } from '../../src/runtime/fetch.js';
import type { RoutingOptions } from '../../src/runtime/http/options.js';
import type { Tenancy } from '../../src/runtime/index.js';
import { useDatabase } from '../support/database.js';
import { ask, listen, shut } from './ask.js';
import { createSite, projectNames, type Site } from './fixture.js';

const database = useDatabase({ name: 'adapters' });
let site: Site;
let tenancy: Tenancy;
const stops: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  site = await createSite(database);
  await site.add('public', 'example.com');
  for (const name of ['acme', 'globex']) await site.add(name, `${name}.example.com`);
  tenancy = site.tenancy({
    listen: false,
    cache: { ttl: 500 },
    migrations: site.fleet.files.path('migrations', 'tenant'),
  });
});

afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});

afterAll(() => site.close());

type NotFound = '404' | 'public' | 'handler';
type Options = RoutingOptions & { notFound?: NotFound };

/** The same application in each framework: `/` says whose projects there are, `/echo` what was sent, `/fail` fails. */
const frameworks: Record<string, (options: Options) => Promise<number>> = {
  Express: async ({ notFound, ...options }) => {
    const app = express();
    app.use(
      tenantMiddleware(tenancy, {
        ...options,
        ...(notFound === 'handler'
          ? { notFound: (_: unknown, response: express.Response) => response.status(410).send('gone') }
          : notFound === undefined
            ? {}
            : { notFound }),
      }),
    );
    app.use(express.json());
    app.get('/{*path}', async (request, response) => {
      if (request.path.endsWith('/fail')) throw new Error('failed');
      response.json(await answer(request.tenant.schemaName));
    });
    app.post('/echo', (request, response) => {
      response.json({ current: tenancy.currentTenant()?.schemaName, body: request.body as unknown });
    });
    return await serve(createServer(app));
  },
  'Node alone': async ({ notFound, ...options }) => {
    const middleware = tenantMiddleware(tenancy, {
      ...options,
      ...(notFound === 'handler'
        ? {
            notFound: (_: unknown, response: { statusCode: number; end(text: string): void }) => {
              response.statusCode = 410;
              response.end('gone');
            },
          }
        : notFound === undefined
          ? {}
          : { notFound }),
    });
    return await serve(
      createServer((request, response) => {
        middleware(request, response, (error) => {
          const fail = (): void => void response.writeHead(500).end();
          if (error !== undefined || request.url?.endsWith('/fail') === true) return fail();
          if (request.method === 'POST') {
            let text = '';
            request.on('data', (chunk: Buffer) => (text += chunk.toString()));
            request.on('end', () => {
              response.end(
                JSON.stringify({ current: tenancy.currentTenant()?.schemaName, body: JSON.parse(text) as unknown }),
              );
            });
            return;
          }
          answer((request as { tenant?: { schemaName: string } }).tenant?.schemaName).then(
            (value) => response.end(JSON.stringify(value)),
            fail,
          );
        });
      }),
    );
  },
  Fastify: async ({ notFound, ...options }) => {
    const app = createFastify();
    await app.register(tenantPlugin, {
      tenancy,
      ...options,
      ...(notFound === 'handler'
        ? { notFound: (_, reply) => reply.code(410).send('gone') }
        : notFound === undefined
          ? {}
          : { notFound }),
    });
    app.get('/*', async (request) => {
      if (request.url.endsWith('/fail')) throw new Error('failed');
      return await answer(request.tenant.schemaName);
    });
    app.post('/*', (request) => ({ current: tenancy.currentTenant()?.schemaName, body: request.body }));
    await app.listen({ port: 0, host: '127.0.0.1' });
    stops.push(() => app.close());
    return (app.server.address() as { port: number }).port;
  },
  fetch: async ({ notFound, ...options }) => {
    const handler = tenantFetch(
      tenancy,
      async (request, tenant) => {
        if (new URL(request.url).pathname.endsWith('/fail')) throw new Error('failed');
        if (request.method === 'POST') {
          const body: unknown = await request.json();
          return Response.json({ current: tenancy.currentTenant()?.schemaName, body });
        }
        return Response.json(await answer(tenant.schemaName));
      },
      {
        ...options,
        ...(notFound === 'handler'
          ? { notFound: () => new Response('gone', { status: 410 }) }
          : notFound === undefined
            ? {}
            : { notFound }),
      },
    );
    return await serve(
      createServer((incoming, outgoing) => {
        const chunks: Buffer[] = [];
        incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
        incoming.on('end', () => {
          const { method = 'GET', url = '/', headers } = incoming;
          const request = new Request(`http://${headers.host ?? 'localhost'}${url}`, {
            method,
            headers: headers as Record<string, string>,
            ...(method === 'POST' ? { body: Buffer.concat(chunks).toString() } : {}),
          });
          handler(request).then(
            async (response) =>
              outgoing.writeHead(response.status, Object.fromEntries(response.headers)).end(await response.text()),
            () => outgoing.writeHead(500).end(),
          );
        });
      }),
    );
  },
};

/** What a handler finds out after some waiting. */
async function answer(onRequest: string | undefined) {
  await new Promise((resolve) => setTimeout(resolve, 1));
  const current = tenancy.currentTenant();
  const projects = current === undefined ? [] : await tenancy.withTenant(current, projectNames);
  return { onRequest, current: current?.schemaName, projects };
}

async function serve(server: Server): Promise<number> {
  stops.push(() => shut(server));
  return await listen(server);
}

const of = (name: string) => JSON.stringify({ onRequest: name, current: name, projects: [name] });

describe.each(Object.entries(frameworks))('the adapter for %s', (framework, start) => {
  it('serves each host its own tenant, and 404 to unknown ones', async () => {
    const port = await start({});
    for (const name of ['acme', 'globex']) {
      expect(await ask(port, `${name}.example.com`)).toMatchObject({ status: 200, body: of(name) });
    }
    expect(await ask(port, 'www.ACME.example.com:1234')).toMatchObject({ status: 200, body: of('acme') });
    expect(await ask(port, 'example.com')).toMatchObject({ status: 200, body: of('public') });
    expect(await ask(port, 'nobody.example.com')).toMatchObject({ status: 404, body: 'Not Found\n' });
  });

  it('hands requests for nobody to the public tenant, or to a handler', async () => {
    expect(await ask(await start({ notFound: 'public' }), 'nobody.example.com')).toMatchObject({ body: of('public') });
    const port = await start({ notFound: 'handler' });
    expect(await ask(port, 'nobody.example.com')).toMatchObject({ status: 410, body: 'gone' });
    expect(await ask(port, 'acme.example.com')).toMatchObject({ status: 200 });
  });

  it('keeps the context through the reading of a body', async () => {
    const port = await start({});
    const question = {
      method: 'POST',
      body: `{"a":"${'x'.repeat(50_000)}"}`,
      headers: { 'content-type': 'application/json' },
    };
    const answers = await Promise.all(
      ['acme', 'globex', 'acme', 'globex'].map((name) => ask(port, `${name}.example.com`, '/echo', question)),
    );
    expect(answers.map(({ body }) => (JSON.parse(body) as { current: string }).current)).toEqual([
      'acme',
      'globex',
      'acme',
      'globex',
    ]);
  });

  it('believes X-Forwarded-Host only where that is said', async () => {
    const headers = { 'x-forwarded-host': 'acme.example.com, proxy.example.com' };
    expect(await ask(await start({}), 'globex.example.com', '/', { headers })).toMatchObject({ body: of('globex') });
    const port = await start({ trustForwardedHost: true });
    expect(await ask(port, 'globex.example.com', '/', { headers })).toMatchObject({ body: of('acme') });
    expect(await ask(port, 'globex.example.com')).toMatchObject({ body: of('globex') });
  });

  it('takes the tenant from a header', async () => {
    const port = await start({ from: 'header', header: 'X-Client' });
    expect(await ask(port, 'x', '/', { headers: { 'x-client': 'acme' } })).toMatchObject({ body: of('acme') });
    for (const name of ['nobody', '', 'pg_catalog']) {
      expect(await ask(port, 'x', '/', { headers: { 'x-client': name } })).toMatchObject({ status: 404 });
    }
    expect(await ask(port, 'acme.example.com')).toMatchObject({ status: 404 });
  });

  it('takes the tenant from the path, and has the public one elsewhere', async () => {
    const port = await start({ from: 'subfolder' });
    for (const path of ['/clients/acme', '/clients/acme/', '/clients/acme/deep/er?x=1', '/clients/%61cme?y']) {
      expect(await ask(port, 'x', path)).toMatchObject({ status: 200, body: of('acme') });
    }
    for (const path of ['/', '/clientsacme', '/other/acme']) {
      expect(await ask(port, 'x', path)).toMatchObject({ body: of('public') });
    }
    // Fastify itself refuses an address that cannot be decoded, before anybody else sees it.
    const broken = framework === 'Fastify' ? 400 : 404;
    expect(await ask(port, 'x', '/clients/%zz/')).toMatchObject({ status: broken });
    for (const path of ['/clients', '/clients/', '/clients//acme', '/clients/nobody']) {
      expect(await ask(port, 'x', path)).toMatchObject({ status: 404 });
    }
  });

  it('answers 503 while migrations are pending, and serves when they are applied or there are more', async () => {
    const port = await start({ requireReady: true });
    expect(await ask(port, 'acme.example.com')).toMatchObject({ status: 200 });
    const [name] = await site.fleet.applied('acme');
    await database.query(`UPDATE acme.pgmigrations SET name = 'another' WHERE name = $1`, [name]);
    await expect
      .poll(() => ask(port, 'acme.example.com'), { timeout: 5000 })
      .toMatchObject({ status: 503, headers: { 'retry-after': '5' } });
    expect(await ask(port, 'globex.example.com')).toMatchObject({ status: 200 });
    await database.query(`INSERT INTO acme.pgmigrations (name, run_on) VALUES ($1, now())`, [name]);
    await expect.poll(async () => (await ask(port, 'acme.example.com')).status, { timeout: 5000 }).toBe(200);
    expect(await ask(port, 'example.com')).toMatchObject({ status: 200 });
    await database.query(`DELETE FROM acme.pgmigrations WHERE name = 'another'`);
  });

  it('leaves failures of handlers to the framework', async () => {
    const port = await start({});
    expect(await ask(port, 'acme.example.com', '/fail')).toMatchObject({ status: 500 });
    expect(await ask(port, 'acme.example.com')).toMatchObject({ body: of('acme') });
  });
});

describe('a registry that cannot be read', () => {
  it.each(Object.entries(frameworks))('is an error for %s, not an unknown host', async (_, start) => {
    const working = tenancy;
    tenancy = site.tenancy({ listen: false, shared: 'nowhere' });
    try {
      expect(await ask(await start({}), 'acme.example.com')).toMatchObject({ status: 500 });
    } finally {
      tenancy = working;
    }
  });
});
