import { plural } from '../../util/format-count.js';
import type { Hit, LintSet, LockMode, TableSize, TableWork } from '../types.js';

/** What a finding costs: which lock is held meanwhile, in how many tenants, and how large the table is. Empty without a table. */
export function describeEffect(
  { table, lock, work }: Pick<Hit, 'table' | 'lock' | 'work'>,
  { schema }: Pick<LintSet, 'schema'>,
  size: TableSize | undefined,
  tenants: number | undefined,
): string {
  if (table === undefined) return '';
  const where = schema === 'shared' ? '' : ` in ${each(tenants)}`;
  const during = work === undefined ? 'until the transaction ends' : `while ${DURING[work]}`;
  const held = lock === undefined ? '' : `${lock} is held on ${table}${where} ${during}${BLOCKS[lock]}.`;
  return [held, size === undefined ? '' : largest(size, schema)].filter((part) => part !== '').join(' ');
}

const DURING: Readonly<Record<TableWork, string>> = {
  rewrite: 'all its rows are written anew',
  scan: 'all its rows are read',
  index: 'the index is built',
};

const BLOCKS: Readonly<Record<LockMode, string>> = {
  'ACCESS EXCLUSIVE': ', so nobody can read or write it',
  EXCLUSIVE: ', so nobody can write it',
  'SHARE ROW EXCLUSIVE': ', so nobody can write it',
  SHARE: ', so nobody can write it',
  'SHARE UPDATE EXCLUSIVE': '',
};

function each(tenants: number | undefined): string {
  if (tenants === undefined) return 'each tenant';
  return tenants === 1 ? 'the one tenant' : `each of ${plural(tenants, 'tenant')}`;
}

function largest({ tenants, largest: most }: TableSize, schema: 'shared' | 'tenant'): string {
  if (most === null) return '';
  const about = `about ${plural(most.rows, 'row')}${most.bytes > 0 ? ` (${formatBytes(most.bytes)})` : ''}`;
  if (schema === 'shared') return `It has ${about}.`;
  return tenants === 1 ? `It has ${about} in ${most.schema}.` : `It is largest in ${most.schema}: ${about}.`;
}

const UNITS = ['kB', 'MB', 'GB', 'TB'] as const;

/** `8 kB`, `310 MB`, `1.2 GB`. */
export function formatBytes(bytes: number): string {
  let value = bytes / 1024;
  let unit = 0;
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit += 1;
  }
  const digits = value < 10 && unit > 0 ? 1 : 0;
  return `${value.toFixed(digits)} ${UNITS[unit] ?? ''}`;
}
