import { describe, expect, it } from 'vitest';

import type { MigrateReport } from '../../src/run/types.js';
import { formatMigrateSummary, type SummaryContext } from '../../src/ui/summary/format-migrate.js';
import { nextCommand } from '../../src/ui/summary/next-command.js';

type Result = MigrateReport['results'][number];
const migrate: SummaryContext = { command: 'migrate', color: false };

function report(results: Result[], rest: Partial<MigrateReport> = {}, upToDate = 0): MigrateReport {
  const of = (...status: string[]) => results.filter((result) => status.includes(result.status)).length;
  return {
    durationMs: 12_400,
    executor: 'standard',
    processes: 1,
    concurrency: 4,
    shared: { status: 'upToDate', migrations: [], error: null },
    tenants: {
      total: results.length + upToDate,
      applied: of('applied', 'rolledBack'),
      upToDate,
      failed: of('failed'),
      notExecuted: of('notExecuted'),
      missing: of('missing'),
    },
    results,
    warnings: [],
    interrupted: false,
    overtaken: false,
    ...rest,
  };
}

function failed(tenant: string, message = 'could not create unique index "users_email_key"'): Result {
  return {
    tenant,
    status: 'failed',
    committed: [],
    migration: '0042_add_index',
    error: { name: 'error', code: 'DATABASE_ERROR', sqlstate: '23505', message },
  };
}

const notExecuted = (tenant: string): Result => ({ tenant, status: 'notExecuted', reason: 'canaryFailed' });
const applied = (tenant: string): Result => ({
  tenant,
  status: 'applied',
  migrations: ['0042_add_index'],
  durationMs: 5,
});

