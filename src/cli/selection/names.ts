import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';

import { TenantsError } from '../../errors/tenants-error.js';

/**
 * Accepts repeated flags and commas; a comma inside a name is written `\,`. An empty list (`--tenant "$UNSET"`) must not mean
 * all tenants. Pure.
 */
export function parseNames(flag: string, values: readonly string[] | undefined): string[] | undefined {
  if (values === undefined) return undefined;
  const names = values
    .flatMap((value) => {
      const parts = value.split(/(?<!\\),/);
      // A single name is used as it is, because it may begin or end with a space.
      return parts.length === 1 ? parts : parts.map((part) => part.trim());
    })
    .filter((name) => name.trim() !== '')
    .map((name) => name.replaceAll(String.raw`\,`, ','));
  if (names.length === 0) throw usage(`${flag} is empty: it needs at least one name.`);
  return [...new Set(names)];
}

/**
 * The same, where `@FILE` stands for the names in a file and `@-` for those on standard input; a name that begins with `@` is
 * written `\@`.
 *
 * @throws TenantsError USAGE for a file that cannot be read or has no name.
 */
export async function readNames(flag: string, values: readonly string[] | undefined): Promise<string[] | undefined> {
  const given = parseNames(flag, values);
  if (given === undefined) return undefined;
  const names: string[] = [];
  for (const name of given) {
    if (name.startsWith('@')) names.push(...(await namesIn(flag, name.slice(1))));
    else names.push(name.replace(/^\\@/, '@'));
  }
  return [...new Set(names)];
}

/** One name a line; blank lines are left out, and everything from a `#` at the beginning of a line or after white space. Pure. */
export function parseNameLines(content: string): string[] {
  return content
    .replace(/^\uFEFF/, '')
    .split(/\r?\n/)
    .map((line) => line.replace(/(^|\s)#.*$/, '').trim())
    .filter((line) => line !== '');
}

async function namesIn(flag: string, file: string): Promise<string[]> {
  const where = file === '-' ? 'standard input' : `the file ${file}`;
  let content: string;
  try {
    content = file === '-' ? await text(process.stdin) : await readFile(file, 'utf8');
  } catch (error) {
    throw usage(
      `${flag} names the file "${file}", which cannot be read: ${error instanceof Error ? error.message : String(error)}.`,
      String.raw`A name that begins with @ is written with a backslash before it: \@name`,
    );
  }
  const names = parseNameLines(content);
  if (names.length === 0) throw usage(`${flag} is empty: there is no name in ${where}.`);
  return names;
}

function usage(message: string, ...suggestions: string[]): TenantsError {
  return new TenantsError('USAGE', message, { suggestions });
}
