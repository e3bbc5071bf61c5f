import { writeFile } from 'node:fs/promises';
import path from 'node:path';

import { withClient } from '../database.js';
import { node, type Outcome, REPOSITORY, runProgram } from '../run-program.js';
import type { Contender, Task } from './types.js';

const RUNNER = path.join(REPOSITORY, 'bench', 'programs', 'runner.js');
const COMMAND = path.join(REPOSITORY, 'node_modules', 'node-pg-migrate', 'bin', 'node-pg-migrate.js');
const SCENARIOS = ['noop', 'one', 'all', 'create'] as const;

/** Its runner for each tenant in one process, over as many connections as the others have. */
export function runner(): Contender {
  return {
    name: "node-pg-migrate's runner, called in a Node.js program",
    role: 'peer',
    scenarios: SCENARIOS,
    prepare: async (task) => {
      await makeNewSchema(task);
      const { url, connections, tenants } = task;
      const input = path.join(task.scratch, 'runner.json');
      await writeFile(input, JSON.stringify({ url, connections, tenants, directory: directoryOf(task) }));
      return () => runProgram(node(RUNNER, [input], REPOSITORY));
    },
  };
}

/** Its command line for each tenant: one after the other, or as many at once as the others have connections. */
export function commandLines(sample: number, connections: number): Contender[] {
  return [
    commandLine('node-pg-migrate up, a process per tenant', sample, 1),
    ...(connections === 1
      ? []
      : [commandLine(`node-pg-migrate up, ${connections} processes at once`, sample * 2, connections)]),
  ];
}

function commandLine(name: string, sample: number, atOnce: number): Contender {
  return {
    name,
    role: 'peer',
    scenarios: atOnce === 1 ? SCENARIOS : ['noop', 'one', 'all'],
    sample,
    prepare: async (task) => {
      await makeNewSchema(task);
      const program = (tenant: string) => ({
        ...node(COMMAND, [...argumentsFor(task, tenant), ...(atOnce === 1 ? [] : ['--no-lock'])], task.folder),
        env: { DATABASE_URL: task.url },
      });
      return async (): Promise<Outcome> => {
        const begun = performance.now();
        const queue = task.tenants.slice(0, sample).values();
        const outcomes: Outcome[] = [];
        await Promise.all(
          Array.from({ length: atOnce }, async () => {
            for (const tenant of queue) outcomes.push(await runProgram(program(tenant)));
          }),
        );
        const maxRssKiB = Math.max(...outcomes.map((one) => one.maxRssKiB ?? 0)) * atOnce;
        return {
          ms: performance.now() - begun,
          maxRssKiB,
          cpuMs: outcomes.reduce((sum, one) => sum + (one.cpuMs ?? 0), 0),
        };
      };
    },
  };
}

function argumentsFor(task: Task, tenant: string): string[] {
  const schemas = ['--schema', tenant, '--schema', 'public', '--migrations-schema', tenant];
  return ['up', '-m', directoryOf(task), ...schemas, '--verbose', 'false'];
}

/** It makes no tenants: the row and the schema of a new one are there before it starts. */
async function makeNewSchema({ scenario, directUrl, tenants }: Task): Promise<void> {
  if (scenario !== 'create') return;
  await withClient(directUrl, async (client) => {
    for (const tenant of tenants) {
      await client.query(`INSERT INTO tenants (schema_name) VALUES ('${tenant}'); CREATE SCHEMA ${tenant}`);
    }
  });
}

function directoryOf({ folder }: Task): string {
  return path.join(folder, 'migrations', 'tenant');
}
