import { isUtf8 } from 'node:buffer';
import { readFile } from 'node:fs/promises';

import { shorten } from '../sql/rules/shorten.js';
import type { Refusal } from '../sql/types.js';
import type { MigrationFile } from '../types.js';
import { loadFailure } from './load.js';

const NEWLINE = 0x0a;

/**
 * The text of a migration file, or why it has none: Node.js and node-pg-migrate would read every byte that is not UTF-8 as
 * U+FFFD and store that in each tenant.
 *
 * Throws `MIGRATIONS_UNREADABLE` for a file that cannot be read.
 */
export async function readText(file: MigrationFile): Promise<{ text: string } | { refusal: Refusal }> {
  const bytes = await readFile(file.path).catch((error: unknown) => {
    throw loadFailure(file, error);
  });
  const refused = (reason: string, at: { line?: number; statement: string }): { refusal: Refusal } => ({
    refusal: { migration: file.name, file: file.path, kind: 'encoding', reason, ...at },
  });
  const utf16 = encodingOf(bytes);
  if (utf16 !== undefined) {
    return refused(`The file is encoded as ${utf16}, not as UTF-8.`, { statement: 'its byte order mark' });
  }
  const text = bytes.toString('utf8');
  if (isUtf8(bytes)) return { text };
  const offset = firstDifference(bytes, Buffer.from(text, 'utf8'));
  const start = bytes.lastIndexOf(NEWLINE, offset) + 1;
  const end = bytes.indexOf(NEWLINE, offset);
  const byte = (bytes[offset] ?? 0).toString(16).toUpperCase().padStart(2, '0');
  return refused(`The file is not valid UTF-8: byte 0x${byte} at offset ${offset} belongs to no character.`, {
    line: bytes.subarray(0, offset).filter((one) => one === NEWLINE).length + 1,
    // Most files that are not UTF-8 are Latin-1 or its Windows relative.
    statement: shorten(bytes.toString('latin1', start, end === -1 ? bytes.length : end)),
  });
}

function encodingOf(bytes: Buffer): string | undefined {
  const [first, second] = bytes;
  if (first === 0xff && second === 0xfe) return 'UTF-16 (little endian)';
  return first === 0xfe && second === 0xff ? 'UTF-16 (big endian)' : undefined;
}

/** A byte that cannot be decoded becomes U+FFFD, so that it differs from what the text is encoded as. */
function firstDifference(one: Buffer, other: Buffer): number {
  let at = 0;
  while (at < one.length && one[at] === other[at]) at += 1;
  return at;
}
