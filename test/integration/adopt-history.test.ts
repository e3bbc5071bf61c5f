import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { listRuns } from '../../src/journal/read/runs.js';
import { adoptHistory } from '../../src/run/adopt/adopt-history.js';
import type { AdoptHistoryOptions, AdoptHistoryReport } from '../../src/run/adopt/types.js';
import { useDatabase } from '../support/database.js';
import { prepareFleet, type TestFleet } from '../support/fleet.js';
import { createFormatFleet, readFixture } from '../support/format-fixtures.js';
import { callCli } from '../support/run-cli.js';
import { sha, TOOL_HISTORIES } from '../support/tool-histories.js';

const TENANTS = ['t1', 't2', 't3'];

const database = useDatabase({
  each: true,
  template: () => prepareFleet('', { tenants: [], emptyTenants: TENANTS }),
});
let fleet: TestFleet;
afterEach(() => fleet.remove());

async function start(fixture: string, format: string): Promise<Record<string, string>> {
  fleet = await createFormatFleet(database, fixture, format);
  return await readFixture(fixture);
}

const adopt = async (options: Partial<AdoptHistoryOptions> = {}): Promise<AdoptHistoryReport> =>
  await adoptHistory(await fleet.project(), { selection: { kind: 'all' }, ...options });

/** Runs SQL for some tenants, with `$SCHEMA` for their schema. */
async function each(schemas: readonly string[], sql: string): Promise<void> {
  for (const schema of schemas) await database.query(sql.replaceAll('$SCHEMA', `"${schema}"`));
}

async function drizzleHistory(schemas: readonly string[], ...texts: string[]): Promise<void> {
  const rows = texts.map((text, index) => `('${sha(text)}', ${1000 + index})`).join(', ');
  await each(
    schemas,
    `CREATE TABLE $SCHEMA.__drizzle_migrations (id serial PRIMARY KEY, hash text NOT NULL, created_at bigint);
     INSERT INTO $SCHEMA.__drizzle_migrations (hash, created_at) VALUES ${rows}`,
  );
}

describe.each(TOOL_HISTORIES)('the history of $tool', ({ fixture, format, history, names }) => {
  it('is recorded for every tenant, and nothing is run', async () => {
    const files = await start(fixture, format);
    await each(TENANTS, history(files));
    expect(await adopt()).toMatchObject({ dryRun: false, tenants: { total: 3, applied: 3, failed: 0 } });
    for (const schema of TENANTS) {
      expect(await fleet.applied(schema)).toEqual(names);
      expect(await fleet.tables(schema)).toHaveLength(2);
    }
    expect(await adopt()).toMatchObject({ tenants: { applied: 0, upToDate: 3 } });
  });
});

