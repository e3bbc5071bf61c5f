import { domainToASCII } from 'node:url';

/**
 * A hostname in the one spelling in which domains are stored and looked up: lower case, other scripts in their `xn--` form
 * (UTS #46, as in browsers), without the dot that may end a complete name.
 *
 * @returns `null` for what has letters beyond ASCII and no such form. Text that is ASCII already is not checked.
 */
export function canonicalHost(text: string): string | null {
  const name = text.endsWith('.') ? text.slice(0, -1) : text;
  // oxlint-disable-next-line no-control-regex
  if (/^[\u0000-\u007F]*$/.test(name)) return name.toLowerCase();
  // Node's parser would decode `%41`, and leave the rest of an address out.
  // oxlint-disable-next-line no-control-regex
  if (/[\u0000-\u007F]/.test(name.replaceAll(/[a-z0-9.-]/gi, ''))) return null;
  return domainToASCII(name) || null;
}
