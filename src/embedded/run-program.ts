import { spawn } from 'node:child_process';
import { parse } from 'node:path';

import type { Account } from './account.js';

export type Outcome = { code: number | null; lines: string[] };

/**
 * Runs a program to its end and returns its exit code (`null` when it could not be started or was killed) and what it
 * wrote. Never rejects.
 */
export function runProgram(program: string, args: string[], account: Account | undefined): Promise<Outcome> {
  return new Promise((resolve) => {
    const child = spawn(program, args, { ...spawnOptions(program, account), stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    const collect = (chunk: Buffer): void => void (output += chunk.toString());
    child.stdout.on('data', collect);
    child.stderr.on('data', collect);
    child.on('error', (error) => resolve({ code: null, lines: [error.message] }));
    child.on('close', (code) => resolve({ code, lines: output.split(/\r?\n/).filter((line) => line !== '') }));
  });
}

/**
 * How every program of PostgreSQL is started: without our environment, whose `PG*` variables would reach it; in the root
 * folder, because ours may be closed to the account; in a session of its own, so that a terminal's Ctrl-C does not end it.
 */
export function spawnOptions(program: string, account: Account | undefined) {
  return {
    cwd: parse(program).root,
    env: { LC_ALL: 'C', PATH: '/usr/bin:/bin' },
    detached: true,
    windowsHide: true,
    ...(account && { uid: account.uid, gid: account.gid }),
  };
}
