import { readFile } from 'node:fs/promises';
import util from 'node:util';

import { TenantsError } from '../errors/tenants-error.js';
import type { Environment } from './settings.js';

/**
 * Reads a `.env` file into `env`; a byte order mark at its beginning is not part of the first name. Variables that `env` has already, even empty ones, are left as they are.
 *
 * It changes `env`, as Node's own `--env-file` does: a configuration file and the programs that `exec` starts read
 * `process.env` themselves and must see the same values.
 */
export async function readEnvFile(file: string, env: Environment): Promise<void> {
  const content = await readFile(file, 'utf8').catch((error: unknown) => {
    const reason = error instanceof Error ? error.message : String(error);
    throw new TenantsError('CONFIG_NOT_FOUND', `The environment file ${file} cannot be read: ${reason}.`);
  });
  for (const [name, value] of Object.entries(parse(content.replace(/^\uFEFF/, '')))) {
    if (env[name] === undefined) env[name] = value;
  }
}

/** `util.parseEnv` came with Node 20.12; a named import of it would keep 20.11 from starting at all. */
function parse(content: string): Record<string, string | undefined> {
  if (typeof util.parseEnv === 'function') return util.parseEnv(content);
  throw new TenantsError('USAGE', `--env-file needs Node.js 20.12 or newer; this is ${process.versions.node}.`, {
    suggestions: ['Set the variables in the environment instead.'],
  });
}
