import { describe, expect, it } from 'vitest';

import {
  activateStatements,
  type NewTenant,
  registrationStatements,
  removeRegistrationStatements,
} from '../../src/registry/registration.js';
import { BARE_SHAPE, CUSTOM_SHAPE, SHAPE } from '../support/registry-shapes.js';

const ACME: NewTenant = { schema: 'acme', name: null, type: null, status: 'active', extra: {}, domains: [] };

describe('registrationItems', () => {
  it('keeps every value out of the text', () => {
    const domains = [{ domain: `d'; --`, primary: true }];
    const items = registrationStatements(SHAPE, { ...ACME, schema: `s'; --`, extra: { plan: `x'; --` }, domains });
    expect(items.map(({ text }) => text).join()).not.toContain('--');
    expect(items.map(({ values }) => values)).toEqual([
      [`s'; --`, null, null, 'active', `x'; --`],
      [`d'; --`, `s'; --`, true],
    ]);
  });

  it('quotes the names of extra columns', () => {
    const [item] = registrationStatements(SHAPE, { ...ACME, extra: { 'a"b': '1' } });
    expect(item?.text).toContain(', "a""b")');
  });

  it('leaves out columns that are mapped to null', () => {
    const domains = [{ domain: 'acme.example', primary: true }];
    const items = registrationStatements(BARE_SHAPE, { ...ACME, status: 'provisioning', domains });
    expect(items.map(({ values }) => values)).toEqual([['acme'], ['acme.example', 'acme']]);
    expect(activateStatements(BARE_SHAPE, 'acme')).toEqual([]);
    expect(
      removeRegistrationStatements(BARE_SHAPE, 'acme')
        .map(({ text }) => text)
        .join(),
    ).not.toContain('provisioning');
  });

  it.each<[string, Partial<NewTenant>, RegExp]>([
    ['a label without a column for it', { name: 'Acme' }, /--label/],
    ['a type without a column for it', { type: 'shop' }, /--type/],
    ['the key as an extra column', { extra: { slug: 'x' } }, /NAME/],
    ['the id as an extra column', { extra: { uid: '7' } }, /numbers the tenants/],
  ])('refuses %s', (_, change, message) => {
    expect(() => registrationStatements(BARE_SHAPE, { ...ACME, ...change })).toThrowError(
      expect.objectContaining({ code: 'USAGE', message: expect.stringMatching(message) }),
    );
  });

  it.each<[string, Partial<NewTenant>, RegExp]>([
    ['the label as an extra column', { extra: { Label: 'x' } }, /--label/],
    ['the type as an extra column', { extra: { 'the type': 'x' } }, /--type/],
    ['the status as an extra column', { extra: { state: 'x' } }, /set by the command/],
    [
      'a domain twice',
      { domains: [domain('a.example', true), domain('a.example', false)] },
      /"a.example" is given twice/,
    ],
    ['two primary domains', { domains: [domain('a.example', true), domain('b.example', true)] }, /one primary domain/],
  ])('refuses %s', (_, change, message) => {
    expect(() => registrationStatements(CUSTOM_SHAPE, { ...ACME, ...change })).toThrowError(
      expect.objectContaining({ code: 'USAGE', message: expect.stringMatching(message) }),
    );
  });
});

function domain(name: string, primary: boolean) {
  return { domain: name, primary };
}
