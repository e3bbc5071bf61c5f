import { readFile } from 'node:fs/promises';
import { cpus, release, totalmem } from 'node:os';
import path from 'node:path';

import type { Contender } from './contenders/types.js';
import type { Cost } from './costs.js';
import type { Options, Scenario } from './options.js';
import { type Outcome, REPOSITORY } from './run-program.js';

/** One measured run: `ms` is for all tenants, also where only some of them were tried. */
export type Run = Outcome & { serverCpuMs?: number };

/** One contender in one scenario: a run for each repetition. */
export type Measurement = {
  scenario: Scenario;
  /** Of the fleet. */
  tenants: number;
  /** ms of round-trip time that were asked for. */
  latencyMs: number;
  contender: string;
  role: Contender['role'];
  /** Tenants that it was really run on. */
  sample?: number;
  runs: Run[];
};

/** A fleet as it was built. */
export type FleetFacts = { tenants: number; buildMs: number; relationsPerTenant: number };

export type BenchReport = {
  date: string;
  machine: string;
  versions: Record<string, string>;
  server: { embedded: boolean; settings: Record<string, string> };
  options: Options;
  fleets: FleetFacts[];
  /** The round-trip time that was measured, in ms, for each latency that was asked for. */
  roundTrips: { latencyMs: number; measuredMs: number }[];
  measurements: Measurement[];
  costs: Cost[];
};

/** What the figures are taken on, before there are any. */
export async function emptyReport(
  given: Options,
  embedded: boolean,
  settings: Record<string, string>,
): Promise<BenchReport> {
  return {
    date: new Date().toISOString(),
    machine: machine(),
    versions: {
      'pg-tenants': await versionOf('package.json'),
      'node-pg-migrate': await versionOf('node_modules/node-pg-migrate/package.json'),
      pg: await versionOf('node_modules/pg/package.json'),
      node: process.versions.node,
      postgresql: settings['server_version'] ?? '',
    },
    server: { embedded, settings },
    // A URL has a password in it.
    options: { ...given, database: undefined },
    fleets: [],
    roundTrips: [],
    measurements: [],
    costs: [],
  };
}

function machine(): string {
  const [cpu] = cpus();
  const memory = `${Math.round(totalmem() / 2 ** 30)} GiB`;
  return `${cpus().length} × ${cpu?.model.trim() ?? 'unknown'}, ${memory}, ${process.platform} ${release()}`;
}

async function versionOf(file: string): Promise<string> {
  const { version } = JSON.parse(await readFile(path.join(REPOSITORY, file), 'utf8')) as { version: string };
  return version;
}
