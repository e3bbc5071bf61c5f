import type { QueryResult } from 'pg';
import { describe, expect, it, vi } from 'vitest';

import { loadMigrations } from '../../src/engine/compile/load.js';
import { runDirect } from '../../src/engine/compile/run-direct.js';
import type { CompiledMigration, Direction } from '../../src/engine/types.js';
import { open, type Opened } from '../fixtures/compile/directory.js';

type Sent = string | [text: string, values: unknown];

const NEIGHBOURS = {
  '0001_first.sql': 'CREATE TABLE first (id int);',
  '0003_last.sql': 'CREATE TABLE last (id int);',
};

describe('runDirect', () => {
  it('sends what the migration asks and builds, and nothing of node-pg-migrate', async () => {
    const sent = await run(`export const up = async (pgm) => {
      const rows = await pgm.db.select('SELECT name FROM teams');
      for (const { name } of rows) pgm.createTable(name, { id: 'id' });
      pgm.sql('SELECT 1; SELECT 2');
    };`);
    expect(sent).toEqual([
      'SELECT name FROM teams',
      expect.stringContaining('CREATE TABLE "red"'),
      expect.stringContaining('CREATE TABLE "blue"'),
      'SELECT 1',
      'SELECT 2',
    ]);
  });

  it('runs the one migration backwards', async () => {
    const text =
      'export const up = () => {}; export const down = async (pgm) => { await pgm.db.query("SELECT 1"); pgm.dropTable("a"); };';
    expect(await run(text, { direction: 'down', applied: ['0001_first', '0002_x'] })).toEqual([
      'SELECT 1',
      expect.stringContaining('DROP TABLE "a"'),
    ]);
  });

  it('infers what goes backwards from up', async () => {
    const text = 'export const up = (pgm) => { pgm.renameTable("a", "b" + Date.now().toString().slice(20)); };';
    const sent = await run(text, { direction: 'down', applied: ['0001_first', '0002_x'] });
    expect(sent).toEqual([expect.stringContaining('ALTER TABLE "b" RENAME TO "a"')]);
  });

  it('hands on values, drops the names of prepared statements, and answers several statements with an array', async () => {
    const answers: unknown[] = [];
    Reflect.set(globalThis, 'directAnswers', answers);
    const sent = await run(
      `export const up = async (pgm) => {
      globalThis.directAnswers.push(await pgm.db.query('SELECT $1', [1]));
      globalThis.directAnswers.push(await pgm.db.query({ name: 'kept', text: 'SELECT $1', values: [2] }));
      globalThis.directAnswers.push(await pgm.db.query('SELECT 3; SELECT 4'));
    };`,
      {},
      (config) => config,
    );
    expect(sent).toEqual([
      [{ text: 'SELECT $1' }, [1]],
      [{ text: 'SELECT $1', values: [2] }, undefined],
      [{ text: 'SELECT 3' }, undefined],
      [{ text: 'SELECT 4' }, undefined],
    ]);
    expect(answers.map((answer) => Array.isArray(answer))).toEqual([false, false, true]);
  });

  it.each([
    ['asks', 'await pgm.db.query("SELECT 1; COMMIT");'],
    ['builds', 'await pgm.db.query("SELECT 1"); pgm.sql("CREATE TABLE a (id int); COMMIT");'],
  ])('refuses transaction control in what it %s before sending any of that text', async (_, code) => {
    const sent: Sent[] = [];
    const running = run(`export const up = async (pgm) => { ${code} };`, {}, undefined, sent);
    await expect(running).rejects.toMatchObject({ code: 'MIGRATION_REFUSED' });
    expect(sent.filter((one) => one !== 'SELECT 1')).toEqual([]);
  });

  it('refuses a migration that gives up its transaction after a question, before its steps are sent', async () => {
    const sent: Sent[] = [];
    const text =
      'export const up = async (pgm) => { await pgm.db.query("SELECT 1"); pgm.noTransaction(); pgm.sql("SELECT 2"); };';
    await expect(run(text, {}, undefined, sent)).rejects.toMatchObject({
      code: 'MIGRATION_REFUSED',
      suggestions: [expect.stringContaining('pgm.noTransaction() before querying')],
    });
    expect(sent).toEqual(['SELECT 1']);
  });

  it('runs a migration without a transaction as well', async () => {
    const text =
      'export const up = async (pgm) => { pgm.noTransaction(); await pgm.db.query("SELECT 1"); pgm.sql("VACUUM"); };';
    expect(await run(text, { transaction: false })).toEqual(['SELECT 1', 'VACUUM']);
  });

  it.each([
    ['a question', 'await pgm.db.query("SELECT fails"); pgm.sql("SELECT 2");', ['SELECT fails']],
    ['a question nobody waited for', 'pgm.db.query("SELECT fails"); pgm.sql("SELECT 2");', ['SELECT fails']],
    ['a step', 'pgm.sql("SELECT fails; SELECT 2");', ['SELECT fails']],
  ])('throws the error of %s as the server gave it and sends no more', async (_, code, expected) => {
    const sent: Sent[] = [];
    const running = run(`export const up = async (pgm) => { ${code} };`, {}, undefined, sent);
    await expect(running).rejects.toBe(FAILURE);
    expect(sent).toEqual(expected);
  });

  it('lets a migration catch the error of its own question', async () => {
    const text =
      'export const up = async (pgm) => { try { await pgm.db.query("SELECT fails"); } catch { pgm.sql("SELECT 2"); } };';
    expect(await run(text)).toEqual(['SELECT fails', 'SELECT 2']);
  });

  it('refuses a query that is no text', async () => {
    const text =
      'class Cursor { text = "SELECT 1"; }; export const up = async (pgm) => { await pgm.db.query(new Cursor()); };';
    await expect(run(text)).rejects.toMatchObject({ code: 'MIGRATION_REFUSED' });
  });

  it('evaluates the directory once for many tenants at the same time, copies of its listing included', async () => {
    const opened = await open({
      ...NEIGHBOURS,
      '0002_x.js':
        'globalThis.directLoads = (globalThis.directLoads ?? 0) + 1; export const up = async (pgm) => { await pgm.db.query("SELECT 1"); pgm.sql("SELECT 2"); };',
    });
    const [migration] = await opened.compiler.compile(['0002_x'], 'up');
    if (migration === undefined) throw new Error('nothing was compiled');
    const before = Reflect.get(globalThis, 'directLoads');
    const sent = await Promise.all(
      Array.from({ length: 5 }, () => send({ ...opened, files: [...opened.files] }, migration, [])),
    );
    expect(sent).toEqual(Array.from({ length: 5 }, () => ['SELECT 1', 'SELECT 2']));
    expect(Reflect.get(globalThis, 'directLoads')).toBe(before);
    const { source, files } = opened;
    expect(await loadMigrations(source, [...files])).toBe(await loadMigrations(source, files));
  });

  it('notices that a migration is applied already', async () => {
    await expect(run('export const up = () => {};', { applied: ['0002_x'] })).rejects.toMatchObject({
      code: 'UNEXPECTED',
    });
  });

  it('gives up on a callback that never comes, but not while a query is being answered', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      const slow = 'exports.up = (pgm, done) => { pgm.db.query("SELECT slow").then(() => done(), done); };';
      expect(await withTime(run(slow, {}, undefined, [], '0002_x.cjs'))).toEqual(['SELECT slow']);
      const never = 'exports.up = (pgm, done) => { pgm.db.query("SELECT 1"); };';
      await expect(withTime(run(never, {}, undefined, [], '0002_x.cjs'))).rejects.toMatchObject({
        code: 'MIGRATION_REFUSED',
      });
    } finally {
      vi.useRealTimers();
    }
  });
});

