import { domainToASCII } from 'node:url';

import { MAX_DOMAIN_LENGTH } from '../registry/names.js';

/** A host that needs nothing but a look at its port. */
const PLAIN = /^[a-z0-9_-]+(?:\.[a-z0-9_-]+)*$/;

/**
 * A `Host` header as the registry stores domains: lower case, `xn--` form, without port and trailing dot.
 *
 * @returns `null` for what no domain can be, such as an IPv6 address or an empty text.
 */
export function normalizeHost(host: string): string | null {
  const name = host.replace(/:\d*$/, '').replace(/\.$/, '');
  if (name.length > MAX_DOMAIN_LENGTH * 4) return null;
  const ascii = PLAIN.test(name) ? name : domainToASCII(name);
  return ascii.length <= MAX_DOMAIN_LENGTH && PLAIN.test(ascii) ? ascii : null;
}

/** The name without a leading `www.`, or `undefined` where there is none to leave out. */
export function withoutWww(host: string): string | undefined {
  return host.startsWith('www.') && host.length > 4 ? host.slice(4) : undefined;
}
