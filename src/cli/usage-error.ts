import * as Errors from '@oclif/core/errors';

import { TenantsError } from '../errors/tenants-error.js';
import { didYouMean, nearestNames } from '../util/nearest.js';
import { tenantsCommand } from '../util/tenants-command.js';
import { missingArguments } from './missing-arguments.js';

/**
 * Turns errors of oclif's parser into our own `USAGE` errors and returns other errors unchanged. For an unknown flag only the
 * name is repeated, because the value of a misspelled `--databse=` may contain a password.
 *
 * @param command the command's ID and the names of its flags
 */
export function usageError(error: unknown, command: { id: string; flags: readonly string[] }): unknown {
  if (!(error instanceof Errors.CLIError)) return error;
  const { message, ...advice } = describe(error, command.flags);
  const suggestions = [
    ...(advice.suggestions ?? []),
    `For its arguments and flags, run: ${tenantsCommand(command.id, '--help')}`,
  ];
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

/** The parser's message without the `See more help` line. */
function firstLines(message: string): string {
  return message
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('See more help'))
    .join(' ');
}
