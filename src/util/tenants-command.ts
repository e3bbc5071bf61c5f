import { shellWord } from './shell-word.js';

/** What printed commands begin with, or how to find it out. */
let invocation: string | (() => string) = 'tenants';

/**
 * Sets what printed commands begin with: `tenants`, `npx tenants`, `pnpm exec tenants`. The process that knows how it was
 * started calls this once and passes the answer to its workers. An application that uses the library keeps the default,
 * the name of the program.
 *
 * @param find is called when the first command is printed, so that nothing is looked up before
 */
export function setInvocation(find: string | (() => string)): void {
  invocation = find;
}

/** What printed commands begin with. */
export function currentInvocation(): string {
  if (typeof invocation === 'function') invocation = invocation();
  return invocation;
}

/**
 * A command line of this program to be printed as advice: it can be pasted into the shell that the program was started
 * from. Every argument becomes one word of a POSIX shell, so the caller quotes nothing.
 */
export function tenantsCommand(...words: string[]): string {
  return [currentInvocation(), ...words.map(shellWord)].join(' ');
}
