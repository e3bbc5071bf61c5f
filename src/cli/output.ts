import type { FormatContext } from '../ui/text/format-context.js';

/** What was asked of the output as a whole. */
export type OutputOptions = { json: boolean; verbose: boolean; noColor: boolean };

/** The output of one invocation: its options, whether there is a result yet, and why it was lost. */
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

/**
 * Lets a stream break without breaking the work: whoever read stdout or stderr may have gone. To be called again after
 * `@oclif/core` was loaded, whose own listener throws whatever is not `EPIPE`.
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

/** Where the result goes: past everything else that writes to stdout. */
let toStdout = plainStdout;

/**
 * Keeps stdout for the result: what configuration files, migrations and hooks print from here on goes to stderr, where it
 * disturbs no document.
 */
export function keepStdout(): void {
  const write = process.stdout.write.bind(process.stdout);
  toStdout = (text, done) => void write(text, done);
  process.stdout.write = process.stderr.write.bind(process.stderr);
}

/** The result of a command: the only thing that stands on stdout. */
export function printResult(text: string): void {
  writeResult(text === '' || text.endsWith('\n') ? text : `${text}\n`);
}

/** A part of a result, as it is. @param done called when there is room for more, or with what went wrong. */
export function writeResult(text: string, done?: (error?: Error | null) => void): void {
  state.printed = true;
  toStdout(text, done);
}

/** Whether stdout has its result, so that there must not be a second one. */
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
 * Waits until everything is written. Returns the error that kept a result from being written, such as a full disk; a
 * reader that left on purpose is none.
 */
export async function flushStreams(): Promise<Error | undefined> {
  await Promise.all([flush(toStdout), flush((text, done) => void process.stderr.write(text, done))]);
  return state.lost;
}

/** https://no-color.org: any value that is not empty counts. */
function wantsColor(stream: NodeJS.WriteStream): boolean {
  return stream.isTTY && !state.options.noColor && !process.env['NO_COLOR'] && process.env['TERM'] !== 'dumb';
}

function flush(write: Write): Promise<void> {
  return new Promise((resolve) => {
    write('', () => resolve());
  });
}
