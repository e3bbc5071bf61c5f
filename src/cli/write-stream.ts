import { writeResult } from './output.js';

/** The reader of stdout has closed it. */
export class ReaderGone extends Error {
  override readonly name = 'ReaderGone';
}

/**
 * Writes part of a result that may be larger than memory, and resolves when there is room for more.
 *
 * @throws ReaderGone if the reader has closed the stream; other errors of the stream.
 */
export async function writeResultPart(text: string): Promise<void> {
  await write(writeResult, text).catch((error: NodeJS.ErrnoException) => {
    throw error.code === 'EPIPE' || error.code === 'ERR_STREAM_DESTROYED' ? new ReaderGone() : error;
  });
}

/** Writes a message and resolves when there is room for more; a closed stream is ignored. */
export async function writeMessagePart(text: string): Promise<void> {
  await write((part, done) => void process.stderr.write(part, done), text).catch(() => {});
}

function write(to: typeof writeResult, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    to(text, (error) => (error ? reject(error) : resolve()));
  });
}
