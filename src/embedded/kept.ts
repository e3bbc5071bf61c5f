import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import type { Postmaster } from './postmaster.js';

/** Notes that this server goes on when no command uses it. The note dies with the server: the next one is not kept. */
export async function keep(state: string, { pid, identity }: Postmaster): Promise<void> {
  await writeFile(noteIn(state), JSON.stringify({ pid, identity }), { mode: 0o600 });
}

/** Whether this server goes on when no command uses it. */
export async function isKept(state: string, { pid, identity }: Postmaster): Promise<boolean> {
  try {
    const note = JSON.parse(await readFile(noteIn(state), 'utf8')) as Partial<Postmaster>;
    return note.pid === pid && note.identity === identity;
  } catch {
    return false;
  }
}

/** Lets the server end with its last user again. */
export async function unkeep(state: string): Promise<void> {
  await rm(noteIn(state), { force: true });
}

function noteIn(state: string): string {
  return join(state, 'kept');
}
