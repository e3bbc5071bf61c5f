import { MAX_DOMAIN_LENGTH } from '../registry/names.js';
import { canonicalHost } from '../util/host-name.js';

/** What may stand in the registry: an application's own table may hold names with underscores. */
const PLAIN = /^[a-z0-9_-]+(?:\.[a-z0-9_-]+)*$/;

/**
 * A `Host` header as the registry stores domains (`canonicalHost`), without the port.
 *
 * @returns `null` for what no domain can be, such as an IPv6 address or an empty text.
 */
export function normalizeHost(host: string): string | null {
  if (host.length > MAX_DOMAIN_LENGTH * 4) return null;
  const name = canonicalHost(host.replace(/:\d*$/, ''));
  return name !== null && name.length <= MAX_DOMAIN_LENGTH && PLAIN.test(name) ? name : null;
}

/** The name without a leading `www.`, or `undefined` where there is none to leave out. */
export function withoutWww(host: string): string | undefined {
  return host.startsWith('www.') && host.length > 4 ? host.slice(4) : undefined;
}
