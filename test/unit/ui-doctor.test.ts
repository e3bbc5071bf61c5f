import { describe, expect, it } from 'vitest';

import { judgeLockTable } from '../../src/doctor/checks/capacity.js';
import { invalidIndexKind } from '../../src/doctor/checks/invalid-indexes.js';
import { versionCheck } from '../../src/doctor/checks/server.js';
import { right, skipped, wrong } from '../../src/doctor/results.js';
import { formatDoctor } from '../../src/ui/summary/format-doctor.js';
import { displayWidth } from '../../src/ui/text/display-width.js';
import { wrap } from '../../src/ui/text/wrap.js';

const piped = { color: false };

describe('the report of doctor', () => {
  it('shows expected and actual side by side, then what is wrong and what to do', () => {
    const checks = [
      right('autovacuum', 'on'),
      wrong('missing-schemas', '7 tenants have no schema', {
        items: [...'abcdefghijklm'],
        suggestions: ['To create them, run: tenants migrate --create-missing'],
      }),
      skipped('pooler', 'a reason'),
    ];
    expect(formatDoctor({ checks }, piped)).toBe(
      [
        '   CHECK            EXPECTED                   ACTUAL',
        '✔  autovacuum       on                         on',
        '✖  missing-schemas  a schema for every tenant  7 tenants have no schema',
        '-  pooler           a session of our own       not checked: a reason',
        '',
        '✖ missing-schemas',
        '    expected: a schema for every tenant',
        '    actual:   7 tenants have no schema',
        '    - a, b, c, d, e, f, g, h, i, j and 3 more',
        '    Try: To create them, run: tenants migrate --create-missing',
        '',
        '3 checks: 1 wrong, 1 not made, 1 right',
      ].join('\n'),
    );
    expect(formatDoctor({ checks }, { ...piped, verbose: true })).toContain('    - m\n');
  });

  it('lists the first of many findings', () => {
    const items = ['a: 1', 'b: 2', 'c: 3', 'd: 4', 'e: 5', 'f: 6', 'g: 7'];
    const checks = [wrong('tenant-migrations', '7 ahead', { items })];
    expect(formatDoctor({ checks }, piped)).toContain('    - e: 5\n      and 2 more; --verbose shows all\n');
    expect(formatDoctor({ checks }, { ...piped, verbose: true })).toContain('    - g: 7\n');
  });

  it('tells what was repaired, and what was not and why', () => {
    const checks = [
      { ...right('registry-triggers', 'there and enabled'), fixed: true, done: ['put the triggers back'] },
      {
        ...wrong('unfinished-creations', '1 tenant left behind', { items: ['a'] }),
        failures: ['"a" was not finished: no'],
      },
    ];
    const text = formatDoctor({ checks }, piped);
    expect(text).toContain('✔ registry-triggers\n    ✔ put the triggers back\n');
    expect(text).toContain('    - a\n    ✖ "a" was not finished: no\n');
    expect(text).toContain('2 checks: 1 wrong, 1 right (1 fixed)');
  });

  it('fits 80 columns whatever the names, and lets none of them steer the terminal', () => {
    const long = Array.from({ length: 30 }, (_, i) => `word${i}`).join(' ');
    const checks = [
      wrong('tenant-migrations', long, { items: [`${long}\u001B[31m`, '名前'.repeat(10)], suggestions: [long] }),
      { ...wrong('invalid-indexes', long), done: [long], failures: [long] },
    ];
    const text = formatDoctor({ checks }, { ...piped, columns: 80 });
    for (const line of text.split('\n')) expect(displayWidth(line)).toBeLessThanOrEqual(80);
    expect(text).not.toContain('\u001B');
    expect(text.replaceAll(/\s+/g, ' ')).toContain(`actual: ${long}`);
    const colored = formatDoctor({ checks }, { color: true, columns: 80 });
    expect(colored).toContain('\u001B[31m✖\u001B[39m');
  });

  it('breaks lines between words', () => {
    expect(wrap('one two three', 7)).toEqual(['one two', 'three']);
    expect(wrap('one two three', undefined)).toEqual(['one two three']);
    expect(wrap('abcdefghij kl', 4)).toEqual(['abcdefghij', 'kl']);
  });
});

describe('decisions of doctor', () => {
  it.each([
    [120_022, '12.22', false],
    [130_000, '13.0', true],
    [180_004, '18.4', true],
  ])('version %i is supported or not', (version, versionName, ok) => {
    expect(versionCheck({ version, versionName })).toMatchObject({ ok, actual: `PostgreSQL ${versionName}` });
  });

  it.each([
    [{ name: 'i_ccnew', kind: 'i', bound: false, pending: true }, 'leftover'],
    [{ name: 'i_ccold12', kind: 'i', bound: false, pending: false }, 'leftover'],
    [{ name: 'i_ccnew', kind: 'i', bound: true, pending: false }, 'built'],
    [{ name: 'i_ccnewer', kind: 'i', bound: false, pending: false }, 'built'],
    [{ name: 'i', kind: 'i', bound: false, pending: true }, 'pending'],
    [{ name: 'i', kind: 'I', bound: false, pending: false }, 'partitioned'],
  ])('%j is %s', (index, kind) => {
    expect(invalidIndexKind(index)).toBe(kind);
  });

  it('weighs the lock table against the lanes of a run and its largest tenant', () => {
    const room = { places: 6400, sessions: 100, held: 100, schema: 'big' };
    expect(judgeLockTable({ ...room, lanes: 4, largest: 1575 })).toMatchObject({ ok: true, actual: '6,400 places' });
    expect(judgeLockTable({ ...room, lanes: 4, largest: 1576 })).toMatchObject({
      ok: false,
      expected: '6,404 places: 4 × 1,576 relations, 100 taken',
      items: ['largest tenant: big'],
      suggestions: ['Set max_locks_per_transaction = 128 and restart the server.', expect.any(String)],
    });
    expect(judgeLockTable({ ...room, places: 1600, lanes: 1, largest: 3 })).toMatchObject({
      ok: false,
      expected: '1,700 places: a survey, 100 taken',
    });
  });
});
