import { createServer, type Server } from 'node:http';

import express from 'express';
import createFastify from 'fastify';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import { tenantMiddleware, tenantRouter } from '../../src/runtime/express.js';
import { tenantPlugin } from '../../src/runtime/fastify.js';
import { tenantFetch } from '../../src/runtime/fetch.js';
import type { Tenancy } from '../../src/runtime/index.js';
import { useDatabase } from '../support/database.js';
import { ask, listen, shut } from './ask.js';
import { createSite, type Site } from './fixture.js';

const database = useDatabase({ name: 'routers' });
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

async function serve(server: Server): Promise<number> {
  stops.push(() => shut(server));
  return await listen(server);
}

describe('different routers for the main website and for tenants', () => {
  it('in Express', async () => {
    const app = express();
    const [main, own] = [express.Router(), express.Router()];
    main.get('/', (_, response) => void response.send('website'));
    own.get('/', (request, response) => void response.send(`tenant ${request.tenant.schemaName}`));
    app.use(tenantMiddleware(tenancy));
    app.use(tenantRouter(tenancy, { public: main, tenant: own }));
    app.get('/both', (request, response) => void response.send(`both ${request.tenant.schemaName}`));
    await checkRouters(await serve(createServer(app)));
  });

  it('in Fastify', async () => {
    const app = createFastify();
    await app.register(tenantPlugin, { tenancy });
    app.get('/', { constraints: { tenancy: 'public' } }, () => 'website');
    app.get('/', { constraints: { tenancy: 'tenant' } }, ({ tenant }) => `tenant ${tenant.schemaName}`);
    app.get('/both', ({ tenant }) => `both ${tenant.schemaName}`);
    expect(() => app.get('/x', { constraints: { tenancy: 'other' } }, () => '')).toThrow('public');
    await app.listen({ port: 0, host: '127.0.0.1' });
    stops.push(() => app.close());
    await checkRouters((app.server.address() as { port: number }).port);
  });

  it('in fetch', async () => {
    const handler = tenantFetch(tenancy, {
      public: () => new Response('website'),
      tenant: (_, { schemaName }) => new Response(`tenant ${schemaName}`),
    });
    const text = async (host: string): Promise<string> => (await handler(new Request(`http://${host}/`))).text();
    expect(await text('example.com')).toBe('website');
    expect(await text('acme.example.com')).toBe('tenant acme');
    expect(await text('nobody.example.com')).toBe('Not Found\n');
  });

  async function checkRouters(port: number): Promise<void> {
    expect(await ask(port, 'example.com')).toMatchObject({ status: 200, body: 'website' });
    expect(await ask(port, 'acme.example.com')).toMatchObject({ status: 200, body: 'tenant acme' });
    expect(await ask(port, 'example.com', '/both')).toMatchObject({ status: 200, body: 'both public' });
    expect(await ask(port, 'acme.example.com', '/both')).toMatchObject({ status: 200, body: 'both acme' });
    expect(await ask(port, 'acme.example.com', '/nothing')).toMatchObject({ status: 404 });
    expect(await ask(port, 'nobody.example.com')).toMatchObject({ status: 404, body: 'Not Found\n' });
  }
});
