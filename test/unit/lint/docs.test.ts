import { readFileSync } from 'node:fs';

import { describe, expect, it } from 'vitest';

import { LINT_RULE_NAMES, LINT_RULES } from '../../../src/lint/rule-names.js';
import { lintTenant } from '../../fixtures/lint.js';

const page = readFileSync(new URL('../../../docs/lint.md', import.meta.url), 'utf8');
const [, rules = ''] = page.split('\n# Rules\n');
const sections = new Map(
  rules
    .split(/^### /m)
    .slice(1)
    .map((section) => [section.slice(0, section.indexOf('\n')), section.slice(section.indexOf('\n')).trim()]),
);

describe('docs/lint.md', () => {
  it('has a section for every rule, in the same order, and for nothing else', () => {
    expect([...sections.keys()]).toEqual([...LINT_RULE_NAMES]);
  });

  it.each(LINT_RULE_NAMES)('says of %s which level it has', (rule) => {
    const { level } = LINT_RULES[rule];
    const said = { error: '_Error._', warning: '_Warning._', off: '_Off._' }[level];
    expect(sections.get(rule)?.startsWith(`${said} `)).toBe(true);
    expect(sections.get(rule)?.length).toBeGreaterThan(100);
  });

  it('is where findings lead to', async () => {
    const { version } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')) as {
      version: string;
    };
    const [finding] = await lintTenant('DROP TABLE t;');
    expect(finding?.docs).toBe(`https://unpkg.com/pg-tenants@${version}/docs/lint.md#drop-table`);
  });
});
