import { domainToASCII } from 'node:url';

import { TenantsError } from '../errors/tenants-error.js';
import { MAX_DOMAIN_LENGTH, MAX_LABEL_LENGTH } from './names.js';

const LABEL = /^(?!-)[a-z0-9-]+(?<!-)$/;

/**
 * Checks a domain as it was typed. Accepted is what a browser sends as the host, and nothing that would have to be
 * changed first: lower case, `xn--` form, no scheme, user, port, path or trailing dot. One label (`localhost`) and IPv4
 * addresses are fine; IPv6 addresses, wildcards and underscores are not.
 *
 * @throws TenantsError INVALID_DOMAIN with the form that would be accepted, where there is one.
 */
export function parseDomain(input: string): string {
  if (isDomain(input)) return input;
  const accepted = acceptedForm(input);
  const wildcard = input.includes('*') ? ['There are no wildcards: register each hostname.'] : [];
  throw new TenantsError('INVALID_DOMAIN', `${JSON.stringify(input)} cannot be a domain: ${problemWith(input)}.`, {
    suggestions: [
      ...(accepted === undefined ? wildcard : [`"${accepted}" would be accepted.`]),
      'A domain is a hostname in lower case, such as acme.example.com: letters, digits and hyphens between dots, no scheme, port or path; other scripts in their xn-- form.',
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
  if (input.endsWith('.')) return 'it has a trailing dot';
  // oxlint-disable-next-line no-control-regex
  if (/[^\u0000-\u007F]/.test(input)) return 'it has letters outside ASCII';
  if (/[A-Z]/.test(input)) return 'it has upper-case letters';
  if (input.length > MAX_DOMAIN_LENGTH) return `it is longer than ${MAX_DOMAIN_LENGTH} characters`;
  if (input.split('.').includes('')) return 'it has an empty label between dots';
  if (input.split('.').some((label) => label.length > MAX_LABEL_LENGTH)) {
    return `it has a label of more than ${MAX_LABEL_LENGTH} characters`;
  }
  if (/[^a-z0-9.-]/.test(input)) return 'it has characters that are not allowed in a hostname';
  if (/(^|\.)-|-(\.|$)/.test(input)) return 'a label begins or ends with a hyphen';
  return 'it is not a hostname that a browser would request';
}
