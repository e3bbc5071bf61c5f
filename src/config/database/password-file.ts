import { readFileSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';

import type { Environment } from '../settings.js';

/** Whom a password is for. */
export type PasswordKey = { host: string; port: number; database: string; user: string };

/**
 * The password that libpq's password file holds for a connection, or `undefined`.
 *
 * `file` is `PGPASSFILE`, by default `~/.pgpass` (`%APPDATA%\postgresql\pgpass.conf` on Windows). As in libpq
 * (fe-connect.c, passwordFromFile) the first matching line wins, a file that is absent is passed over, and one that group
 * or others can read is ignored with a warning.
 *
 * node-postgres would look there itself, but is about to stop, says so on stderr, and does it in each worker anew.
 */
export function passwordFromFile(
  key: PasswordKey,
  env: Environment,
  warn: (message: string) => void,
  file = defaultFile(env),
): string | undefined {
  const content = readSafely(file, warn);
  return content === undefined ? undefined : findPassword(content, key);
}

/** The password of the first line that matches: `host:port:database:user:password`, `*` for any, `\` before `:` and `\`. */
export function findPassword(content: string, key: PasswordKey): string | undefined {
  const wanted = [hostField(key.host), String(key.port), key.database, key.user];
  for (const line of content.split(/\r?\n/)) {
    if (line.startsWith('#')) continue;
    const fields = splitFields(line);
    const password = fields[4];
    if (
      password !== undefined &&
      wanted.every((value, index) => fields[index] === '*' || unescape(fields[index]) === value)
    ) {
      return unescape(password);
    }
  }
  return undefined;
}

function defaultFile(env: Environment): string {
  if (env['PGPASSFILE']) return env['PGPASSFILE'];
  if (process.platform === 'win32') return path.join(env['APPDATA'] ?? '', 'postgresql', 'pgpass.conf');
  return path.join(env['HOME'] ?? homedir(), '.pgpass');
}

function readSafely(file: string, warn: (message: string) => void): string | undefined {
  try {
    const entry = statSync(file);
    if (!entry.isFile()) {
      warn(`The password file ${file} is ignored: it is not a plain file.`);
    } else if (process.platform !== 'win32' && (entry.mode & 0o077) !== 0) {
      warn(
        `The password file ${file} is ignored: others can read it. Its permissions should be 0600: chmod 600 ${file}`,
      );
    } else {
      return readFileSync(file, 'utf8');
    }
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
    if (code !== 'ENOENT' && code !== 'ENOTDIR') {
      warn(`The password file ${file} is ignored: it cannot be read (${code}).`);
    }
  }
  return undefined;
}

/** A socket in the folder that libpq was built with goes by `localhost`; these are the two that are built in. */
function hostField(host: string): string {
  return host === '/tmp' || host === '/var/run/postgresql' ? 'localhost' : host;
}

/** Splits at colons that no backslash stands before; the escapes stay, because `\*` is a name and `*` is not. */
function splitFields(line: string): string[] {
  return line.match(/(?:^|:)(?:\\.|[^\\:]|\\$)*/g)?.map((field, index) => (index === 0 ? field : field.slice(1))) ?? [];
}

function unescape(field: string | undefined): string | undefined {
  return field?.replace(/\\(.)/g, '$1');
}
