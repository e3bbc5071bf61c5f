import { describe, expect, it } from 'vitest';

import { LINT_RULES } from '../../../src/lint/rule-names.js';
import { describeEffect, formatBytes } from '../../../src/lint/sizes/describe-effect.js';
import type { LintFinding, LintReport } from '../../../src/lint/types.js';
import { formatLint, planFindingLines } from '../../../src/ui/summary/lint/format-lint.js';
import { githubAnnotations } from '../../../src/ui/summary/lint/github-annotations.js';
import { sarifLog } from '../../../src/ui/summary/lint/sarif.js';
import { createStyle } from '../../../src/ui/text/style.js';

const finding: LintFinding = {
  rule: 'drop-table',
  severity: 'warning',
  file: '/repo/migrations/tenant/0002_a.sql',
  line: 3,
  column: 5,
  message: 'The table t goes away.',
  suggestion: 'Deploy first.',
  docs: 'https://example.com/lint.md#drop-table',
  migration: '0002_a',
  schema: 'tenant',
  type: null,
  statement: 'DROP TABLE t',
};
const error: LintFinding = { ...finding, rule: 'set-not-null', severity: 'error', line: 9, column: null };
const hostile: LintFinding = {
  ...finding,
  file: '/repo/migrations/a,b:c\n::error::d.sql',
  line: null,
  column: null,
  statement: 'DROP TABLE "\u001B[2Jt"',
  message: '100%\r\n::set-output name=x::y \u001B[31mred postgres://me:secret@host/db',
};

const report = (findings: LintFinding[], more: Partial<LintReport> = {}): LintReport => ({
  findings,
  files: 4,
  unread: [],
  ignored: 0,
  tenants: null,
  warnings: [],
  ...more,
});
const piped = { color: false };

describe('the text of lint', () => {
  it('groups findings by file and names place, rule, statement, remedy and documentation', () => {
    const other = { ...finding, file: '/elsewhere/0001_b.sql', line: null, column: null, statement: null };
    expect(formatLint(report([finding, error, other]), piped, '/repo')).toBe(
      `migrations/tenant/0002_a.sql

  migrations/tenant/0002_a.sql:3:5  warning  drop-table
    DROP TABLE t
    The table t goes away.
    Instead: Deploy first.
    https://example.com/lint.md#drop-table

  migrations/tenant/0002_a.sql:9  error  set-not-null
    DROP TABLE t
    The table t goes away.
    Instead: Deploy first.
    https://example.com/lint.md#drop-table

/elsewhere/0001_b.sql

  /elsewhere/0001_b.sql  warning  drop-table
    The table t goes away.
    Instead: Deploy first.
    https://example.com/lint.md#drop-table

1 error and 2 warnings in 2 of 4 migration files.`,
    );
  });

  it('says what was looked at when nothing is found, and what was not', () => {
    expect(formatLint(report([], { ignored: 1 }), piped, '/repo')).toBe(
      '4 migration files: no problems found; 1 finding switched off by comments.',
    );
    const unread = [{ file: '/repo/a.js', migration: 'a', reason: 'it asks the database' }];
    expect(formatLint(report([], { unread }), piped, '/repo')).toContain(
      'Not looked at: a.js, because it asks the database.',
    );
  });

  it('wraps at the width of the terminal and lets nothing control it', () => {
    const text = formatLint(report([hostile]), { color: false, columns: 40 }, '/repo');
    // oxlint-disable-next-line no-control-regex
    expect(text).not.toMatch(/\u001B|secret|\r/);
    const message = { ...finding, message: 'word '.repeat(40).trim() };
    const lines = formatLint(report([message]), { color: false, columns: 40 }, '/repo').split('\n');
    expect(lines.filter((line) => line.startsWith('    word')).every((line) => line.length <= 40)).toBe(true);
  });
});

describe('findings in a plan', () => {
  it('are counted, with the most important ones', () => {
    const lines = planFindingLines([finding, finding, finding, error], createStyle(false), 'tenants lint');
    expect(lines).toEqual([
      'Findings in these migrations: 1 error and 3 warnings',
      '  error 0002_a:9 set-not-null The table t goes away.',
      '  warning 0002_a:3 drop-table The table t goes away.',
      '  warning 0002_a:3 drop-table The table t goes away.',
      '  and 1 more finding',
      '  What to do instead: tenants lint',
    ]);
  });

  it('are not mentioned where there are none', () => {
    expect(planFindingLines([], createStyle(false), 'tenants lint')).toEqual([]);
  });
});

