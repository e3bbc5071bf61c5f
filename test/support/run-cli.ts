import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { format } from 'node:util';

import { oneAtATime } from '../../src/util/one-at-a-time.js';
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

/** One command at a time: the process has one working directory, one environment and one standard output. */
const inOrder = oneAtATime();

/**
 * Runs the built command line inside this process, which takes a tenth of the time of a process of its own. For tests that are
 * about what a command answers, not about the process: no signals, no standard input, no code that prints or that must be
 * loaded again.
 */
export async function callCli(args: string[], options: CliOptions): Promise<CliOutcome> {
  const { main } = (await import(pathToFileURL(join(REPOSITORY, 'dist', 'cli', 'main.js')).href)) as {
    main(argv: readonly string[]): Promise<number>;
  };
  return await inOrder(async () => {
    const written = { stdout: '', stderr: '' };
    const before = {
      cwd: process.cwd(),
      env: process.env,
      out: process.stdout.write,
      err: process.stderr.write,
      log: console.log,
    };
    process.chdir(options.cwd);
    process.env = cleanEnvironment(options.env);
    process.stdout.write = capture((text) => void (written.stdout += text));
    // Help is printed with it, and the test runner has taken its place.
    console.log = (...values: unknown[]) => void (written.stdout += `${format(...values)}\n`);
    process.stderr.write = capture((text) => void (written.stderr += text));
    try {
      const code = await main(args);
      return { code, signal: null, ...written, json: <T>() => parseJson<T>(written.stdout, written.stderr) };
    } finally {
      process.stdout.write = before.out;
      process.stderr.write = before.err;
      console.log = before.log;
      process.env = before.env;
      process.chdir(before.cwd);
    }
  });
}

function capture(add: (text: string) => void): typeof process.stdout.write {
  return (text: string | Uint8Array, ...rest: unknown[]) => {
    add(typeof text === 'string' ? text : Buffer.from(text).toString());
    const done = rest.find((argument) => typeof argument === 'function') as (() => void) | undefined;
    if (done !== undefined) queueMicrotask(done);
    return true;
  };
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
