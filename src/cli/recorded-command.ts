import type { Invocation } from '../journal/types.js';
import { redact } from '../util/redact.js';
import { shellWord } from '../util/shell-word.js';
import { signalExitCode } from './signals.js';

/** Flags whose values may be secret, as a connection URL is, or a value for a column of the user's own. */
const SECRET: ReadonlySet<string> = new Set(['--database', '--set']);

/** What the record of a run says about how it was started. */
export function recordedCommand(command: string | undefined, argv: readonly string[]): Invocation {
  return { commandLine: commandLine(command, argv), signalExitCode };
}

/** The command line as it can be shown to everyone: without connection settings and values of columns. Pure. */
export function commandLine(command: string | undefined, argv: readonly string[]): string {
  const words = argv.map((word, index) => {
    if (SECRET.has(argv[index - 1] ?? '')) return masked(word);
    const [flag = '', ...rest] = word.split('=');
    return SECRET.has(flag) && rest.length > 0 ? `${flag}=${masked(rest.join('='))}` : redact(word);
  });
  return ['tenants', ...(command === undefined ? [] : [command]), ...words].map((word) => shellWord(word)).join(' ');
}

/** Of `column=value` the column is kept. */
function masked(value: string): string {
  const column = /^([\w$]+)=/.exec(value)?.[1];
  return column === undefined ? '***' : `${column}=***`;
}
