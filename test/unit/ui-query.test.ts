import { describe, expect, it } from 'vitest';

import { formatExecSummary, prefixed } from '../../src/ui/summary/format-exec.js';
import { formatQuerySummary } from '../../src/ui/summary/format-query.js';
import { detailLines } from '../../src/ui/summary/format-tenant-details.js';
import { createQueryTable } from '../../src/ui/summary/query-table.js';
import { csvLine } from '../../src/ui/text/csv.js';

const PLAIN = { color: false };

it.each([
  [['a', 'b'], 'a,b\n'],
  [['', null], '"",\n'],
  [['a,b', 'say "x"', 'two\nlines', 'r\r'], '"a,b","say ""x""","two\nlines","r\r"\n'],
  [[String.raw`\.`], '"\\."\n'],
])('%j is a line of CSV', (values, expected) => {
  expect(csvLine(values)).toBe(expected);
});

describe('the table of a query', () => {
  const part = (tenant: string, names: string[], rows: (string | null)[][]) => ({
    tenant,
    columns: names.map((name) => ({ name, type: name === 'n' ? 23 : 25 })),
    rows,
  });

  it('aligns rows of several tenants together, and cleans them', () => {
    const made = createQueryTable(PLAIN);
    expect(made.add(part('acme', ['n', 't'], [['1', 'x\u001B[31m']]))).toEqual([]);
    expect(made.add(part('b', ['n', 't'], [['1000', null]]))).toEqual([]);
    expect(made.end()).toEqual(['tenant     n  t', 'acme       1  x', 'b       1000  NULL']);
  });

  it('begins anew where the columns change', () => {
    const made = createQueryTable(PLAIN);
    made.add(part('a', ['t'], [['x']]));
    expect(made.add(part('b', ['u'], [['y']]))).toEqual(['tenant  t', 'a       x']);
    expect(made.end()).toEqual(['tenant  u', 'b       y']);
  });

  it('keeps no more than a thousand rows', () => {
    const made = createQueryTable(PLAIN);
    const rows = Array.from({ length: 2500 }, (_, index) => [String(index)]);
    expect(made.add(part('a', ['n'], rows))).toHaveLength(2002);
    expect(made.end()).toHaveLength(501);
    expect(made.end()).toEqual([]);
  });

  it('fits a terminal', () => {
    const made = createQueryTable({ color: false, columns: 40 });
    made.add(part('acme', ['t'], [['x'.repeat(500)]]));
    for (const line of made.end()) expect(line.length).toBeLessThanOrEqual(40);
  });
});

it('a summary puts alike failures together', () => {
  const error = (tenant: string) => ({
    name: 'error',
    code: 'DATABASE_ERROR',
    sqlstate: '42P01',
    message: `no table in ${tenant}`,
  });
  const failed = ['one', 'two'].map((tenant) => ({ tenant, error: error(tenant) }));
  const text = formatQuerySummary({ tenants: 3, rows: 5, failed, interrupted: false, durationMs: 100 }, PLAIN);
  expect(text.split('\n')).toEqual([
    '✖ 42P01 · no table in one — 2 tenants: one, two',
    '5 rows of 3 tenants, 2 tenants failed (0.1 s)',
  ]);
});

describe('what exec prints', () => {
  it('begins each line with a harmless name', () => {
    expect(prefixed('a\u001B[2J\nb', ['x', ''], PLAIN)).toBe('a b | x\na b | \n');
  });

  it('says how programs ended, alike endings together', () => {
    const error = (tenant: string) => ({
      name: 'TenantsError',
      code: 'TENANT_UNREADABLE',
      message: `There is no schema "${tenant}".`,
    });
    const text = formatExecSummary(
      {
        results: [
          { tenant: 'a', exitCode: 0 },
          { tenant: 'b', exitCode: 3 },
          { tenant: 'c', exitCode: 3 },
          { tenant: 'd', exitCode: null, error: error('d') },
          { tenant: 'e', exitCode: null, error: error('e') },
        ],
        interrupted: false,
        durationMs: 100,
      },
      PLAIN,
    );
    expect(text.split('\n')).toEqual([
      '✖ exit code 3 — 2 tenants: b, c',
      '✖ There is no schema of its name. — 2 tenants: d, e',
      '1 of 5 tenants succeeded (0.1 s)',
    ]);
  });
});

it('the details of a tenant show the latest migrations and what is pending', () => {
  const applied = Array.from({ length: 12 }, (_, index) => ({ name: `m${index}`, runOn: '2024-02-29T12:00:00.000' }));
  const detail = { tenant: 'acme', type: 'shop', state: 'pending' as const, applied, pending: ['later'] };
  const lines = detailLines([detail], PLAIN);
  expect(lines).toHaveLength(13);
  expect(lines.slice(0, 3)).toEqual([
    'acme (type shop): pending',
    '  2 earlier migrations; --verbose shows them',
    '  ✔ 2024-02-29 12:00:00.000 m2',
  ]);
  expect(lines.at(-1)).toBe('  +                         later');
  expect(detailLines([detail], { color: false, verbose: true })).toHaveLength(14);
});
