import { readFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';

/**
 * The revision that is checked out in the Git repository of a folder; `null` where there is none. Read from Git's files: to
 * start Git takes longer than everything else that the journal does.
 */
export async function gitCommit(folder: string): Promise<string | null> {
  for (let at = resolve(folder); ; at = dirname(at)) {
    const found = await commitOf(join(at, '.git'));
    if (found !== undefined) return found;
    if (dirname(at) === at) return null;
  }
}

const REVISION = /^[0-9a-f]{40}(?:[0-9a-f]{24})?$/;

/** `undefined`: there is no repository here. */
async function commitOf(path: string): Promise<string | null | undefined> {
  const head = await read(join(path, 'HEAD'));
  if (head !== undefined) return await resolveHead(path, head);
  // In a linked worktree `.git` is a file that says where its folder is.
  const link = /^gitdir: (.+)$/m.exec((await read(path)) ?? '')?.[1];
  if (link === undefined) return undefined;
  const folder = resolve(dirname(path), link.trim());
  const linked = await read(join(folder, 'HEAD'));
  return linked === undefined ? null : await resolveHead(folder, linked);
}

async function resolveHead(folder: string, head: string): Promise<string | null> {
  const reference = /^ref: (.+)$/m.exec(head)?.[1]?.trim();
  if (reference === undefined) return revision(head);
  const common = (await read(join(folder, 'commondir')))?.trim();
  for (const place of [folder, ...(common === undefined ? [] : [resolve(folder, common)])]) {
    const loose = await read(join(place, reference));
    if (loose !== undefined) return revision(loose);
    const packed = (await read(join(place, 'packed-refs')))?.split('\n').find((line) => line.endsWith(` ${reference}`));
    if (packed !== undefined) return revision(packed.split(' ')[0] ?? '');
  }
  return null;
}

function revision(text: string): string | null {
  return REVISION.test(text.trim()) ? text.trim() : null;
}

async function read(path: string): Promise<string | undefined> {
  return await readFile(path, 'utf8').catch(() => undefined);
}
