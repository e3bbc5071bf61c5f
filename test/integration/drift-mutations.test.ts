import { describe, expect, it } from 'vitest';

import { drift } from '../../src/structure/drift.js';
import { MUTATIONS, RICH } from '../fixtures/rich-schema.js';
import { useFleet } from '../support/fleet.js';

const fleet = useFleet({
  files: { 'migrations/tenant/0002_rich.sql': RICH },
  tenants: ['acme', 'globex', 'initech', 'customers'],
});

type Found = { seen: unknown[]; sql: (string | null)[] };

/** What was changed by hand in `acme`: kind, object and change of each difference, and the statements against them. */
async function differences(): Promise<Found> {
  const report = await drift(await fleet.project(), { against: { kind: 'tenant', tenant: 'globex' } });
  const found = report.groups.find(({ tenants }) => tenants.includes('acme'))?.differences ?? [];
  expect(report.tenants.different).toBe(found.length > 0 ? 1 : 0);
  return {
    seen: found.map(({ kind, object, change }) => [kind, object, change]),
    sql: found.map(({ sql }) => sql),
  };
}

const sorted = (list: readonly unknown[]): string[] => list.map((one) => JSON.stringify(one)).sort();

describe('a change by hand', () => {
  it.each(MUTATIONS)(
    'is found and named, and nothing else, and taken away by the statement for it: %s',
    async (sql, ...expected) => {
      const inAcme = (text: string) => fleet.database.query(`SET search_path TO "acme", "public", pg_temp; ${text}`);
      await inAcme(sql);
      try {
        const found = await differences();
        expect(sorted(found.seen)).toEqual(sorted(expected));
        if (found.sql.includes(null)) {
          expect(UNKNOWN).toContain(sql);
        } else {
          await inAcme(found.sql.join('\n'));
          const left = MOVES_COLUMN.test(sql) ? [['table', 'customers', 'different']] : [];
          expect((await differences()).seen).toEqual(left);
        }
      } finally {
        await fleet.database.query('RESET search_path; DROP SCHEMA acme CASCADE');
        await fleet.migrate({ missing: 'create' });
      }
    },
  );
});

it('nothing is found where nothing was changed, whatever the tenant is called', async () => {
  const report = await drift(await fleet.project());
  expect(report.tenants).toEqual({ total: 4, equal: 4, different: 0 });
  expect(report.groups).toHaveLength(1);
});

/** A column that is made again comes last. */
const MOVES_COLUMN = /^ALTER TABLE customers (?:DROP|RENAME) COLUMN notes/;

/** Against these no statement is known. */
const UNKNOWN: readonly string[] = [
  'ALTER TABLE customers DROP COLUMN notes; ALTER TABLE customers ADD COLUMN notes text',
  'ALTER TABLE customers ALTER COLUMN notes SET STORAGE EXTERNAL',
  'ALTER TABLE customers ALTER COLUMN full_name DROP EXPRESSION',
  'ALTER TABLE events DETACH PARTITION events_2026',
  'DROP AGGREGATE sum_of(int)',
  `ALTER TYPE mood ADD VALUE 'angry' BEFORE 'sad'`,
];
