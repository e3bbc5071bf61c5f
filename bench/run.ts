import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';

import { Client } from 'pg';

import { startEmbedded } from '../src/embedded/index.js';
import { openProxy } from '../test/support/proxy.js';
import {
  commandLineContender,
  type Contender,
  floorContender,
  psqlContender,
  runnerContender,
  tenantsContender,
} from './contenders.js';
import { buildFleet, type Scenario } from './fleet.js';
import { type BenchReport, machine, type Measurement, toMarkdown } from './report.js';

const { values } = parseArgs({
  options: {
    tenants: { type: 'string', default: '300' },
    scenario: { type: 'string', default: 'noop,one,all' },
    executors: { type: 'string', default: 'standard' },
    connections: { type: 'string', default: '4' },
    repetitions: { type: 'string', default: '3' },
    latency: { type: 'string', default: '0' },
    database: { type: 'string' },
    json: { type: 'string' },
    markdown: { type: 'string' },
    'without-command-line': { type: 'boolean', default: false },
  },
});

const tenants = Number(values.tenants);
const connections = Number(values.connections);
const scenarios = values.scenario.split(',') as Scenario[];
const folder = await mkdtemp(path.join(tmpdir(), 'tenants-bench-server-'));
const server =
  values.database === undefined
    ? await startEmbedded({ root: folder, settings: { max_locks_per_transaction: '1024' } })
    : undefined;
const admin = values.database ?? server?.url ?? '';
const name = `tenants_bench_${process.pid}`;
const url = new URL(admin);
url.pathname = `/${name}`;

const report: BenchReport = {
  machine: machine(),
  node: process.versions.node,
  server: await asAdmin(async (client) => {
    await client.query(`CREATE DATABASE ${name}`);
    const { rows } = await client.query<{ server_version: string }>('SHOW server_version');
    return rows[0]?.server_version ?? '';
  }),
  date: new Date().toISOString().slice(0, 10),
  measurements: [],
};
try {
  await measureAll();
} finally {
  await asAdmin((client) => client.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`));
  await server?.stop();
  await rm(folder, { recursive: true, force: true });
}
process.stdout.write(`\n${toMarkdown(report)}\n`);
if (values.json !== undefined) await writeFile(values.json, `${JSON.stringify(report, null, 2)}\n`);
if (values.markdown !== undefined) await writeFile(values.markdown, toMarkdown(report));

async function measureAll(): Promise<void> {
  const fleet = await buildFleet(url.href, tenants);
  const [setUp] = [tenantsContender('standard', connections)];
  await asAdmin(async (client) => {
    for (const tenant of fleet.tenants) await client.query(`CREATE SCHEMA ${tenant}`);
  }, url.href);
  process.stderr.write(`Preparing ${tenants} tenants…\n`);
  await (await setUp.prepare(fleet, 'noop', url.href))().catch(() => {});
  await asAdmin(
    (client) => client.query(`INSERT INTO tenants (schema_name) SELECT unnest($1::text[])`, [fleet.tenants]),
    url.href,
  );
  await (
    await setUp.prepare(fleet, 'noop', url.href)
  )();
  for (const latencyMs of values.latency.split(',').map(Number)) {
    const proxy = latencyMs > 0 ? await openProxy({ url: url.href, config: fleet.database }) : undefined;
    proxy?.setLatency(latencyMs);
    for (const scenario of scenarios) await measureScenario(fleet, scenario, proxy?.url ?? url.href, latencyMs);
    await proxy?.close();
  }
  await fleet.remove();
}

async function measureScenario(
  fleet: Awaited<ReturnType<typeof buildFleet>>,
  scenario: Scenario,
  target: string,
  latencyMs: number,
): Promise<void> {
  const rows = contenders().map((contender) => ({
    contender,
    measurement: { scenario, latencyMs, contender: contender.name, tenants, perTenantMs: [] } as Measurement,
  }));
  // In turn, so that a machine whose speed drifts is unfair to nobody.
  for (let repetition = 0; repetition < Number(values.repetitions); repetition += 1) {
    for (const { contender, measurement } of rows) {
      await fleet.reset(scenario);
      const measured = await contender.prepare(fleet, scenario, target);
      const started = performance.now();
      await measured();
      measurement.perTenantMs.push((performance.now() - started) / (tenants * contender.share));
      process.stderr.write(
        `${scenario} ${contender.name}: ${measurement.perTenantMs.at(-1)?.toFixed(2) ?? ''} ms per tenant\n`,
      );
    }
  }
  report.measurements.push(...rows.map(({ measurement }) => measurement));
}

function contenders(): Contender[] {
  return [
    floorContender(connections),
    ...(spawnSync('psql', ['--version']).status === 0 ? [psqlContender(connections)] : []),
    ...values.executors.split(',').map((executor) => tenantsContender(executor, connections)),
    runnerContender(connections),
    ...(values['without-command-line'] ? [] : [commandLineContender(10, tenants)]),
  ];
}

async function asAdmin<T>(use: (client: Client) => Promise<T>, target = admin): Promise<T> {
  const client = new Client({ connectionString: target });
  await client.connect();
  try {
    return await use(client);
  } finally {
    await client.end();
  }
}
