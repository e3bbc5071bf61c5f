import { writeFile } from 'node:fs/promises';
import path from 'node:path';

import type { Scenario } from '../options.js';
import { node, REPOSITORY, runProgram } from '../run-program.js';
import type { Contender, Task } from './types.js';

export const TENANTS = path.join(REPOSITORY, 'bin', 'run.js');
const IN_PROCESS = path.join(REPOSITORY, 'bench', 'programs', 'in-process.js');

/** Our command line. Executors matter only where something is applied to many. */
export function commands(executors: readonly string[]): Contender[] {
  return [
    ...executors.map((executor) => command(`tenants migrate, ${executor}`, ['noop', 'one', 'all'], executor)),
    command('tenants status --check', ['status']),
    command('tenants plan', ['plan']),
    command('tenants create-tenant', ['create']),
  ];
}

function command(name: string, scenarios: readonly Scenario[], executor = 'standard'): Contender {
  return {
    name,
    role: 'ours',
    scenarios,
    prepare: (task) =>
      Promise.resolve(() =>
        runProgram({ ...node(TENANTS, argumentsFor(task, executor), task.folder), env: { DATABASE_URL: task.url } }),
      ),
  };
}

function argumentsFor({ scenario, connections, tenants }: Task, executor: string): string[] {
  if (scenario === 'status') return ['status', '--check'];
  if (scenario === 'plan') return ['plan'];
  if (scenario === 'create') return ['create-tenant', tenants[0] ?? ''];
  const lanes = executor === 'standard' ? connections : Math.max(1, Math.floor(connections / 2));
  const workers = executor === 'standard' ? [] : ['--max-processes', '2', '--chunk-size', '50'];
  return ['migrate', '--executor', executor, '--concurrency', String(lanes), ...workers];
}

/** The library, called from a program like the floor's. */
export function inProcess(options: string[] = []): Contender {
  return {
    name: 'tenants, called in a Node.js program',
    role: 'ours',
    scenarios: ['noop', 'one', 'all', 'create', 'status', 'plan'],
    prepare: async (task) => {
      const { url, folder, scenario, connections, tenants, scratch } = task;
      const call = ['status', 'plan', 'create'].includes(scenario) ? scenario : 'migrate';
      const input = path.join(scratch, 'in-process.json');
      await writeFile(input, JSON.stringify({ url, folder, call, tenant: tenants[0], concurrency: connections }));
      return () => runProgram(node(IN_PROCESS, [input], folder, options));
    },
  };
}
