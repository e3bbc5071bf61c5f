import { writeFile } from 'node:fs/promises';

import { openProxy } from '../test/support/proxy.js';
import { COUNTED_BY_CHECK, missingFrom } from './check.js';
import { findContenders } from './contenders/index.js';
import { takeCost } from './costs.js';
import { readSettings, roundTripTime } from './database.js';
import { interruption, watchEnds } from './interruption.js';
import { toMarkdown } from './markdown.js';
import { measure, targetOf } from './measure.js';
import { HELP, type Options, readOptions, type Scenario } from './options.js';
import { type BenchReport, emptyReport } from './report.js';
import { serverCpuMeter } from './server-cpu.js';
import { countsStatements } from './server-profile.js';
import { type BenchServer, withServer } from './server.js';
import { STARTUP, withStages } from './stages.js';

/** Startups are short: so many times the repetitions of everything else. */
const STARTUPS = 4;

try {
  const options = readOptions(process.argv.slice(2));
  if (options === undefined) process.stdout.write(HELP);
  else await main(options);
} catch (error) {
  if (!interruption.aborted) {
    process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    process.exitCode = 1;
  }
}

async function main(options: Options): Promise<void> {
  watchEnds();
  let report: BenchReport | undefined;
  try {
    await withServer(options, (server) => measureAll(server, options, (begun) => (report = begun)));
  } finally {
    // What was measured before a failure or an interruption is kept.
    if (report !== undefined) await write(report, options);
  }
  const missing = options.check && report !== undefined ? missingFrom(report) : [];
  if (missing.length > 0) throw new Error(`The benchmark is not complete:\n${missing.join('\n')}`);
}

async function write(report: BenchReport, { json, markdown }: Options): Promise<void> {
  const text = toMarkdown(report);
  process.stdout.write(`\n${text}\n`);
  if (json !== undefined) await writeFile(json, `${JSON.stringify(report, null, 2)}\n`);
  if (markdown !== undefined) await writeFile(markdown, text);
}

async function measureAll(server: BenchServer, options: Options, begin: (report: BenchReport) => void): Promise<void> {
  const report = await emptyReport(options, server.embedded, await readSettings(server.url));
  begin(report);
  const contenders = await findContenders(options, server.url);
  const serverCpu = await serverCpuMeter(server.url);
  for (const latencyMs of options.latencies) {
    report.roundTrips.push({ latencyMs, measuredMs: await roundTripThroughProxy(server.url, latencyMs) });
  }
  if (options.scenarios.includes('startup')) {
    const repetitions = options.check ? 1 : options.repetitions * STARTUPS;
    report.measurements.push(
      ...(await measure(STARTUP, contenders, { connections: 1, repetitions, latencyMs: 0, serverCpu: undefined })),
    );
  }
  const wantsCost = (scenario: Scenario): boolean =>
    options.serverProfile || options.profile !== undefined || (options.check && COUNTED_BY_CHECK.includes(scenario));
  const statements = options.serverProfile && (await countsStatements(server.url));
  const { connections, repetitions, latencies } = options;
  for (const tenants of options.tenants) {
    await withStages(
      server,
      options,
      tenants,
      (facts) => report.fleets.push(facts),
      async (stage) => {
        for (const latencyMs of latencies) {
          const setting = { connections, repetitions, latencyMs, serverCpu };
          report.measurements.push(...(await measure(stage, contenders, setting)));
        }
        if (wantsCost(stage.scenario)) {
          report.costs.push(await takeCost(stage, { options, adminUrl: server.url, serverCpu, statements }));
        }
      },
    );
  }
}

async function roundTripThroughProxy(url: string, latencyMs: number): Promise<number> {
  if (latencyMs === 0) return await roundTripTime(url);
  const proxy = await openProxy(targetOf(url));
  proxy.setLatency(latencyMs);
  try {
    return await roundTripTime(proxy.url);
  } finally {
    await proxy.close();
  }
}
