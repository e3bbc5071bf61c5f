import type { Readable } from 'node:stream';

/** Longest line that is passed on, in characters; what a migration prints may have no end. */
const LONGEST_LINE = 2000;

/** Passes on what a worker prints, line by line. Returns a look at the end of it, for a worker that died. */
export function readLines(stream: Readable | null, onLine: (line: string) => void): () => string {
  let rest = '';
  let last = '';
  const emit = (line: string): void => {
    const text = line.trimEnd();
    if (text === '') return;
    last = `${last}\n${text}`.slice(-LONGEST_LINE);
    onLine(text);
  };
  stream?.setEncoding('utf8');
  stream?.on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) emit(line);
    if (rest.length > LONGEST_LINE) {
      emit(rest);
      rest = '';
    }
  });
  stream?.on('end', () => emit(rest));
  stream?.on('error', () => {});
  return () => `${last}\n${rest}`.trim();
}
