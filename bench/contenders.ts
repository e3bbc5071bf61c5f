import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import type { BenchFleet, Scenario } from './fleet.js';

/** Something that brings a fleet up to date, run as a whole process from outside. */
export type Contender = {
  name: string;
  /** Share of the fleet that it is run on; its time is scaled up to the whole. */
  share: number;
  /** Prepares what the measurement leaves out, and returns what it measures. */
  prepare(fleet: BenchFleet, scenario: Scenario, url: string): Promise<() => Promise<void>>;
};

const REPOSITORY = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const PROGRAM = path.join(REPOSITORY, 'bin', 'run.js');
const NODE_PG_MIGRATE = path.join(REPOSITORY, 'node_modules', 'node-pg-migrate', 'bin', 'node-pg-migrate.js');

/** `tenants migrate` with an executor. */
export function tenantsContender(executor: string, connections: number): Contender {
  const parallel =
    executor === 'standard'
      ? ['--concurrency', String(connections)]
      : ['--max-processes', '2', '--concurrency', String(connections / 2), '--chunk-size', '50'];
  return {
    name: `tenants, ${executor}`,
    share: 1,
    prepare:
      async ({ folder }, _scenario, url) =>
      () =>
        run(process.execPath, [PROGRAM, 'migrate', '--executor', executor, ...parallel], folder, { DATABASE_URL: url }),
  };
}

/** The floor: a minimal program that sends ready-made SQL, one message a tenant. */
export function floorContender(connections: number): Contender {
  return {
    name: 'ready-made SQL from Node.js (the floor)',
    share: 1,
    prepare: async (fleet, scenario, url) => {
      const texts = readyMade(fleet, scenario);
      const folder = await mkdtemp(path.join(tmpdir(), 'tenants-floor-'));
      const input = path.join(folder, 'input.json');
      await writeFile(input, JSON.stringify({ url, connections, texts }));
      const program = fileURLToPath(new URL('floor.js', import.meta.url));
      return async () => {
        await run(process.execPath, [program, input], folder);
        await rm(folder, { recursive: true, force: true });
      };
    },
  };
}

/** The same by psql: it sends statement by statement and waits for each answer. */
export function psqlContender(connections: number): Contender {
  return {
    name: 'ready-made SQL from psql',
    share: 1,
    prepare: async (fleet, scenario, url) => {
      const texts = readyMade(fleet, scenario);
      const folder = await mkdtemp(path.join(tmpdir(), 'tenants-psql-'));
      const lanes = Math.min(connections, texts.length);
      const files = Array.from({ length: lanes }, (_, lane) => path.join(folder, `lane${lane}.sql`));
      await Promise.all(
        files.map((file, lane) => writeFile(file, texts.filter((_, index) => index % lanes === lane).join('\n'))),
      );
      return async () => {
        await Promise.all(
          files.map((file) =>
            run('psql', ['-X', '-q', '-o', '/dev/null', '-v', 'ON_ERROR_STOP=1', '-f', file, url], folder),
          ),
        );
        await rm(folder, { recursive: true, force: true });
      };
    },
  };
}

/** node-pg-migrate's runner in one process, a pool of connections. */
export function runnerContender(connections: number): Contender {
  return {
    name: "node-pg-migrate's runner, one process",
    share: 1,
    prepare: async ({ folder, tenants }, _scenario, url) => {
      const program = fileURLToPath(new URL('runner.js', import.meta.url));
      const input = path.join(folder, 'runner.json');
      await writeFile(
        input,
        JSON.stringify({ url, connections, tenants, directory: path.join(folder, 'migrations', 'tenant') }),
      );
      return () => run(process.execPath, [program, input], REPOSITORY);
    },
  };
}

/** node-pg-migrate's command line in a loop, on some of the tenants. */
export function commandLineContender(sample: number, total: number): Contender {
  const count = Math.min(sample, total);
  return {
    name: "node-pg-migrate's command line in a loop",
    share: count / total,
    prepare:
      async ({ folder, tenants }, _scenario, url) =>
      async () => {
        for (const tenant of tenants.slice(0, count)) {
          const args = [
            'up',
            '-m',
            'migrations/tenant',
            '--schema',
            tenant,
            '--schema',
            'public',
            '--migrations-schema',
            tenant,
            '--verbose',
            'false',
          ];
          await run(process.execPath, [NODE_PG_MIGRATE, ...args], folder, { DATABASE_URL: url });
        }
      },
  };
}

/** What each tenant must be sent; for nothing pending, one query over all migrations tables. */
function readyMade(fleet: BenchFleet, scenario: Scenario): string[] {
  const { tenants } = fleet;
  if (scenario === 'noop') {
    const digest = "md5(string_agg(name, ',' ORDER BY run_on, id))";
    return chunk(tenants, 200).map(
      (some) =>
        `${some.map((tenant) => `SELECT '${tenant}', count(*), ${digest} FROM ${tenant}.pgmigrations`).join(' UNION ALL ')};`,
    );
  }
  const pending = fleet.pendingSql(scenario);
  return tenants.map((tenant) =>
    [
      `BEGIN; SET LOCAL search_path TO ${tenant}, public;`,
      scenario === 'all'
        ? 'CREATE TABLE pgmigrations (id SERIAL PRIMARY KEY, name varchar(255) NOT NULL, run_on timestamp NOT NULL);'
        : '',
      ...pending.map(({ name, sql }) => `${sql} INSERT INTO pgmigrations (name, run_on) VALUES ('${name}', NOW());`),
      'COMMIT;',
    ].join('\n'),
  );
}

/** Runs a program and waits for it. */
export function run(command: string, args: string[], cwd: string, env: Record<string, string> = {}): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, env: { ...process.env, ...env }, stdio: ['ignore', 'ignore', 'pipe'] });
    let said = '';
    child.stderr.on('data', (data: Buffer) => (said += data.toString()));
    child.on('error', reject);
    child.on('close', (code) => {
      if (code === 0) resolve();
      else reject(new Error(`${command} ${args[0] ?? ''} ended with ${String(code)}: ${said.slice(-2000)}`));
    });
  });
}

function chunk<T>(items: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, index) =>
    items.slice(index * size, (index + 1) * size),
  );
}
