import type { FormatContext } from '../ui/text/format-context.js';

/** Flags that affect all output. */
export type OutputOptions = { json: boolean; verbose: boolean; noColor: boolean };

/** The output of one invocation: its options, whether a result was printed, and the error that lost it. */
let state: { options: OutputOptions; printed: boolean; lost: Error | undefined } = {
  options: { json: false, verbose: false, noColor: false },
  printed: false,
  lost: undefined,
};

/** Begins the output of an invocation. */
export function beginOutput(options: OutputOptions): void {
  state = { options, printed: false, lost: undefined };
  toStdout = plainStdout;
}

export function outputOptions(): OutputOptions {
  return state.options;
}

/** From now on the result and errors are one JSON document, as with `--json`. */
export function printJsonOnly(): void {
  state.options = { ...state.options, json: true };
}

/**
 * Keeps a broken stream from aborting the work, because the reader of stdout or stderr may be gone. Call it again after
 * loading `@oclif/core`, whose own listener rethrows every error except `EPIPE`.
 */
export function guardStreams(): void {
  for (const stream of [process.stdout, process.stderr]) stream.removeAllListeners('error');
  process.stderr.on('error', () => undefined);
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') state.lost ??= error;
  });
}

type Write = (text: string, done?: (error?: Error | null) => void) => void;

const plainStdout: Write = (text, done) => void process.stdout.write(text, done);

/** Writes the result to the real stdout, even after `keepStdout`. */
let toStdout = plainStdout;

/**
 * Reserves stdout for the result: from now on, output of configuration files, migrations and hooks goes to stderr, where it
 * cannot corrupt a document.
 */
export function keepStdout(): void {
  const write = process.stdout.write.bind(process.stdout);
  toStdout = (text, done) => void write(text, done);
  process.stdout.write = process.stderr.write.bind(process.stderr);
}

/** Prints the result of a command, which is the only output on stdout. */
export function printResult(text: string): void {
  writeResult(text === '' || text.endsWith('\n') ? text : `${text}\n`);
}

/** Writes part of a result unchanged. @param done called when there is room for more, or with the error. */
export function writeResult(text: string, done?: (error?: Error | null) => void): void {
  state.printed = true;
  toStdout(text, done);
}

/** Whether a result was already printed, so that a second one must not be. */
export function hasResult(): boolean {
  return state.printed;
}

export function printMessage(text: string): void {
  process.stderr.write(`${text}\n`);
}

/** How to write to a stream: colors for a terminal that wants them, and its width. */
export function formatContext(stream: NodeJS.WriteStream): FormatContext {
  return {
    color: wantsColor(stream),
    verbose: state.options.verbose,
    ...(stream.isTTY ? { columns: stream.columns } : {}),
  };
}

/**
 * Waits until everything is written. Returns the error that prevented a result from being written, such as a full disk. A
 * reader that closed the pipe is not an error.
 */
export async function flushStreams(): Promise<Error | undefined> {
  await Promise.all([flush(toStdout), flush((text, done) => void process.stderr.write(text, done))]);
  return state.lost;
}

/** https://no-color.org: any non-empty value counts; https://force-color.org: in a pipe, too, unless it is `0` or `false`. */
function wantsColor(stream: NodeJS.WriteStream): boolean {
  const { NO_COLOR, FORCE_COLOR, TERM } = process.env;
  if (state.options.noColor || (NO_COLOR ?? '') !== '') return false;
  if ((FORCE_COLOR ?? '') !== '') return !['0', 'false'].includes(FORCE_COLOR ?? '');
  return stream.isTTY && TERM !== 'dumb';
}

function flush(write: Write): Promise<void> {
  return new Promise((resolve) => {
    write('', () => resolve());
  });
}
