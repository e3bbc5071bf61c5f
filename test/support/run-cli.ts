import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { REPOSITORY } from './build.js';

export type CliOptions = {
  cwd: string;
  /** Added to a clean environment; `undefined` removes a variable. */
  env?: Record<string, string | undefined>;
  /** The program; default `bin/run.js`. */
  bin?: string;
};

export type CliOutcome = {
  /** `null` when a signal ended the process. */
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
  /** The one JSON document on stdout. */
  json<T = unknown>(): T;
};

/** A command that is running; `outcome` resolves when it has ended. */
export type RunningCli = {
  child: ChildProcessWithoutNullStreams;
  /** What was written so far. */
  output(): { stdout: string; stderr: string };
  /** Resolves when stdout or stderr matches, rejects when the command ends before. */
  until(pattern: RegExp): Promise<void>;
  outcome: Promise<CliOutcome>;
};

/**
 * Runs the built command line to its end.
 *
 * @param options.input written to stdin, which is closed in any case
 * @param options.signalAfter sends a signal after `ms`, or as soon as the output matches `pattern`
 */
export async function runCli(
  args: string[],
  options: CliOptions & {
    input?: string;
    signalAfter?: { signal: NodeJS.Signals; ms?: number; pattern?: RegExp };
  },
): Promise<CliOutcome> {
  const { input, signalAfter } = options;
  const running = spawnCli(args, options);
  running.child.stdin.end(input);
  if (signalAfter !== undefined) {
    const { signal, ms = 0, pattern } = signalAfter;
    await (pattern === undefined ? sleep(ms) : running.until(pattern).then(() => sleep(ms)));
    running.child.kill(signal);
  }
  return running.outcome;
}

/** Starts the built command line and leaves the rest to the caller. */
export function spawnCli(args: string[], options: CliOptions): RunningCli {
  const child = spawn(process.execPath, [options.bin ?? join(REPOSITORY, 'bin', 'run.js'), ...args], {
    cwd: options.cwd,
    env: cleanEnvironment(options.env),
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => void (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => void (stderr += text));
  // A command may end before it has read its input.
  child.stdin.on('error', () => undefined);
  const outcome = new Promise<CliOutcome>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => {
      resolve({ code, signal, stdout, stderr, json: <T>() => parseJson<T>(stdout, stderr) });
    });
  });
  const until = (pattern: RegExp): Promise<void> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        if (pattern.test(stdout) || pattern.test(stderr)) resolve();
      };
      look();
      child.stdout.on('data', look);
      child.stderr.on('data', look);
      void outcome.finally(() => reject(new Error(`It ended before it wrote ${pattern}.\n${stdout}\n${stderr}`)));
    });
  return { child, output: () => ({ stdout, stderr }), until, outcome };
}

/** Nothing of the developer's shell may decide a test. */
function cleanEnvironment(extra: Record<string, string | undefined> = {}): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(
    ([name]) => !/^(DATABASE_URL$|PG|TENANTS_|NODE_ENV$|NODE_OPTIONS$|FORCE_COLOR$|VITEST|DEBUG$|CI$)/.test(name),
  );
  return { ...Object.fromEntries(kept), NO_COLOR: '1', ...extra };
}

function parseJson<T>(stdout: string, stderr: string): T {
  try {
    return JSON.parse(stdout) as T;
  } catch (error) {
    throw new Error(`stdout is not one JSON document:\n${stdout}\nstderr:\n${stderr}`, { cause: error });
  }
}
