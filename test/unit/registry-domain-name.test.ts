import { describe, expect, it } from 'vitest';

import { TenantsError } from '../../src/errors/tenants-error.js';
import { parseDomain } from '../../src/registry/domain-name.js';
import { normalizeHost } from '../../src/runtime/host-name.js';

const LONGEST = `${`${'a'.repeat(63)}.`.repeat(3)}${'b'.repeat(61)}`;

describe('parseDomain', () => {
  it.each([
    'acme.example.com',
    'localhost',
    '127.0.0.1',
    'xn--mnchen-3ya.example',
    'a-b.c--d.e',
    '4711.example',
    `${'a'.repeat(63)}.example`,
    LONGEST,
  ])('accepts %s as it is', (domain) => {
    expect(parseDomain(domain)).toBe(domain);
  });

  it.each([
    ['ACME.example.com', 'acme.example.com'],
    ['acme.example.com.', 'acme.example.com'],
    ['LOCALHOST.', 'localhost'],
    ['münchen.example', 'xn--mnchen-3ya.example'],
    ['MÜNCHEN.Example.', 'xn--mnchen-3ya.example'],
    ['XN--Mnchen-3ya.example', 'xn--mnchen-3ya.example'],
    ['日本。jp', 'xn--wgv71a.jp'],
    ['faß.example', 'xn--fa-hia.example'],
  ])('stores %j as %s, which the runtime looks up for both', (input, stored) => {
    expect(parseDomain(input)).toBe(stored);
    expect(parseDomain(stored)).toBe(stored);
    expect(normalizeHost(`${input}:8080`)).toBe(stored);
    expect(normalizeHost(stored)).toBe(stored);
  });

  it.each([
    ['https://acme.example.com/', 'scheme', 'acme.example.com'],
    ['HTTPS://user:pw@Acme.example.com:8443/a?b#c', 'scheme', 'acme.example.com'],
    ['acme.example.com:3000', 'port', 'acme.example.com'],
    ['acme.example.com/path', 'path', 'acme.example.com'],
    ['https://München.example./', 'scheme', 'xn--mnchen-3ya.example'],
    [' acme.example.com\n', 'white space', 'acme.example.com'],
    ['me@acme.example.com', 'user', 'acme.example.com'],
    ['127.1', 'browser', '127.0.0.1'],
    ['ä%2eb', 'not allowed', 'xn--4ca.b'],
  ])('refuses %j because of its %s and offers %s', (input, problem, accepted) => {
    const error = refusal(input);
    expect(error.message).toContain(JSON.stringify(input));
    expect(error.message).toContain(problem);
    expect(error.suggestions[0]).toBe(`"${accepted}" would be accepted.`);
    expect(parseDomain(accepted)).toBe(accepted);
  });

  it.each([
    ['', 'empty'],
    ['  ', 'empty'],
    ['*.example.com', 'wildcard'],
    ['a_b.example.com', 'not allowed'],
    ['a..b', 'empty label'],
    ['.a', 'empty label'],
    ['a..', 'empty label'],
    ['.', 'empty label'],
    ['ä_b.example', 'not allowed'],
    ['-a.example', 'hyphen'],
    ['a-.example', 'hyphen'],
    ['256.1.1.1', 'browser'],
    ['xn--a', 'browser'],
    ['[::1]', 'IPv6'],
    ['::1', 'IPv6'],
    ["a'b.example", 'not allowed'],
    ['a b.example', 'white space'],
    [`${'a'.repeat(64)}.example`, '63'],
    [`${LONGEST}b`, '253'],
    ['ä'.repeat(70), '63'],
    ['ä'.repeat(60), 'browser'],
    ['acme.example.com:http', 'port'],
  ])('refuses %j (%s), for which there is no accepted form', (input, problem) => {
    const error = refusal(input);
    expect(error.message).toContain(problem);
    expect(error.suggestions.join()).not.toContain('would be accepted');
  });
});

function refusal(input: string): TenantsError {
  try {
    parseDomain(input);
  } catch (error) {
    expect(error).toBeInstanceOf(TenantsError);
    const refused = error as TenantsError;
    expect([refused.code, refused.exitCode]).toEqual(['INVALID_DOMAIN', 2]);
    return refused;
  }
  throw new Error(`${input} was accepted`);
}
