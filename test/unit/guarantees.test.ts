import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { describe, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const PAGE = readFileSync(join(ROOT, 'docs/guarantees.md'), 'utf8');

/** The file and the name of the test of each promise. */
const PROMISES = [...PAGE.matchAll(/^\|.*\| `(test\/[\w./-]+)`: "([^"]+)"\s*\|/gm)].map(([, file = '', name = '']) => ({
  file,
  name,
}));

describe('docs/guarantees.md', () => {
  it('has a test in every row that is a promise', () => {
    const promises = PAGE.slice(0, PAGE.indexOf('## What is not promised'));
    const rows = [...promises.matchAll(/^\|(?! promise| -)/gm)];
    expect(rows.length).toBeGreaterThan(25);
    expect(PROMISES).toHaveLength(rows.length);
  });

  it('names only files that exist', () => {
    expect(PROMISES.filter(({ file }) => !existsSync(join(ROOT, file)))).toEqual([]);
  });

  it('names only tests that are in those files', () => {
    const missing = PROMISES.filter(({ file, name }) => !readFileSync(join(ROOT, file), 'utf8').includes(name));
    expect(missing).toEqual([]);
  });

  it('says why beside everything that is not promised', () => {
    const rest = PAGE.slice(PAGE.indexOf('## What is not promised'));
    const rows = [...rest.matchAll(/^\|(?! not promised| -)(.+)\|$/gm)].map(([, row = '']) => row.split('|'));
    expect(rows.length).toBeGreaterThan(5);
    expect(rows.filter((cells) => cells.length !== 3 || cells.some((cell) => cell.trim() === ''))).toEqual([]);
  });
});
