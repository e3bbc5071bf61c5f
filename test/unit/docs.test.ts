import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { describe, expect, it } from 'vitest';

import { ERROR_CODES } from '../../src/errors/codes.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const PAGES = readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.md'))
  .map((file) => `docs/${file}`);

describe('the documentation', () => {
  it.each([...PAGES, 'README.md', 'CONTRIBUTING.md'])('%s has no link that leads nowhere', (page) => {
    expect(linksOf(page).filter((link) => !leadsSomewhere(page, link))).toEqual([]);
  });

  it('has every page in its table of contents', () => {
    const listed = linksOf('docs/README.md').map((link) => `docs/${link.split('#')[0]}`);
    expect(PAGES.filter((page) => page !== 'docs/README.md' && !listed.includes(page))).toEqual([]);
  });
});

describe('docs/errors.md', () => {
  const rows = new Map<string, number>();
  let exitCode = Number.NaN;
  for (const line of readFileSync(join(ROOT, 'docs/errors.md'), 'utf8').split('\n')) {
    exitCode = Number(/^## Exit code (\d+)/.exec(line)?.[1] ?? exitCode);
    const code = /^\| `([A-Z_]+)`/.exec(line)?.[1];
    if (code !== undefined && !Number.isNaN(exitCode)) rows.set(code, exitCode);
  }

  it('has an entry for every code, and for no other', () => {
    expect([...rows.keys()].sort()).toEqual(Object.keys(ERROR_CODES).sort());
  });

  it('has each entry under its exit code', () => {
    const { INTERRUPTED: _, ...codes } = ERROR_CODES;
    expect(Object.entries(codes).filter(([code, exit]) => rows.get(code) !== exit)).toEqual([]);
  });
});

function linksOf(page: string): string[] {
  const text = readFileSync(join(ROOT, page), 'utf8').replaceAll(/^```.*?^```$/gms, '');
  return [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target);
}

/** Whether the file of a relative link exists and has the heading. */
function leadsSomewhere(page: string, link: string): boolean {
  if (/^https?:/.test(link)) return true;
  const [path = '', anchor] = link.split('#');
  const file = path === '' ? join(ROOT, page) : join(ROOT, dirname(page), path);
  if (!existsSync(file)) return false;
  return anchor === undefined || headingsOf(file).includes(anchor);
}

/** The anchors that a code host gives the headings of a page. */
function headingsOf(file: string): string[] {
  return [...readFileSync(file, 'utf8').matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .trim()
      .replaceAll(/\s/g, '-'),
  );
}
