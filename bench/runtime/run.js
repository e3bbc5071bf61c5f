// What the runtime costs: look-ups from the cache, and a request through Express with the middleware and without it.
//
//   npm run build && DATABASE_URL=postgres://… node bench/runtime/run.js
//
// Needs a database in which it may create a schema of its own (dropped at the end). Prints medians of ROUNDS measurements,
// taken in turn so that a busy machine hits both alike.
import { createServer } from 'node:http';

import autocannon from 'autocannon';
import express from 'express';
import { Pool } from 'pg';

import { tenantMiddleware } from '../../dist/runtime/express.js';
import { createTenancy } from '../../dist/runtime/index.js';

const ROUNDS = Number(process.env.ROUNDS ?? 7);
const LOOKUPS = 1_000_000;
const SECONDS = Number(process.env.SECONDS ?? 2);
const TENANTS = 1000;
const SHARED = 'tenants_bench';

const pool = new Pool({ connectionString: process.env.DATABASE_URL, max: 8 });
try {
  await prepare();
  const tenancy = createTenancy({ pool, shared: SHARED });
  const hosts = Array.from({ length: TENANTS }, (_, index) => `client-${index}.example.com`);
  for (const host of hosts) await tenancy.resolve(host);
  while (!tenancy.listening) await new Promise((resolve) => setTimeout(resolve, 10));
  for (const host of hosts) await tenancy.resolve(host);

  await lookUps('resolve, one host', (count) => repeat(count, () => tenancy.resolve('client-1.example.com')));
  await lookUps(`resolve, ${TENANTS} hosts in turn`, (count) =>
    repeat(count, (i) => tenancy.resolve(hosts[i % TENANTS])),
  );
  await lookUps('resolve, with a port', (count) => repeat(count, () => tenancy.resolve('client-1.example.com:8080')));
  await transactions(tenancy);
  await requests(tenancy);
  await tenancy.close();
} finally {
  await pool.query(`DROP SCHEMA IF EXISTS ${SHARED} CASCADE; DROP SCHEMA IF EXISTS ${SHARED}_1 CASCADE`);
  await pool.end();
}

async function prepare() {
  await pool.query(`
    DROP SCHEMA IF EXISTS ${SHARED} CASCADE; DROP SCHEMA IF EXISTS ${SHARED}_1 CASCADE;
    CREATE SCHEMA ${SHARED}; CREATE SCHEMA ${SHARED}_1;
    CREATE TABLE ${SHARED}.tenants (id bigint PRIMARY KEY, schema_name text UNIQUE, name text, type text, status text, created_at timestamptz);
    CREATE TABLE ${SHARED}.domains (domain text PRIMARY KEY, tenant_id bigint);
    INSERT INTO ${SHARED}.tenants SELECT i, '${SHARED}_' || i, NULL, NULL, 'active', now() FROM generate_series(0, ${TENANTS - 1}) i;
    INSERT INTO ${SHARED}.domains SELECT 'client-' || i || '.example.com', i FROM generate_series(0, ${TENANTS - 1}) i`);
}

async function repeat(count, ask) {
  for (let i = 0; i < count; i += 1) {
    if ((await ask(i)) === null) throw new Error('A look-up failed.');
  }
}

async function lookUps(label, ask) {
  await ask(LOOKUPS / 10);
  const rates = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const begun = processorTime();
    await ask(LOOKUPS);
    rates.push(LOOKUPS / (processorTime() - begun));
  }
  print(label, `${median(rates).toFixed(2)} million a second of processor time`);
}

async function transactions(tenancy) {
  const tenant = await tenancy.resolve('client-1.example.com');
  const plain = async () => {
    const client = await pool.connect();
    await client.query('BEGIN');
    await client.query('SELECT 1');
    await client.query('COMMIT');
    client.release();
  };
  const ours = () => tenancy.withTenant(tenant, (client) => client.query('SELECT 1'));
  const [before, after] = await inTurn([plain, ours], async (work) => {
    const begun = performance.now();
    for (let i = 0; i < 1000; i += 1) await work();
    return (performance.now() - begun) / 1000;
  });
  print('BEGIN, SELECT 1, COMMIT by hand', `${before.toFixed(3)} ms`);
  print('withTenant with the same SELECT 1', `${after.toFixed(3)} ms`);
}

async function requests(tenancy) {
  const applications = [false, true].map((withMiddleware) => {
    const app = express();
    if (withMiddleware) app.use(tenantMiddleware(tenancy));
    app.get('/', (_, response) => void response.end('ok'));
    return createServer(app);
  });
  const ports = await Promise.all(applications.map((server) => listen(server)));
  // The client is in this process too: the difference between the two is what the middleware takes.
  const [without, withIt] = await inTurn(ports, async (port) => {
    const begun = processorTime();
    const { requests, errors, non2xx } = await autocannon({
      url: `http://127.0.0.1:${port}/`,
      connections: 10,
      duration: SECONDS,
      headers: { host: 'client-1.example.com' },
    });
    if (errors + non2xx > 0) throw new Error('Some requests failed.');
    return (processorTime() - begun) / requests.total;
  });
  print('Express, a request without the middleware', `${without.toFixed(1)} µs of processor time`);
  print('Express, a request with it', `${withIt.toFixed(1)} µs`);
  print('the middleware', `${(withIt - without).toFixed(1)} µs a request`);
  for (const server of applications) server.close();
}

/** Processor time that this process has used, in µs: unlike the clock, it does not count what others do in the meantime. */
function processorTime() {
  const { user, system } = process.cpuUsage();
  return user + system;
}

/** Measures two things alternately, after a round that does not count, and returns the medians. */
async function inTurn(subjects, measure) {
  for (const subject of subjects) await measure(subject);
  const results = subjects.map(() => []);
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const [index, subject] of subjects.entries()) results[index].push(await measure(subject));
  }
  return results.map(median);
}

function median(values) {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
}

async function listen(server) {
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server.address().port;
}

function print(label, value) {
  console.log(`${label.padEnd(48)} ${value}`);
}
