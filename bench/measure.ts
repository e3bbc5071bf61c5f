import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { openProxy } from '../test/support/proxy.js';
import type { Contender, Task } from './contenders/types.js';
import type { Measurement } from './report.js';
import type { Outcome } from './run-program.js';
import type { CpuMeter } from './server-cpu.js';
import type { Stage } from './stages.js';

export type Setting = { connections: number; repetitions: number; latencyMs: number; serverCpu: CpuMeter | undefined };

/** Measures contenders on a stage, in turn, so that a machine whose speed drifts is unfair to nobody. */
export async function measure(
  stage: Stage,
  contenders: readonly Contender[],
  setting: Setting,
): Promise<Measurement[]> {
  const rows = contenders
    .filter(({ scenarios }) => scenarios.includes(stage.scenario))
    .map((contender) => ({ contender, measurement: emptyMeasurement(stage, contender, setting) }));
  for (let repetition = 0; repetition < setting.repetitions; repetition += 1) {
    // Another one begins each time: nobody always comes after the same other.
    const shift = repetition % Math.max(1, rows.length);
    for (const { contender, measurement } of [...rows.slice(shift), ...rows.slice(0, shift)]) {
      const before = setting.serverCpu;
      const run = await runOnce(stage, contender, setting, before);
      measurement.runs.push(run);
      process.stderr.write(
        `${stage.scenario}, ${stage.tenants.length} tenants, ${setting.latencyMs} ms: ${contender.name}: ${run.ms.toFixed(0)} ms\n`,
      );
    }
  }
  return rows.map(({ measurement }) => measurement);
}

async function runOnce(
  stage: Stage,
  contender: Contender,
  { connections, latencyMs }: Setting,
  serverCpu: CpuMeter | undefined,
): Promise<Measurement['runs'][number]> {
  return await withTask(stage, connections, latencyMs, async (task) => {
    const run = await contender.prepare(task);
    const before = await serverCpu?.();
    const outcome = await run();
    const after = await serverCpu?.();
    const cpu = before === undefined || after === undefined ? {} : { serverCpuMs: after - before };
    return scaled(
      { ...outcome, ...cpu },
      stage.tenants.length / Math.min(contender.sample ?? Infinity, stage.tenants.length),
    );
  });
}

/** Lends a task at the start of its scenario, with a folder for files, through a proxy where latency is wanted. */
export async function withTask<T>(
  stage: Stage,
  connections: number,
  latencyMs: number,
  use: (task: Task) => Promise<T>,
): Promise<T> {
  const { scenario, folder, tenants, pending } = stage;
  const directUrl = await stage.begin();
  const scratch = await mkdtemp(path.join(tmpdir(), 'tenants-bench-scratch-'));
  const proxy = latencyMs > 0 ? await openProxy(targetOf(directUrl)) : undefined;
  proxy?.setLatency(latencyMs);
  try {
    return await use({
      scenario,
      url: proxy?.url ?? directUrl,
      directUrl,
      folder,
      scratch,
      tenants,
      pending,
      connections,
    });
  } finally {
    await proxy?.close();
    await rm(scratch, { recursive: true, force: true });
  }
}

/** What a proxy needs to know about a database. */
export function targetOf(url: string) {
  const { hostname, port } = new URL(url);
  return { url, config: { host: hostname, port: port === '' ? 5432 : Number(port) } };
}

/** Times of a part of the fleet, for all of it; memory stays as it is. */
function scaled<T extends Outcome & { serverCpuMs?: number }>(run: T, factor: number): T {
  const { ms, cpuMs, serverCpuMs } = run;
  return {
    ...run,
    ms: ms * factor,
    ...(cpuMs === undefined ? {} : { cpuMs: cpuMs * factor }),
    ...(serverCpuMs === undefined ? {} : { serverCpuMs: serverCpuMs * factor }),
  };
}

function emptyMeasurement(
  { scenario, tenants }: Stage,
  { name, role, sample }: Contender,
  { latencyMs }: Setting,
): Measurement {
  return {
    scenario,
    tenants: tenants.length,
    latencyMs,
    contender: name,
    role,
    ...(sample === undefined ? {} : { sample }),
    runs: [],
  };
}
