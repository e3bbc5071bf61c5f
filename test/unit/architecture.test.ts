import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { describe, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const PAGE = readFileSync(join(ROOT, 'docs/architecture.md'), 'utf8');

type LintConfig = {
  overrides: { files: string[]; rules: Record<string, [string, { patterns: { group: string[] }[] }]> }[];
};
const LINT = JSON.parse(readFileSync(join(ROOT, '.oxlintrc.json'), 'utf8')) as LintConfig;

/** Each room of the table, with the rooms that it may import. */
const ROOMS = new Map(
  [...between(PAGE, '<!-- rooms -->', '<!-- /rooms -->').matchAll(/^\| `([\w-]+)`.*\|([^|]+)\|$/gm)].map(
    ([, room = '', imports = '']) => [room, imports.trim() === 'nothing' ? [] : imports.trim().split(', ')] as const,
  ),
);

describe('docs/architecture.md', () => {
  it('has a row for every folder of src, and for no other', () => {
    const folders = readdirSync(join(ROOT, 'src'), { withFileTypes: true }).filter((entry) => entry.isDirectory());
    expect([...ROOMS.keys()].sort()).toEqual(folders.map(({ name }) => name).sort());
  });

  it('names only files and folders that exist', () => {
    const paths = [...PAGE.matchAll(/`((?:src|test|docs)\/[\w./-]+)`/g)].map(([, path = '']) => path);
    expect(paths.length).toBeGreaterThan(10);
    expect(paths.filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
  });

  it.each([...ROOMS])('the linter keeps %s from importing what the table does not allow', (room, imports) => {
    const override = LINT.overrides.find(({ files }) => files.includes(`src/${room}/**`));
    const forbidden = override?.rules['no-restricted-imports']?.[1].patterns.flatMap(({ group }) => group) ?? [];
    const others = [...ROOMS.keys()].filter((other) => other !== room && !imports.includes(other));
    const rooms = forbidden.map((pattern) => /^\*\*\/([\w-]+)\/\*\*$/.exec(pattern)?.[1] ?? '');
    expect(rooms.filter((name) => ROOMS.has(name)).sort()).toEqual(others.sort());
  });
});

describe('src', () => {
  it('has at most 25 files directly in each folder', () => {
    const files = readdirSync(join(ROOT, 'src'), { recursive: true, withFileTypes: true }).filter((entry) =>
      entry.isFile(),
    );
    const counts = new Map<string, number>();
    for (const { parentPath } of files) counts.set(parentPath, (counts.get(parentPath) ?? 0) + 1);
    expect([...counts].filter(([, number]) => number > 25)).toEqual([]);
  });

  it('casts by way of unknown in at most eight places', () => {
    const files = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' }).filter((file) =>
      file.endsWith('.ts'),
    );
    const casts = files.flatMap((file) => readFileSync(join(ROOT, 'src', file), 'utf8').match(/as unknown as/g) ?? []);
    expect(casts.length).toBeLessThanOrEqual(8);
  });
});

function between(text: string, from: string, to: string): string {
  return text.slice(text.indexOf(from), text.indexOf(to));
}
