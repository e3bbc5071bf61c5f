import { writeResult } from './output.js';

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
  await write(writeResult, text).catch((error: NodeJS.ErrnoException) => {
    throw error.code === 'EPIPE' || error.code === 'ERR_STREAM_DESTROYED' ? new ReaderGone() : error;
  });
}

/** Writes a message and resolves when there is room for more; nobody need read it. */
export async function writeMessagePart(text: string): Promise<void> {
  await write((part, done) => void process.stderr.write(part, done), text).catch(() => {});
}

function write(to: typeof writeResult, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    to(text, (error) => (error ? reject(error) : resolve()));
  });
}
