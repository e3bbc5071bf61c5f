import { readFile } from 'node:fs/promises';
import { buffer } from 'node:stream/consumers';

import { TenantsError } from '../errors/tenants-error.js';

/**
 * The text of a file that a flag names; `-` is standard input.
 *
 * @throws TenantsError USAGE for a file that cannot be read or is not UTF-8: letters would be lost without anybody noticing.
 */
export async function readInput(flag: string, file: string): Promise<string> {
  const where = file === '-' ? 'Standard input' : `The file "${file}"`;
  let bytes: Uint8Array;
  try {
    bytes = file === '-' ? await buffer(process.stdin) : await readFile(file);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new TenantsError('USAGE', `${where}, which ${flag} names, cannot be read: ${reason}.`);
  }
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new TenantsError('USAGE', `${where}, which ${flag} names, is not encoded in UTF-8.`, {
      suggestions: ['Save it as UTF-8; in a spreadsheet, choose "CSV UTF-8".'],
    });
  }
}
