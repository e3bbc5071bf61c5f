import { outputOptions } from './output.js';

/** Whether the user can be asked: stdin and stderr are terminals, and no JSON document is expected. */
export function canAsk(): boolean {
  return process.stdin.isTTY && process.stderr.isTTY && !outputOptions().json;
}

/** Prints `question` and returns the answer, trimmed; `undefined` after Ctrl-C or Ctrl-D. */
export async function ask(question: string): Promise<string | undefined> {
  const { createInterface } = await import('node:readline/promises');
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  const left = new AbortController();
  // Ctrl-C and Ctrl-D are a no; without this the question would wait forever.
  terminal.on('SIGINT', () => left.abort()).on('close', () => left.abort());
  try {
    return (await terminal.question(question, { signal: left.signal })).trim();
  } catch (error) {
    if (!left.signal.aborted) throw error;
    return undefined;
  } finally {
    terminal.close();
  }
}
