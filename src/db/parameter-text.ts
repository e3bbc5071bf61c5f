import { createRequire } from 'node:module';

type Utils = { prepareValue(value: unknown): string | Buffer | null };

/** node-postgres has no public name for it. */
const { prepareValue } = createRequire(import.meta.url)('pg/lib/utils.js') as Utils;

/** What node-postgres sends for a parameter: a text, bytes, or `null`. */
export function parameterText(value: unknown): string | Buffer | null {
  return prepareValue(value);
}
