import * as Errors from '@oclif/core/errors';

import { TenantsError } from '../errors/tenants-error.js';
import { didYouMean, nearestNames } from '../util/nearest.js';
import { missingArguments } from './missing-arguments.js';

/**
 * Puts what oclif's parser found wrong into the product's words, as `USAGE`; other errors pass. Of a flag that does not
 * exist only the name is repeated: what follows a misspelt `--databse=` holds a password.
 *
 * @param command its id and the names of its flags
 */
export function usageError(error: unknown, command: { id: string; flags: readonly string[] }): unknown {
  if (!(error instanceof Errors.CLIError)) return error;
  const { message, ...advice } = describe(error, command.flags);
  const suggestions = [...(advice.suggestions ?? []), `For its arguments and flags, run: tenants ${command.id} --help`];
  return new TenantsError('USAGE', message, { suggestions });
}

function describe(error: Error, known: readonly string[]): { message: string; suggestions?: string[] } {
  const flags = 'flags' in error && Array.isArray(error.flags) ? error.flags.map(String) : [];
  if (flags.length > 0) return unknownFlags(flags, known);
  const missing = missingArguments(error).map(({ name }) => name.toUpperCase());
  if (missing.length > 0) return { message: `Missing: ${missing.join(', ')}.` };
  const args: unknown[] = 'args' in error && Array.isArray(error.args) ? error.args : [];
  if (args.length > 0) return { message: `Too many arguments: ${args.map(String).join(', ')}.` };
  return { message: `${firstLines(error.message)}.` };
}

function unknownFlags(flags: string[], known: readonly string[]): { message: string; suggestions: string[] } {
  const names = flags.map((flag) => flag.replace(/=.*$/s, ''));
  const candidates = known.map((flag) => `--${flag}`);
  const near = new Set(names.flatMap((name) => nearestNames(name, candidates)));
  return { message: `Unknown flag ${names.join(', ')}.`, suggestions: didYouMean([...near]) };
}

/** oclif puts `Parsing --flag` before and `See more help` behind what it has to say. */
function firstLines(message: string): string {
  return message
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('See more help'))
    .join(' ');
}
