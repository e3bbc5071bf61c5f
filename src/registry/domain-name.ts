import { domainToASCII } from 'node:url';

import { TenantsError } from '../errors/tenants-error.js';
import { canonicalHost } from '../util/host-name.js';
import { MAX_DOMAIN_LENGTH, MAX_LABEL_LENGTH } from './names.js';

const LABEL = /^(?!-)[a-z0-9-]+(?<!-)$/;

/**
 * A domain as it is stored: lower case, other scripts in their `xn--` form. Upper case, other scripts and one trailing dot are
 * accepted and normalized; a scheme, user, port or path is not. One label (`localhost`) and IPv4 addresses are fine; IPv6
 * addresses, wildcards and underscores are not.
 *
 * @throws TenantsError INVALID_DOMAIN with the form that would be accepted, where there is one.
 */
export function parseDomain(input: string): string {
  const stored = canonicalHost(input);
  if (stored !== null && isDomain(stored)) return stored;
  const accepted = acceptedForm(input);
  const wildcard = input.includes('*') ? ['There are no wildcards: register each hostname.'] : [];
  throw new TenantsError('INVALID_DOMAIN', `${JSON.stringify(input)} cannot be a domain: ${problemWith(input)}.`, {
    suggestions: [
      ...(accepted === undefined ? wildcard : [`"${accepted}" would be accepted.`]),
      'A domain is a hostname such as acme.example.com: letters, digits and hyphens between dots, no scheme, port or path.',
    ],
  });
}

/** Node's own host parser, a browser's, has to leave it as it is: it reads 127.1 as an address and knows punycode. */
function isDomain(text: string): boolean {
  const fits = (label: string): boolean => label.length <= MAX_LABEL_LENGTH && LABEL.test(label);
  if (text.length > MAX_DOMAIN_LENGTH || !text.split('.').every((label) => fits(label))) return false;
  return domainToASCII(text) === text;
}

function acceptedForm(input: string): string | undefined {
  const host = input
    .trim()
    .replace(/^[a-z][a-z0-9+.-]*:\/\//i, '')
    .replace(/[/?#].*$/s, '')
    .replace(/^.*@/s, '')
    .replace(/:\d*$/, '')
    .replace(/\.$/, '');
  const form = domainToASCII(host);
  return isDomain(form) ? form : undefined;
}

function problemWith(input: string): string {
  if (input.trim() === '') return 'it is empty';
  if (/\s/.test(input)) return 'it contains white space';
  if (input.includes('://')) return 'it has a scheme';
  if (/[/?#]/.test(input)) return 'it has a path';
  if (input.includes('@')) return 'it names a user';
  if (input.includes('[') || input.split(':').length > 2) return 'IPv6 addresses are not supported';
  if (input.includes(':')) return 'it has a port';
  if (input.includes('*')) return 'it is a wildcard';
  if (input.length > MAX_DOMAIN_LENGTH) return `it is longer than ${MAX_DOMAIN_LENGTH} characters`;
  if (input.replace(/\.$/, '').split('.').includes('')) return 'it has an empty label between dots';
  if (input.split('.').some((label) => label.length > MAX_LABEL_LENGTH)) {
    return `it has a label of more than ${MAX_LABEL_LENGTH} characters`;
  }
  // oxlint-disable-next-line no-control-regex
  const isForbidden = /[\u0000-\u007F]/.test(input.replaceAll(/[a-z0-9.-]/gi, ''));
  if (isForbidden) return 'it has characters that are not allowed in a hostname';
  if (/(^|\.)-|-(\.|$)/.test(input)) return 'a label begins or ends with a hyphen';
  return 'it is not a hostname that a browser would request';
}
