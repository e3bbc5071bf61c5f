import { readFile } from 'node:fs/promises';
import { hostname, userInfo } from 'node:os';

/** Who runs this program, and which version of it. */
export type Who = { user: string | null; host: string; version: string | null };

let version: Promise<string | null> | undefined;

export async function whoRuns(): Promise<Who> {
  return { user: userName(), host: hostname(), version: await (version ??= readVersion()) };
}

/** Containers often run under a number that has no account. */
function userName(): string | null {
  try {
    return userInfo().username;
  } catch {
    return process.getuid?.().toString() ?? null;
  }
}

async function readVersion(): Promise<string | null> {
  const text = await readFile(new URL('../../../package.json', import.meta.url), 'utf8').catch(() => '{}');
  const { version: found } = JSON.parse(text) as { version?: unknown };
  return typeof found === 'string' ? found : null;
}
