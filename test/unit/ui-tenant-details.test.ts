import { describe, expect, it } from 'vitest';

import { detailLines } from '../../src/ui/summary/format-tenant-details.js';

const NAMES = Array.from({ length: 14 }, (_, index) => `${String(index + 1).padStart(4, '0')}_m`);
const applied = NAMES.map((name) => ({ name, runOn: null }));
const base = { tenant: 'acme', type: null, applied, pending: [] };
const shown = (lines: string[]): string[] => lines.map((line) => line.replaceAll(/\s+/g, ' ').trim());

describe('the migrations of one tenant', () => {
  it('are the latest ones', () => {
    const lines = detailLines([{ ...base, state: 'upToDate' }], { color: false });
    expect(lines).toHaveLength(12);
    expect(lines[1]).toContain('4 earlier migrations');
  });

  it('mark what is applied and not on disk, however long ago that was', () => {
    const lines = shown(detailLines([{ ...base, state: 'ahead', unknown: ['0002_m'] }], { color: false }));
    expect(lines).toContain('! 0002_m (not on disk)');
    expect(lines).toContain('✔ 0003_m');
    expect(lines).not.toContain('✔ 0001_m');
  });

  it('mark the place where the order differs from that of the files', () => {
    const gap = { expected: '0004_late', found: '0005_m' };
    const lines = shown(detailLines([{ ...base, state: 'outOfOrder', gap }], { color: false }));
    expect(lines.indexOf('! 0004_late (the files have it here)')).toBe(lines.indexOf('✔ 0005_m') - 1);
    expect(lines).toContain('✔ 0005_m');
  });
});
