/** Longest identifier PostgreSQL keeps, in bytes (`NAMEDATALEN - 1`); anything longer would be cut off in silence. */
export const MAX_IDENTIFIER_BYTES = 63;

/** A NUL ends a name on the wire, and half a character would arrive there as another one. */
const UNSENDABLE = /\0|\p{Surrogate}/u;

/** True for any name an existing PostgreSQL object can have. */
export function isIdentifier(name: string): boolean {
  return name.length > 0 && !UNSENDABLE.test(name) && Buffer.byteLength(name) <= MAX_IDENTIFIER_BYTES;
}