describe('the history of Drizzle', () => {
  let init = '';
  let more = '';
  beforeEach(async () => {
    const files = await start('drizzle', 'drizzle');
    init = files['0000_init.sql'] ?? '';
    more = files['0001_more.sql'] ?? '';
  });

  it('is recorded tenant by tenant, after which migrate does the rest', async () => {
    await each(['t1'], `SET search_path TO $SCHEMA; ${init.replaceAll('"public".', '')}; RESET search_path`);
    await drizzleHistory(['t1'], init);
    const report = await adopt();
    expect(report).toMatchObject({ tenants: { applied: 1, upToDate: 2, failed: 0 } });
    expect(report.results).toMatchObject([{ tenant: 't1', status: 'applied', migrations: ['0000_init'] }]);
    expect(report.warnings.join()).toMatch(/No history of another tool was found for t2, t3/);
    expect((await fleet.migrate()).tenants).toMatchObject({ applied: 3, failed: 0 });
    for (const schema of TENANTS) expect(await fleet.applied(schema)).toEqual(['0000_init', '0001_more']);
  });

  it('changes nothing with dryRun, and says what it would do', async () => {
    await drizzleHistory(['t1'], init, more);
    await drizzleHistory(['t2'], init, 'edited');
    const report = await adopt({ dryRun: true });
    expect(report).toMatchObject({ dryRun: true, tenants: { total: 3, applied: 1, failed: 1, upToDate: 1 } });
    expect(report.results).toMatchObject([
      { tenant: 't1', status: 'wouldApply', migrations: ['0000_init', '0001_more'] },
      { tenant: 't2', status: 'wouldFail', error: { code: 'HISTORY_MISMATCH' } },
    ]);
    for (const schema of TENANTS) expect(await fleet.applied(schema)).toEqual([]);
    expect((await listRuns(await fleet.project())).runs.map(({ command }) => command)).not.toContain('adopt-history');
  });

  it('refuses a tenant whose history does not match the files, and goes on with the others', async () => {
    await drizzleHistory(['t1'], 'edited');
    await drizzleHistory(['t2'], more);
    await drizzleHistory(['t3'], init);
    const report = await adopt();
    expect(report).toMatchObject({ tenants: { applied: 1, failed: 2 } });
    const messages = report.results.map((one) => ('error' in one ? one.error.message : ''));
    expect(messages.join('\n')).toMatch(/t1\.__drizzle_migrations does not match the files: no file has the hash/);
    expect(messages.join('\n')).toMatch(/0001_more was applied, but not 0000_init/);
    expect(await fleet.applied('t3')).toEqual(['0000_init']);
    expect(await fleet.applied('t1')).toEqual([]);
    expect((await listRuns(await fleet.project())).runs[0]).toMatchObject({ command: 'adopt-history', exitCode: 1 });
  });

  it('of the whole database is used only when asked for', async () => {
    await database.query('CREATE SCHEMA drizzle');
    await drizzleHistory(['drizzle'], init);
    expect(await adopt()).toMatchObject({ tenants: { failed: 3 } });
    expect(await adopt({ from: 'drizzle' })).toMatchObject({ tenants: { applied: 3 } });
  });

  it('does not read a view, which would run the code of its owner', async () => {
    await each(
      ['t1'],
      "CREATE VIEW $SCHEMA.__drizzle_migrations AS SELECT 1 AS id, 1/0 || '' AS hash, 1 AS created_at",
    );
    await drizzleHistory(['t2'], init);
    expect(await adopt()).toMatchObject({ tenants: { applied: 1, upToDate: 2, failed: 0 } });
  });

  it('that cannot be read fails its tenant alone', async () => {
    await drizzleHistory(['t1', 't2'], init);
    const other = await database.client();
    await other.query('BEGIN; LOCK TABLE t1.__drizzle_migrations');
    const project = await fleet.project({ lockTimeoutMs: 200 });
    const report = await adoptHistory(project, { selection: { kind: 'all' } });
    await other.query('ROLLBACK');
    expect(report).toMatchObject({ tenants: { applied: 1, failed: 1 } });
    expect(report.results.find(({ tenant }) => tenant === 't1')).toMatchObject({ error: { sqlstate: '55P03' } });
    expect(await fleet.applied('t1')).toEqual([]);
    expect(await fleet.applied('t2')).toEqual(['0000_init']);
  });

  it('is refused as a whole where there is none', async () => {
    await expect(adopt()).rejects.toMatchObject({ code: 'USAGE' });
    expect(await cli('adopt-history')).toMatchObject({ code: 2, stdout: '' });
  });

  it('is told on the command line', async () => {
    await drizzleHistory(['t1', 't3'], init);
    await drizzleHistory(['t2'], 'edited');
    const dry = await cli('adopt-history', '--dry-run');
    expect(dry.code).toBe(1);
    const { code, json } = await cli('adopt-history', '--dry-run', '--json');
    expect(json()).toMatchObject({
      command: 'adopt-history',
      dryRun: true,
      exitCode: code,
      tenants: { total: 3, applied: 2 },
    });
    expect(dry.stdout).toMatch(
      /2 tenants would be recorded, 1 would be refused\.\n {2}t1, t3: 0000_init\n[^]*Nothing was changed/,
    );
    expect((await cli('adopt-history', '--tenant', 't1')).stdout).toMatch(/1 tenant recorded\.\n {2}t1: 0000_init/);
    expect((await cli('adopt-history', '--tenant', 'nobody')).code).toBe(2);
  });

  async function cli(...args: string[]): ReturnType<typeof callCli> {
    return await callCli(args, { cwd: fleet.files.root, env: { DATABASE_URL: database.url } });
  }
});
