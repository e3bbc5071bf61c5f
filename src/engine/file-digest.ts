import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';

import type { MigrationFile } from './types.js';

/** The digest of a file's bytes: files with the same one do the same. */
export async function fileDigest({ path }: MigrationFile): Promise<string> {
  return sha256(await readFile(path));
}

export function sha256(text: string | Buffer): string {
  return createHash('sha256').update(text).digest('hex');
}
