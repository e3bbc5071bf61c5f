import { spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { stoppable } from './interruption.js';

export const REPOSITORY = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const USAGE = new URL('programs/usage.js', import.meta.url).href;

/** What a program took, from its start to its end. */
export type Outcome = {
  ms: number;
  /** ms of its own work, without starting and loading; where the program says it. */
  workMs?: number;
  /** Sums over its processes, where they are Node.js: the most memory that each held (KiB), and its CPU time (ms). */
  maxRssKiB?: number;
  cpuMs?: number;
  processes?: number;
};

export type Program = {
  command: string;
  args: string[];
  cwd: string;
  env?: Record<string, string>;
  /** Exit codes that are no failure. */
  accepts?: number[];
};

/** A Node.js program; `options` go before its path. */
export function node(program: string, args: string[], cwd: string, options: string[] = []): Program {
  return { command: process.execPath, args: [...options, program, ...args], cwd };
}

/** Runs a program to its end. An interruption kills it. */
export async function runProgram({ command, args, cwd, env = {}, accepts = [0] }: Program): Promise<Outcome> {
  const isNode = command === process.execPath;
  const folder = await mkdtemp(path.join(tmpdir(), 'tenants-bench-usage-'));
  try {
    const all = isNode ? ['--import', USAGE, ...args] : args;
    const begun = performance.now();
    const child = spawn(command, all, {
      cwd,
      env: { ...plainEnvironment(), BENCH_USAGE: folder, ...env },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let said = '';
    child.stderr.on('data', (data: Buffer) => (said = (said + data.toString()).slice(-2000)));
    const code = await stoppable(
      () => child.kill('SIGKILL'),
      () =>
        new Promise<number | null>((resolve, reject) => {
          child.on('error', reject);
          child.on('close', resolve);
        }),
    );
    const ms = performance.now() - begun;
    if (!accepts.includes(code ?? -1)) {
      throw new Error(`${command} ${args.join(' ').slice(0, 200)} ended with ${String(code)}:\n${said}`);
    }
    return { ms, ...(await readUsage(folder)) };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Nothing of the shell may decide a measurement. */
function plainEnvironment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(
    ([name]) =>
      !/^(DATABASE_URL$|PG|TENANTS_|NODE_ENV$|NODE_OPTIONS$|NODE_V8_COVERAGE$|FORCE_COLOR$|VITEST|CI$)/.test(name),
  );
  return { ...Object.fromEntries(kept), NO_COLOR: '1' };
}

async function readUsage(folder: string): Promise<Omit<Outcome, 'ms'>> {
  const files = await readdir(folder);
  if (files.length === 0) return {};
  const usages = await Promise.all(
    files.map(
      async (file) =>
        JSON.parse(await readFile(path.join(folder, file), 'utf8')) as {
          maxRssKiB: number;
          cpuMs: number;
          workMs?: number;
        },
    ),
  );
  const workMs = usages.find((usage) => usage.workMs !== undefined)?.workMs;
  return {
    processes: usages.length,
    maxRssKiB: usages.reduce((sum, usage) => sum + usage.maxRssKiB, 0),
    cpuMs: usages.reduce((sum, usage) => sum + usage.cpuMs, 0),
    ...(workMs === undefined ? {} : { workMs }),
  };
}
