import { readFile } from 'node:fs/promises';

let page: Promise<string> | undefined;

/** The address of the documentation of this version's rules, without the rule's `#name`. */
export function rulesPage(): Promise<string> {
  page ??= readPage();
  return page;
}

async function readPage(): Promise<string> {
  const text = await readFile(new URL('../../package.json', import.meta.url), 'utf8').catch(() => '{}');
  const { name = 'pg-tenants', version } = JSON.parse(text) as { name?: string; version?: string };
  return `https://unpkg.com/${name}${version === undefined ? '' : `@${version}`}/docs/lint.md`;
}
