import { spawn } from 'node:child_process';
import { constants } from 'node:os';

export type TerminalProgram = {
  command: readonly [string, ...string[]];
  env: Record<string, string | undefined>;
  cwd: string;
  /** Where its output goes: this process's own stdout, or its stderr where a document is to come. */
  stdout: 'stdout' | 'stderr';
};

/** What a terminal sends to all of its foreground programs; the one that reads from it decides what they mean. */
const FROM_TERMINAL = ['SIGINT', 'SIGQUIT'] as const;
/** What is sent to this process alone and ends it: the program gets it, and this process ends after it. */
const TO_PASS_ON = ['SIGTERM', 'SIGHUP'] as const;

/**
 * Runs a program on this process's own terminal, input included, and waits for its end. While it runs, Ctrl-C is the program's.
 *
 * @returns its exit code, or 128 and the number of the signal that ended it; rejects if it cannot be started.
 */
export function runInTerminal({ command, env, cwd, stdout }: TerminalProgram): Promise<number> {
  const [program, ...args] = command;
  const child = spawn(program, args, { cwd, env, stdio: ['inherit', stdout === 'stdout' ? 'inherit' : 2, 'inherit'] });
  const ignore = (): void => {};
  const pass = (signal: NodeJS.Signals): void => void child.kill(signal);
  for (const signal of FROM_TERMINAL) process.on(signal, ignore);
  for (const signal of TO_PASS_ON) process.on(signal, pass);
  return new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal])));
  }).finally(() => {
    for (const signal of FROM_TERMINAL) process.off(signal, ignore);
    for (const signal of TO_PASS_ON) process.off(signal, pass);
  });
}
