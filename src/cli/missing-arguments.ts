import * as Errors from '@oclif/core/errors';

import { ask, canAsk } from './ask.js';

/** An argument as the parser describes it. */
type Argument = { name: string; description?: string | undefined };

/**
 * The arguments that the parser misses, from its error; empty for errors of other kinds. Pure.
 *
 * The parser's error classes are not exported; what an error is about tells them apart.
 */
export function missingArguments(error: unknown): Argument[] {
  if (!(error instanceof Errors.CLIError) || !('args' in error) || !Array.isArray(error.args)) return [];
  return error.args.filter(isArgument);
}

/**
 * Asks for the arguments that the parser misses. Returns a command line with the answers, or `undefined` when there is
 * nobody to ask, something else is wrong, or an answer is not given.
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
  // Behind -- an answer is an argument, whatever it begins with.
  return [...argv, ...(argv.includes('--') ? [] : ['--']), ...answers];
}

function isArgument(value: unknown): value is Argument {
  return typeof value === 'object' && value !== null && 'name' in value && typeof value.name === 'string';
}
