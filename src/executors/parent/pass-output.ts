import type { Readable } from 'node:stream';

import { LineSplitter } from '../../util/line-splitter.js';

/** Longest line that is passed on, in characters; what a migration prints may have no end. */
const LONGEST_LINE = 2000;

/** Passes on what a worker prints, line by line. Returns a look at the end of it, for a worker that died. */
export function passOutput(stream: Readable | null, onLine: (line: string) => void): () => string {
  const splitter = new LineSplitter(LONGEST_LINE);
  let last = '';
  const emit = (line: string): void => {
    const text = line.trimEnd();
    if (text === '') return;
    last = `${last}\n${text}`.slice(-LONGEST_LINE);
    onLine(text);
  };
  stream?.setEncoding('utf8');
  stream?.on('data', (text: string) => {
    for (const line of splitter.push(text)) emit(line);
  });
  stream?.on('end', () => emit(splitter.rest));
  stream?.on('error', () => {});
  return () => `${last}\n${splitter.rest}`.trim();
}
