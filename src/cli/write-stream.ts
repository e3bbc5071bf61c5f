import { printResult } from './output.js';

/** Whoever read stdout has closed it. */
export class ReaderGone extends Error {
  override readonly name = 'ReaderGone';
}

/**
 * Writes part of a result that is longer than memory, and resolves when there is room for more.
 *
 * @throws ReaderGone when nobody reads any more; other errors of the stream.
 */
export async function writeResultPart(text: string): Promise<void> {
  // From here on there is a result on stdout, and no document of an error may follow it.
  printResult('');
  await write(process.stdout, text).catch((error: NodeJS.ErrnoException) => {
    throw error.code === 'EPIPE' || error.code === 'ERR_STREAM_DESTROYED' ? new ReaderGone() : error;
  });
}

/** Writes a message and resolves when there is room for more; nobody need read it. */
export async function writeMessagePart(text: string): Promise<void> {
  await write(process.stderr, text).catch(() => {});
}

function write(stream: NodeJS.WriteStream, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.write(text, (error) => (error ? reject(error) : resolve()));
  });
}
