import { readdir, readFile, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import path from 'node:path';

import { TenantsError } from '../errors/tenants-error.js';
import { isPlainObject } from '../util/json.js';

/** The names that are recognized, in the order in which they are shown; package.json counts if it has `"tenants"`. */
export const CONFIG_NAMES = ['ts', 'js', 'mjs', 'cjs', 'mts', 'cts', 'json'].map(
  (ending) => `tenants.config.${ending}`,
);

/** What other tools read and this one does not. */
const UNREADABLE = /^tenants\.config\.(?:ya?ml|toml|jsonc|json5|jsx|tsx)$/;

/**
 * The configuration file that holds for `cwd`: the one of the first folder, upwards, that has one; `null` if none has.
 *
 * The search ends at the home folder when `cwd` lies in it, otherwise at the root. Two files in one folder are
 * `CONFIG_CONFLICT`: which of them was meant cannot be known. One of a kind that cannot be read is `CONFIG_INVALID`.
 */
export async function findConfig(cwd: string, home = homedir()): Promise<string | null> {
  for (const folder of upwards(path.resolve(cwd), path.resolve(home))) {
    const found = await configsIn(folder);
    if (found.length > 1) throw conflict(folder, found);
    if (found[0] !== undefined) return path.join(folder, found[0]);
    await refuseUnreadable(folder);
  }
  return null;
}

function upwards(start: string, home: string): string[] {
  const folders = [start];
  let folder = start;
  while (folder !== home && path.dirname(folder) !== folder) {
    folder = path.dirname(folder);
    folders.push(folder);
  }
  return folders;
}

/** The names of the recognized files in one folder. */
async function configsIn(folder: string): Promise<string[]> {
  const found: string[] = [];
  for (const name of CONFIG_NAMES) {
    if (await isFile(path.join(folder, name))) found.push(name);
  }
  if (await hasTenantsKey(path.join(folder, 'package.json'))) found.push('package.json');
  return found;
}

async function isFile(file: string): Promise<boolean> {
  const entry = await stat(file).catch(() => undefined);
  return entry?.isFile() ?? false;
}

/** One that cannot be parsed but mentions the key counts too, so that its mistake is reported and not passed over. */
async function hasTenantsKey(file: string): Promise<boolean> {
  const content = await readFile(file, 'utf8').catch(() => '');
  if (!content.includes('"tenants"')) return false;
  try {
    const parsed: unknown = JSON.parse(content.replace(/^\uFEFF/, ''));
    return isPlainObject(parsed) && Object.hasOwn(parsed, 'tenants');
  } catch {
    return true;
  }
}

/** A configuration that is passed over in silence would leave the defaults in force. */
async function refuseUnreadable(folder: string): Promise<void> {
  const names = await readdir(folder).catch(() => []);
  const name = names.find((candidate) => UNREADABLE.test(candidate));
  if (name === undefined) return;
  throw new TenantsError(
    'CONFIG_INVALID',
    `The configuration file ${path.join(folder, name)} is not of a kind that is read.`,
    {
      file: path.join(folder, name),
      suggestions: [`Write it as one of: ${CONFIG_NAMES.join(', ')}.`],
    },
  );
}

function conflict(folder: string, names: string[]): TenantsError {
  const marked = names.map((name) => (name === 'package.json' ? '"tenants" in package.json' : name));
  return new TenantsError(
    'CONFIG_CONFLICT',
    `There is more than one configuration in ${folder}: ${marked.join(', ')}.`,
    {
      suggestions: ['Keep one of them.', `Name the one that holds: --config ${names[0] ?? 'FILE'}`],
    },
  );
}
