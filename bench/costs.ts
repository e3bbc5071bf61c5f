import path from 'node:path';

import { type Counts, openProxy } from '../test/support/proxy.js';
import { inProcess } from './contenders/tenants.js';
import { targetOf, withTask } from './measure.js';
import type { Options, Scenario } from './options.js';
import { profileLines, readProfile, type SelfTime } from './profile.js';
import type { CpuMeter } from './server-cpu.js';
import { type Activity, forgetStatements, readActivity, readStatements, type StatementTime } from './server-profile.js';
import type { Stage } from './stages.js';

/** What one call of the library in process cost, over all tenants: first counted, then without a proxy in between. */
export type Cost = {
  scenario: Scenario;
  tenants: number;
  counts: Counts;
  workMs: number | undefined;
  clientCpuMs: number | undefined;
  serverCpuMs: number | undefined;
  profile?: { file: string; functions: SelfTime[]; files: SelfTime[] };
  activity?: Activity;
  statements?: StatementTime[];
};

export type CostSources = {
  options: Options;
  adminUrl: string;
  serverCpu: CpuMeter | undefined;
  /** The server has pg_stat_statements. */
  statements: boolean;
};

/** Takes both runs on a stage that this scenario has. */
export async function takeCost(stage: Stage, sources: CostSources): Promise<Cost> {
  const { connections } = sources.options;
  const counts = await withTask(stage, connections, 0, async (task) => {
    const proxy = await openProxy(targetOf(task.url));
    try {
      const run = await inProcess().prepare({ ...task, url: proxy.url });
      await run();
      return proxy.counts();
    } finally {
      await proxy.close();
    }
  });
  const plain = await withTask(stage, connections, 0, (task) => plainRun(stage, task, sources));
  const { scenario, tenants } = stage;
  return { scenario, tenants: tenants.length, counts, ...plain };
}

async function plainRun(
  { scenario, tenants }: Stage,
  task: Parameters<ReturnType<typeof inProcess>['prepare']>[0],
  { options, adminUrl, serverCpu, statements }: CostSources,
): Promise<Omit<Cost, 'scenario' | 'tenants' | 'counts'>> {
  const folder = options.profile === undefined ? undefined : path.resolve(options.profile);
  const name = `${scenario}-${tenants.length}.cpuprofile`;
  const run = await inProcess(
    folder === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${folder}`, `--cpu-prof-name=${name}`],
  ).prepare(task);
  if (statements) await forgetStatements(adminUrl);
  const [activity, cpu] = [await readActivity(task.directUrl), await serverCpu?.()];
  const outcome = await run();
  const cpuAfter = await serverCpu?.();
  const after = await readActivity(task.directUrl);
  return {
    workMs: outcome.workMs,
    clientCpuMs: outcome.cpuMs,
    serverCpuMs: cpu === undefined || cpuAfter === undefined ? undefined : cpuAfter - cpu,
    ...(folder === undefined
      ? {}
      : { profile: { file: path.join(folder, name), ...(await readProfile(path.join(folder, name))) } }),
    ...(options.serverProfile
      ? {
          activity: Object.fromEntries(
            Object.entries(after).map(([key, value]) => [key, value - (activity[key] ?? 0)]),
          ),
        }
      : {}),
    ...(statements
      ? { statements: await readStatements(adminUrl, decodeURIComponent(new URL(task.directUrl).pathname.slice(1))) }
      : {}),
  };
}

/** What one tenant costs, and what took the time, as text for the report. */
export function costLines(costs: readonly Cost[]): string[] {
  return costs.flatMap((cost) => {
    const { scenario, tenants, counts, clientCpuMs, serverCpuMs, workMs, profile, activity, statements } = cost;
    const each = (value: number | undefined): string =>
      value === undefined ? '?' : `${value.toFixed(0)} (${(value / tenants).toFixed(3)} a tenant)`;
    return [
      `**What "${scenario}" costs, ${tenants} tenants, called in process**`,
      '',
      '```text',
      `connections     ${counts.connections}`,
      `round trips     ${each(counts.roundTrips)}`,
      `statements      ${each(counts.statements)}`,
      `bytes sent      ${each(counts.bytes.sent)}`,
      `bytes received  ${each(counts.bytes.received)}`,
      `ms of work      ${each(workMs)}`,
      `client CPU, ms  ${each(clientCpuMs)}`,
      `server CPU, ms  ${each(serverCpuMs)}`,
      '',
      ...(activity === undefined
        ? []
        : [...Object.entries(activity).map(([name, value]) => `${name.padEnd(15)} ${each(value)}`), '']),
      ...(statements === undefined ? [] : statementLines(statements)),
      ...(profile === undefined
        ? []
        : [
            ...profileLines('Self time by file or package', profile.files.slice(0, 12)),
            ...profileLines('Self time by function', profile.functions.slice(0, 15)),
          ]),
      '```',
      '',
    ];
  });
}

function statementLines(statements: readonly StatementTime[]): string[] {
  return [
    '  exec ms   plan ms    calls  statement',
    ...statements.map(
      ({ query, calls, ms, planMs }) =>
        `${ms.toFixed(1).padStart(9)} ${planMs.toFixed(1).padStart(9)} ${String(calls).padStart(8)}  ${query.slice(0, 150)}`,
    ),
    '',
  ];
}
