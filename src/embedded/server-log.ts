import { open } from 'node:fs/promises';

/** The lines that were appended to a log file after its first `offset` bytes; at most the last 64 KiB of them. */
export async function logSince(path: string, offset: number): Promise<string[]> {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    const from = Math.max(offset, size - 65_536);
    const buffer = Buffer.alloc(Math.max(0, size - from));
    const { bytesRead } = await file.read(buffer, 0, buffer.length, from);
    return buffer
      .subarray(0, bytesRead)
      .toString()
      .split(/\r?\n/)
      .filter((line) => line !== '');
  } finally {
    await file.close();
  }
}
