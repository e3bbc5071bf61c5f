import * as Errors from '@oclif/core/errors';

import { ask, canAsk } from './ask.js';

/** An argument as oclif's parser describes it. */
type Argument = { name: string; description?: string | undefined };

/**
 * The arguments that the parser reports as missing; empty for other errors. Pure.
 *
 * The parser's error classes are not exported, so errors are told apart by their properties.
 */
export function missingArguments(error: unknown): Argument[] {
  if (!(error instanceof Errors.CLIError) || !('args' in error) || !Array.isArray(error.args)) return [];
  return error.args.filter(isArgument);
}

/**
 * Asks for the missing arguments. Returns a command line with the answers, or `undefined` if there is no terminal, the error
 * is another one, or an answer is empty.
 */
export async function askForMissing(error: unknown, argv: readonly string[]): Promise<string[] | undefined> {
  const missing = missingArguments(error);
  if (missing.length === 0 || !canAsk()) return undefined;
  const answers: string[] = [];
  for (const { name, description } of missing) {
    const about = description === undefined ? '' : ` (${description.replace(/\.$/, '')})`;
    const answer = await ask(`${name.toUpperCase()}${about}: `);
    if (answer === undefined || answer === '') return undefined;
    answers.push(answer);
  }
  // After -- an answer is always an argument, even if it begins with a dash.
  return [...argv, ...(argv.includes('--') ? [] : ['--']), ...answers];
}

function isArgument(value: unknown): value is Argument {
  return typeof value === 'object' && value !== null && 'name' in value && typeof value.name === 'string';
}
