import { realpath, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';

import { TenantsError } from '../errors/tenants-error.js';
import type { Project } from '../project/project.js';
import { replaceFile } from '../util/replace-file.js';
import { formatFleetPage } from './format-fleet-page.js';
import { readFleetPage } from './read-fleet-page.js';

/** The file that was written, as an absolute path, and its size. */
export type WrittenPage = { file: string; bytes: number };

/**
 * Writes a page about the fleet: one HTML file that needs no network. A file that is there is replaced at once, when the new one
 * is complete.
 *
 * @param file relative to the working directory
 * @throws TenantsError USAGE for a path that cannot be written, before the database is asked; and those of `readFleetPage`.
 */
export async function writeFleetPage(project: Project, file: string): Promise<WrittenPage> {
  const path = await pageFile(file);
  const text = formatFleetPage(await readFleetPage(project));
  await replacePage(path, text);
  return { file: path, bytes: Buffer.byteLength(text) };
}

/**
 * The absolute path of a file that a page can be written to.
 *
 * @throws TenantsError USAGE for `-`, a folder, anything else that is no file, and a folder that does not exist.
 */
export async function pageFile(file: string): Promise<string> {
  if (file === '-' || file === '') {
    throw new TenantsError('USAGE', 'The page needs the name of a file; it cannot be written to standard output.', {
      suggestions: ['Give a name, such as fleet.html.'],
    });
  }
  const given = resolve(file);
  // What is replaced is the file that a link leads to, not the link.
  const path = await realpath(given).catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT') return given;
    throw unwritable(given, error);
  });
  const present = await stat(path).catch(() => undefined);
  if (present?.isDirectory() === true) throw refused(path, `${path} is a folder.`);
  if (present !== undefined && !present.isFile()) throw refused(path, `${path} is not a regular file.`);
  const folder = await stat(dirname(path)).catch(() => undefined);
  if (folder?.isDirectory() !== true) throw refused(path, `There is no folder ${dirname(path)}.`);
  return path;
}

/** A file that is replaced keeps its permissions. */
async function replacePage(path: string, text: string): Promise<void> {
  try {
    const present = await stat(path).catch(() => undefined);
    await replaceFile(path, text, present === undefined ? undefined : present.mode & 0o777);
  } catch (error) {
    throw unwritable(path, error);
  }
}

function unwritable(path: string, error: unknown): TenantsError {
  const reason = codeOf(error) ?? String(error);
  return new TenantsError('USAGE', `The page cannot be written to ${path} (${reason}).`, {
    file: path,
    suggestions: ['Choose a file in a folder that exists and can be written to.'],
    cause: error,
  });
}

function refused(path: string, message: string): TenantsError {
  return new TenantsError('USAGE', message, {
    file: path,
    suggestions: ['Choose the name of a file, such as fleet.html.'],
  });
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error ? String(error.code) : undefined;
}