describe('annotations for GitHub', () => {
  it('name file, line, column and rule', () => {
    expect(githubAnnotations([finding, error], '/repo')).toBe(
      `::warning file=migrations/tenant/0002_a.sql,line=3,col=5,title=drop-table::The table t goes away.%0ADeploy first.%0Ahttps://example.com/lint.md#drop-table
::error file=migrations/tenant/0002_a.sql,line=9,title=set-not-null::The table t goes away.%0ADeploy first.%0Ahttps://example.com/lint.md#drop-table`,
    );
  });

  it('cannot be extended by what stands in a migration', () => {
    const text = githubAnnotations([hostile], '/repo');
    expect(text.split('\n')).toHaveLength(1);
    expect(text).toMatch(
      /^::warning file=migrations\/a%2Cb%3Ac%0A%3A%3Aerror%3A%3Ad\.sql,title=drop-table::100%25%0A::set-output/,
    );
    // oxlint-disable-next-line no-control-regex
    expect(text).not.toMatch(/\u001B|secret/);
  });

  it('are empty without findings', () => {
    expect(githubAnnotations([], '/repo')).toBe('');
  });
});

describe('the SARIF log', () => {
  type Log = {
    $schema: string;
    version: string;
    runs: {
      tool: { driver: { name: string; rules: { id: string; shortDescription: { text: string } }[] } };
      results: {
        ruleId: string;
        ruleIndex: number;
        level: string;
        message: { text: string };
        locations: { physicalLocation: { artifactLocation: { uri: string; uriBaseId?: string }; region?: object } }[];
      }[];
    }[];
  };
  const log = sarifLog([finding, error, hostile], '/repo') as Log;

  it('has what the schema of version 2.1.0 requires', () => {
    expect(log.version).toBe('2.1.0');
    const [run] = log.runs;
    expect(run?.tool.driver.name).toBe('pg-tenants');
    expect(run?.tool.driver.rules.map(({ id }) => id)).toEqual(['drop-table', 'set-not-null']);
    expect(run?.tool.driver.rules[0]?.shortDescription.text).toBe(LINT_RULES['drop-table'].finds);
    for (const { ruleId, ruleIndex, level, message } of run?.results ?? []) {
      expect(run?.tool.driver.rules[ruleIndex]?.id).toBe(ruleId);
      expect(['error', 'warning']).toContain(level);
      expect(message.text).not.toBe('');
    }
  });

  it('places results by URIs relative to the repository, with lines and columns from 1', () => {
    const places = log.runs[0]?.results.map(({ locations }) => locations[0]?.physicalLocation);
    expect(places).toEqual([
      {
        artifactLocation: { uri: 'migrations/tenant/0002_a.sql', uriBaseId: '%SRCROOT%' },
        region: { startLine: 3, startColumn: 5 },
      },
      { artifactLocation: { uri: 'migrations/tenant/0002_a.sql', uriBaseId: '%SRCROOT%' }, region: { startLine: 9 } },
      { artifactLocation: { uri: 'migrations/a%2Cb%3Ac%0A%3A%3Aerror%3A%3Ad.sql', uriBaseId: '%SRCROOT%' } },
    ]);
    const [outside] = (sarifLog([{ ...finding, file: '/else where/a.sql' }], '/repo') as Log).runs[0]?.results ?? [];
    expect(outside?.locations[0]?.physicalLocation.artifactLocation).toEqual({ uri: 'file:///else%20where/a.sql' });
  });

  it('has no password in it', () => {
    expect(JSON.stringify(log)).not.toContain('secret');
  });
});

describe('the effect of a statement', () => {
  const size = { name: 't', tenants: 3, largest: { schema: 'acme', rows: 1_200_000, bytes: 325_058_560 } };
  it.each([
    [
      { table: 't', lock: 'SHARE', work: 'index' },
      undefined,
      undefined,
      'SHARE is held on t in each tenant while the index is built, so nobody can write it.',
    ],
    [
      { table: 't', lock: 'ACCESS EXCLUSIVE', work: 'rewrite' },
      size,
      12,
      'ACCESS EXCLUSIVE is held on t in each of 12 tenants while all its rows are written anew, so nobody can read or write it. It is largest in acme: about 1,200,000 rows (310 MB).',
    ],
    [
      { table: 't', lock: 'ACCESS EXCLUSIVE' },
      undefined,
      1,
      'ACCESS EXCLUSIVE is held on t in the one tenant until the transaction ends, so nobody can read or write it.',
    ],
    [{ table: 't' }, size, 12, 'It is largest in acme: about 1,200,000 rows (310 MB).'],
    [{ lock: 'ACCESS EXCLUSIVE' }, undefined, 12, ''],
  ] as const)('of %j is described with tenants and size', (hit, known, tenants, text) => {
    expect(describeEffect(hit, { schema: 'tenant' }, known, tenants)).toBe(text);
  });

  it('in the shared schema is about one table', () => {
    const shared = { ...size, tenants: 1, largest: { schema: 'public', rows: 1, bytes: 0 } };
    expect(describeEffect({ table: 't', lock: 'SHARE', work: 'index' }, { schema: 'shared' }, shared, 12)).toBe(
      'SHARE is held on t while the index is built, so nobody can write it. It has about 1 row.',
    );
  });

  it.each([
    [8192, '8 kB'],
    [325_058_560, '310 MB'],
    [1_288_490_189, '1.2 GB'],
    [5_497_558_138_880, '5.0 TB'],
  ])('shows %i bytes as %s', (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text);
  });
});
