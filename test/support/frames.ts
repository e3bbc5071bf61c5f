/** One message of the PostgreSQL protocol. */
export type Frame = {
  /** The type byte; empty for the messages without one, at a connection's beginning. */
  type: string;
  /** SQL of `Q` (simple query) and `P` (parse), otherwise empty. */
  sql: string;
  bytes: Buffer;
};

/**
 * Cuts a stream of the protocol into messages; `push` returns those that are complete.
 *
 * @param untyped how many messages at the beginning have no type byte (a client's startup message is one)
 */
export function frameReader(untyped: number): { push(chunk: Buffer): Frame[] } {
  let rest: Buffer = Buffer.alloc(0);
  let withoutType = untyped;
  const next = (): Frame | undefined => {
    const header = withoutType > 0 ? 0 : 1;
    if (rest.length < header + 4) return undefined;
    const length = header + rest.readInt32BE(header);
    if (rest.length < length) return undefined;
    const bytes = rest.subarray(0, length);
    rest = rest.subarray(length);
    if (header === 0) {
      withoutType -= isEncryptionRequest(bytes) ? 0 : 1;
      return { type: '', sql: '', bytes };
    }
    const type = String.fromCharCode(bytes[0] ?? 0);
    return { type, sql: sqlOf(type, bytes), bytes };
  };
  return {
    push(chunk) {
      rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
      const frames: Frame[] = [];
      for (let frame = next(); frame !== undefined; frame = next()) frames.push(frame);
      return frames;
    },
  };
}

/** SSLRequest and GSSENCRequest: the client waits for one byte and then begins anew. */
export function isEncryptionRequest(bytes: Buffer): boolean {
  return bytes.length === 8 && [80877103, 80877104].includes(bytes.readInt32BE(4));
}

/** CancelRequest: a connection of its own that ends at once. */
export function isCancelRequest(bytes: Buffer): boolean {
  return bytes.length >= 16 && bytes.readInt32BE(4) === 80877102;
}

/** `P` names the prepared statement first; both end their text with a zero byte. */
function sqlOf(type: string, bytes: Buffer): string {
  if (type !== 'Q' && type !== 'P') return '';
  const start = type === 'Q' ? 5 : bytes.indexOf(0, 5) + 1;
  return bytes.toString('utf8', start, bytes.indexOf(0, start));
}
