import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { delimiter, join } from 'node:path';

import { TenantsError } from '../../errors/tenants-error.js';
import { tenantsCommand } from '../../util/tenants-command.js';
import type { ProgramEnvironment } from './types.js';

/**
 * Insists that a program is there, so that a misspelt one is a single complaint and not one a tenant. A name is searched in
 * `PATH`, a path is taken from `cwd`, as when it is started. On Windows the system alone knows what it would start.
 *
 * @throws TenantsError COMMAND_NOT_FOUND.
 */
export async function assertProgram(
  program: string,
  { env, cwd }: { env: ProgramEnvironment; cwd: string },
): Promise<void> {
  if (process.platform === 'win32') return;
  const isPath = program.includes('/');
  const folders = isPath ? [program.startsWith('/') ? '' : cwd] : (env['PATH'] ?? '').split(delimiter);
  for (const folder of folders) {
    if (await isExecutable(folder === '' && !isPath ? join(cwd, program) : join(folder, program))) return;
  }
  throw new TenantsError(
    'COMMAND_NOT_FOUND',
    `The program "${program}" was not found or is not executable; nothing was started.`,
    {
      suggestions: [
        `The program and its arguments follow --, as in: ${tenantsCommand('exec', '--', 'psql', '-c', 'SELECT 1')}`,
        `Nothing here goes through a shell; to use one, run: ${tenantsCommand('exec', '--', 'sh', '-c', '…')}`,
      ],
    },
  );
}

async function isExecutable(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return (await stat(path)).isFile();
  } catch {
    return false;
  }
}
