import { type ChildProcess, spawn } from 'node:child_process';
import { constants } from 'node:os';
import type { Readable } from 'node:stream';

import { LineSplitter } from '../../util/line-splitter.js';

/** A line that does not end is handed over in pieces of this many characters. */
const LONGEST_LINE = 64 * 1024;

export type ChildOptions = {
  command: readonly [string, ...string[]];
  env: Record<string, string>;
  cwd: string;
  /** Lines as they come; the program is held up until what this returns is done. */
  onLines: (stream: 'stdout' | 'stderr', lines: readonly string[]) => Promise<void> | void;
};

/** A program at work. */
export type Child = {
  /** Its exit code, or 128 and the number of the signal that ended it; as in a shell, 127 and 126 if it could not be started. */
  exitCode: Promise<number>;
  /** Signals the program and whatever it has started. */
  kill(signal: NodeJS.Signals): void;
};

/**
 * Starts a program without a shell and without input.
 *
 * It leads a process group of its own: a Ctrl-C reaches it through us, once, and not from the terminal as well.
 */
export function startChild({ command, env, cwd, onLines }: ChildOptions): Child {
  const [program, ...args] = command;
  const group = process.platform !== 'win32';
  const child = spawn(program, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'], detached: group, shell: false });
  const output = Promise.all([
    pass(child.stdout, (lines) => onLines('stdout', lines)),
    pass(child.stderr, (lines) => onLines('stderr', lines)),
  ]);
  output.catch(() => {
    // Whoever reads has gone; the program finds that out by itself when it writes.
    child.stdout.destroy();
    child.stderr.destroy();
  });
  return {
    exitCode: Promise.all([ended(child, (line) => onLines('stderr', [line])), output]).then(([code]) => code),
    kill: (signal) => killGroup(child, signal, group),
  };
}

/** Lines that have come together are handed over together, and the next ones are read only when those were taken. */
async function pass(stream: Readable, take: (lines: readonly string[]) => Promise<void> | void): Promise<void> {
  const splitter = new LineSplitter(LONGEST_LINE);
  for await (const text of stream.setEncoding('utf8') as AsyncIterable<string>) {
    const lines = splitter.push(text);
    if (lines.length > 0) await take(lines);
  }
  if (splitter.rest !== '') await take([splitter.rest]);
}

function ended(child: ChildProcess, say: (line: string) => Promise<void> | void): Promise<number> {
  return new Promise((resolve) => {
    child.once('error', (error: NodeJS.ErrnoException) => {
      if (child.pid !== undefined) return;
      void say(error.message);
      resolve(error.code === 'ENOENT' ? 127 : 126);
    });
    child.once('exit', (code, signal) => resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal])));
  });
}

function killGroup(child: ChildProcess, signal: NodeJS.Signals, group: boolean): void {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  try {
    if (group) process.kill(-child.pid, signal);
    else child.kill(signal);
  } catch {
    // It has just ended.
  }
}