describe('the summary of a run', () => {
  it('is one line when there was nothing to do', () => {
    expect(formatMigrateSummary(report([], { durationMs: 300 }, 1000), migrate)).toBe(
      'Nothing to do: shared schema and 1,000 tenants are up to date (0.3 s)',
    );
    const sharedOnly = report([], { durationMs: 300 });
    expect(formatMigrateSummary(sharedOnly, migrate)).toBe('Nothing to do: shared schema is up to date (0.3 s)');
    const one = report([], { shared: { status: 'skipped', migrations: [], error: null }, durationMs: 300 }, 1);
    expect(formatMigrateSummary(one, migrate)).toBe('Nothing to do: 1 tenant is up to date (0.3 s)');
  });

  it('counts without zeros when all went well, and ends without advice', () => {
    const shared = { status: 'applied' as const, migrations: ['0003_plans'], error: null };
    expect(formatMigrateSummary(report([applied('a'), applied('b')], { shared }, 1003), migrate)).toBe(
      [
        'Shared schema: 1 migration (0003_plans) applied',
        'Tenants: 2 migrated, 1,003 up to date (of 1,005)',
        'Finished in 12.4 s',
      ].join('\n'),
    );
  });

  it('groups failures and says what to do with everything that is left', () => {
    const detailed = {
      ...(failed('a') as Extract<Result, { status: 'failed' }>),
      committed: ['0041_big'],
      error: {
        name: 'error',
        code: 'DATABASE_ERROR',
        sqlstate: '23505',
        message: 'could not create unique index "users_email_key"',
        detail: 'Key (email)=(x) is duplicated.',
        file: 'migrations/0042_add_index.sql',
        line: 3,
        statement: 'CREATE UNIQUE INDEX users_email_key\n  ON users\n  (email)\n  WHERE true',
      },
    } satisfies Result;
    const results: Result[] = [
      detailed,
      // The same place, with another value in the message.
      { ...detailed, tenant: 'b', error: { ...detailed.error, message: 'could not create unique index "b_key"' } },
      notExecuted('c'),
      { tenant: 'd', status: 'missing' } as Result,
      applied('e'),
    ];
    expect(formatMigrateSummary(report(results, { warnings: ['0042 allows fall-through'] }), migrate)).toBe(
      [
        'Shared schema: up to date',
        'Tenants: 1 migrated, 2 failed, 1 not executed, 1 missing (of 5)',
        'Finished in 12.4 s',
        '',
        '✖ 0042_add_index · 23505 · could not create unique index "users_email_key" — 2 tenants: a, b',
        '    Also: could not create unique index "b_key"',
        '    In a:',
        '    File: migrations/0042_add_index.sql:3',
        '    Detail: Key (email)=(x) is duplicated.',
        '    Statement:',
        '      CREATE UNIQUE INDEX users_email_key',
        '        ON users',
        '        (email)',
        '      …',
        '    Committed before and kept: 0041_big',
        '',
        '! 1 registered tenant has no schema: d',
        '    Try: --create-missing to create it, or --skip-missing to skip it',
        '',
        '! 1 tenant was not executed, because the first tenant of their cohort failed: c',
        '    Try: to migrate the others without those that failed, run: tenants migrate --exclude a,b',
        '',
        'Warning: 0042 allows fall-through',
        '',
        'Continue with: tenants migrate --tenant a,b,c',
      ].join('\n'),
    );
  });

  it('names who held a lock that was waited for in vain, and how often it was tried', () => {
    const result = failed('a', 'canceling statement due to lock timeout') as Extract<Result, { status: 'failed' }>;
    const blocker = {
      pid: 4711,
      user: 'ann',
      host: null,
      application: 'ps\u001B[2Jql',
      state: 'idle in transaction',
      since: '2026-03-01T14:02:11+00:00',
      statement: `UPDATE a\n  SET x = 1 -- password=secret`,
    };
    const detailed = {
      ...result,
      attempts: [{ sqlstate: '55P03', count: 3 }],
      error: { ...result.error, blockers: [blocker] },
    };
    const text = formatMigrateSummary(report([detailed]), migrate);
    expect(text).toContain('    Tried: 4 times');
    expect(text).toContain(
      '    Held by: process 4711 (psql) of user ann, idle in transaction since 2026-03-01T14:02:11.000Z: UPDATE a SET x = 1 -- password=***',
    );
  });

  it('groups messages that differ in the name of the tenant only', () => {
    const results = Array.from({ length: 24 }, (_, i) => failed(`t_${i}`, `relation "t_${i}.users" does not exist`));
    const text = formatMigrateSummary(report(results), migrate);
    expect(text).toContain('relation "t_0.users" does not exist — 24 tenants: t_0, t_1,');
    expect(text).toContain('t_9 and 14 more');
    expect(text.match(/✖/g)).toHaveLength(1);
    expect(text).toMatch(/\nContinue with: tenants migrate$/);
  });

  it('stays short when 10,000 tenants fail in 10,000 ways', () => {
    const results = Array.from({ length: 10_000 }, (_, i) => failed(`t_${i}`, `way number ${i * 7}`));
    const text = formatMigrateSummary(report(results), migrate);
    expect(text.split('\n').length).toBeLessThan(60);
    expect(text).toContain('9,980 more tenants failed in 9,980 other ways');
  });

  it('says that no tenant was touched when the shared schema failed', () => {
    const error = {
      name: 'error',
      code: 'DATABASE_ERROR',
      sqlstate: '42601',
      message: 'syntax error',
      migration: '0003_plans',
    };
    const text = formatMigrateSummary(report([], { shared: { status: 'failed', migrations: [], error } }), migrate);
    expect(text).toContain('Shared schema: failed, no tenant was touched\n  0003_plans · 42601 · syntax error');
    expect(text).toMatch(/Continue with: tenants migrate$/);
  });

  it('says that it was interrupted', () => {
    const text = formatMigrateSummary(
      report([{ tenant: 'a', status: 'notExecuted', reason: 'interrupted' }], { interrupted: true }),
      migrate,
    );
    expect(text).toContain('Interrupted after 12.4 s');
    expect(text).toContain('because the run was interrupted: a');
  });

  it('speaks of a rollback where it was one', () => {
    const result: Result = { tenant: 'a', status: 'rolledBack', migrations: ['0042'], durationMs: 3 };
    const text = formatMigrateSummary(report([result]), { command: 'rollback', color: false });
    expect(text).toContain('Tenants: 1 rolled back (of 1)');
  });

  it('lets no terminal escape and no password through', () => {
    const results = [
      failed('ev\u001B[2Jil', 'at \u001B]0;owned\u0007 postgres://u:s3cret@h/d'),
      notExecuted('x\u0007'),
    ];
    const text = formatMigrateSummary(report(results, { warnings: ['password=s3cret\u001B[H'] }), {
      ...migrate,
      verbose: true,
    });
    // oxlint-disable-next-line no-control-regex
    expect(text).not.toMatch(/[\u0000-\u0009\u000B-\u001F\u007F-\u009F]|s3cret|owned/);
  });
});

describe('the command that continues', () => {
  it.each<[string, MigrateReport, Parameters<typeof nextCommand>[1], string | undefined]>([
    ['is none after a success', report([applied('a')]), migrate, undefined],
    ['names few tenants', report([failed('a'), notExecuted('b')]), migrate, 'tenants migrate --tenant a,b'],
    ['quotes awkward names', report([failed("it's $x")]), migrate, `tenants migrate --tenant 'it'\\''s $x'`],
    ['does not list names with commas', report([failed('a,b')]), migrate, 'tenants migrate'],
    ['does not list names with escapes', report([failed('a\u001B')]), migrate, 'tenants migrate'],
    [
      'keeps selection and flags when there are many',
      report(Array.from({ length: 11 }, (_, i) => failed(`t${i}`))),
      { command: 'migrate', selection: ['--type', 'shop'], flags: ['--to', '0042'] },
      'tenants migrate --type shop --to 0042',
    ],
    [
      'creates missing schemas when nothing else is left',
      report([{ tenant: 'a', status: 'missing' }]),
      migrate,
      'tenants migrate --tenant a --create-missing',
    ],
    [
      'never rolls back those that succeeded once more',
      report(Array.from({ length: 11 }, (_, i) => failed(`t${i}`))),
      { command: 'rollback' },
      undefined,
    ],
  ])('%s', (_, input, context, expected) => {
    expect(nextCommand(input, context)).toBe(expected);
  });
});