const FAILURE = Object.assign(new Error('relation "x" does not exist'), {
  code: '42P01',
  severity: 'ERROR',
  position: '3',
});

type Settings = { direction?: Direction; applied?: string[]; transaction?: boolean };

async function run(
  text: string,
  settings: Settings = {},
  show: ((config: unknown) => unknown) | undefined = undefined,
  sent: Sent[] = [],
  name = '0002_x.js',
): Promise<Sent[]> {
  const opened = await open({ ...NEIGHBOURS, [name]: text });
  const path = opened.files.find((file) => file.name === '0002_x')?.path ?? '';
  const migration: CompiledMigration = {
    name: '0002_x',
    path,
    direction: settings.direction ?? 'up',
    mode: 'direct',
    transaction: settings.transaction ?? true,
    statements: [],
    targets: [],
    creates: [],
    allowFallThrough: false,
    warnings: [],
  };
  return await send(opened, migration, settings.applied ?? ['0001_first'], show, sent);
}

/** A connection that remembers what it is sent, knows two teams, and fails or takes a minute when the text says so. */
async function send(
  { source, files }: Opened,
  migration: CompiledMigration,
  applied: string[],
  show: ((config: unknown) => unknown) | undefined = undefined,
  sent: Sent[] = [],
): Promise<Sent[]> {
  const announced: string[] = [];
  const texts: string[] = [];
  const query = async (config: unknown, values?: unknown): Promise<QueryResult> => {
    const text = typeof config === 'string' ? config : (config as { text: string }).text;
    texts.push(text);
    sent.push(show === undefined ? text.replace(/;$/, '') : ([show(config), values] as unknown as Sent));
    if (text.includes('slow')) await new Promise((resolve) => setTimeout(resolve, 60_000));
    await new Promise((resolve) => setImmediate(resolve));
    if (text.includes('fails')) throw FAILURE;
    return { rows: text.includes('teams') ? [{ name: 'red' }, { name: 'blue' }] : [] } as unknown as QueryResult;
  };
  await runDirect({
    source,
    files,
    migration,
    applied,
    migrationsTable: 'pgmigrations',
    client: { query },
    onStatement: (sql) => announced.push(sql),
  });
  expect(announced).toEqual(texts);
  return sent;
}

async function withTime<T>(work: Promise<T>): Promise<T> {
  const state = { running: true };
  const settled = work.finally(() => (state.running = false));
  settled.catch(() => undefined);
  while (state.running) {
    await new Promise((resolve) => setImmediate(resolve));
    await vi.advanceTimersByTimeAsync(500);
  }
  return await settled;
}
