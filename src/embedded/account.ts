import { readFile } from 'node:fs/promises';

import { TenantsError } from '../errors/tenants-error.js';
import type { HostEnvironment } from './host-environment.js';

/** The account that runs PostgreSQL in place of root. */
export type Account = { name: string; uid: number; gid: number };

/** Preferred first: both exist for programs that need no rights at all. */
const CANDIDATES = ['postgres', 'nobody'];

/**
 * The unprivileged account for a root user, or `EMBEDDED_UNAVAILABLE`: PostgreSQL refuses to run as root.
 */
export async function accountForRoot(surroundings: HostEnvironment): Promise<Account> {
  const account = chooseAccount(await readFile(surroundings.passwdFile, 'utf8').catch(() => ''));
  if (account !== undefined) return account;
  throw new TenantsError(
    'EMBEDDED_UNAVAILABLE',
    `PostgreSQL does not run as root, and this system has none of the accounts that could run it instead (${CANDIDATES.join(', ')}).`,
    { suggestions: ['Run the command as an ordinary user.', 'Create an account: useradd --system postgres'] },
  );
}

/** Picks the account from the text of a passwd(5) file; `undefined` when none of the candidates is there. */
export function chooseAccount(passwd: string): Account | undefined {
  const accounts = passwd.split('\n').map(parseLine);
  for (const candidate of CANDIDATES) {
    const found = accounts.find((account) => account?.name === candidate);
    if (found !== undefined && found.uid !== 0) return found;
  }
  return undefined;
}

function parseLine(line: string): Account | undefined {
  const [name, , uid, gid] = line.split(':');
  if (name === undefined || !/^\d+$/.test(uid ?? '') || !/^\d+$/.test(gid ?? '')) return undefined;
  return { name, uid: Number(uid), gid: Number(gid) };
}
