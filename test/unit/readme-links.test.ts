import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { describe, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const README = readFileSync(join(ROOT, 'README.md'), 'utf8');
const PACKAGE = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { name: string; files: string[] };
const LINKS = [...README.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target);

/** npm shows the README without the repository around it: a relative link leads nowhere there. */
describe('links of the README, where npm shows it', () => {
  it('are addresses or headings of the page', () => {
    expect(LINKS.length).toBeGreaterThan(10);
    expect(LINKS.filter((link) => !/^(?:https:\/\/|#)/.test(link))).toEqual([]);
  });

  it('lead to headings that exist', () => {
    const headings = [...README.matchAll(/^#+ (.+)$/gm)].map(([, text = '']) => slug(text));
    expect(LINKS.filter((link) => link.startsWith('#') && !headings.includes(link.slice(1)))).toEqual([]);
  });

  it('lead to files that are in the package', () => {
    const prefix = `https://unpkg.com/${PACKAGE.name}/`;
    const files = LINKS.filter((link) => link.startsWith(prefix)).map((link) => link.slice(prefix.length));
    const packed = [...PACKAGE.files, 'README.md', 'LICENSE'];
    expect(files.length).toBeGreaterThan(5);
    expect(files.filter((file) => !existsSync(join(ROOT, file)))).toEqual([]);
    expect(files.filter((file) => !packed.some((one) => file === one || file.startsWith(`${one}/`)))).toEqual([]);
  });
});

/** The anchor that GitHub and npm give a heading. */
function slug(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
    .trim()
    .replaceAll(/\s/g, '-');
}
