import { randomUUID } from 'node:crypto';

import { describe, expect, it } from 'vitest';

import { compileAll, compileOne, open, sqlOf } from '../fixtures/compile/directory.js';

const insert = (expression: string) =>
  `export const up = (pgm) => { pgm.sql("INSERT INTO a VALUES ('" + ${expression} + "')"); };`;

describe('a migration is direct', () => {
  it.each([
    [
      'new Date() in a default',
      'export const up = (pgm) => pgm.addColumn("a", { at: { type: "date", default: new Date().toISOString().slice(0, 4) } });',
      'new Date()',
    ],
    ['Date.now()', insert('Date.now()'), 'Date.now()'],
    ['Date()', insert('Date().slice(0, 3)'), 'Date()'],
    ['performance.now()', insert('Math.trunc(performance.now() / 1e9)'), 'performance.now()'],
    ['Math.random()', insert('Math.floor(Math.random() * 1.0000001)'), 'Math.random()'],
    ['crypto.randomUUID()', insert('crypto.randomUUID()'), 'crypto.randomUUID()'],
    [
      'the global getRandomValues',
      insert('crypto.getRandomValues(new Uint8Array(1))[0] % 1'),
      'crypto.getRandomValues()',
    ],
    [
      'a named randomUUID',
      `import { randomUUID } from 'node:crypto';\n${insert('randomUUID()')}`,
      'crypto.randomUUID()',
    ],
    ['a named randomInt', `import { randomInt } from 'crypto';\n${insert('randomInt(1)')}`, 'crypto.randomInt()'],
    [
      'a required randomBytes',
      `import crypto from 'node:crypto';\n${insert('crypto.randomBytes(8).toString("hex")')}`,
      'crypto.randomBytes()',
    ],
    [
      'a value that it drew and left out',
      'export const up = (pgm) => { Math.random(); pgm.sql("SELECT 1"); };',
      'Math.random()',
    ],
    ['process.hrtime()', insert('process.hrtime()[0] * 0'), 'process.hrtime()'],
    ['process.hrtime.bigint()', insert('process.hrtime.bigint() * 0n'), 'process.hrtime.bigint()'],
    [
      'a named hrtime',
      `import { hrtime } from 'node:process';\n${insert('hrtime.bigint() * 0n')}`,
      'process.hrtime.bigint()',
    ],
    ['process.uptime()', insert('process.uptime() * 0'), 'process.uptime()'],
    [
      'a formatter without a date',
      insert("new Intl.DateTimeFormat('en', { era: 'long' }).format().slice(0, 0)"),
      'Intl.DateTimeFormat',
    ],
    [
      'the parts of the present date',
      insert('new Intl.DateTimeFormat().formatToParts().length'),
      'Intl.DateTimeFormat',
    ],
    ['the present time in words', insert('new Date().toLocaleString().slice(0, 0)'), 'new Date()'],
    [
      'a generated key',
      `import { generateKeySync } from 'node:crypto';\n${insert("generateKeySync('hmac', { length: 64 }).type")}`,
      'crypto.generateKeySync()',
    ],
    [
      'a database client of its own',
      `import { connect } from 'node:net';
       export const up = async (pgm) => {
         await new Promise((done) => connect(1, '127.0.0.1').on('error', done));
         pgm.sql('SELECT 1');
       };`,
      'a network connection',
    ],
    ['an own Date class', `class Day extends Date {}\n${insert('new Day().getFullYear()')}`, 'new Date()'],
  ])('because of %s', async (_, text, source) => {
    const migration = await compileOne('0001_a.js', text);
    expect(migration).toMatchObject({ mode: 'direct', statements: [], targets: [], creates: [] });
    expect(migration.reason).toContain(source);
  });

  it('because of what its module draws, but not because of what another draws', async () => {
    const [first, second] = await compileAll({
      '0001_a.js': `const tag = Math.floor(Math.random());\n${insert('tag')}`,
      '0002_b.js': insert('1'),
    });
    expect(first).toMatchObject({ mode: 'direct', reason: 'it uses Math.random() while it is loaded' });
    expect(second).toMatchObject({ mode: 'compiled' });
  });

  it('because of a module of the project that it shares with others', async () => {
    const compiled = await compileAll({
      '0001_a.js': insert('1'),
      '0002_b.js': `import { year } from './lib/clock.js';\n${insert('year')}`,
      '0003_c.mjs': `import { year } from './lib/clock.js';\n${insert('year')}`,
      'lib/clock.js': 'export const year = Math.floor(Date.now() / 1e15);',
    });
    expect(compiled.map(({ mode }) => mode)).toEqual(['compiled', 'direct', 'direct']);
    expect(compiled[2]?.reason).toContain('clock.js');
  });

  it.each([
    ['an ES module', 'lib/state.js', 'let count = 0; export const next = () => { count += 1; return count; };'],
    [
      'TypeScript',
      'lib/state.ts',
      'let count: number = 0; export const next = (): number => { count += 1; return count; };',
    ],
    ['CommonJS', 'lib/state.cjs', 'let count = 0; exports.next = () => { count += 1; return count; };'],
  ])('but not because of state in %s, which is made again', async (_, path, text) => {
    const compiled = await compileAll({
      '0001_a.js': `import { next } from './${path}';\n${insert('next()')}`,
      '0002_b.js': `import { next } from './${path}';\n${insert('next()')}`,
      [path]: text,
    });
    expect(compiled.map(({ mode, reason }) => reason ?? mode)).toEqual(['compiled', 'compiled']);
    expect(compiled.flatMap(sqlOf)).toEqual(["INSERT INTO a VALUES ('1')", "INSERT INTO a VALUES ('2')"]);
  });

  it('because of anything else that differs the second time', async () => {
    const text = `import { writeFileSync, readFileSync, existsSync } from 'node:fs';
      const path = new URL('../count', import.meta.url);
      const count = existsSync(path) ? Number(readFileSync(path, 'utf8')) + 1 : 0;
      writeFileSync(path, String(count));\n${insert('count')}`;
    const migration = await compileOne('0001_a.js', text);
    expect(migration).toMatchObject({ mode: 'direct', reason: expect.stringContaining('did not give the same SQL') });
  });

  it('because of a clock that it kept from an earlier migration', async () => {
    const compiled = await compileAll({
      '0001_a.js': `import { year } from './lib/late.js';\nexport const up = () => { year(); };`,
      '0002_b.js': `import { year } from './lib/late.js';\n${insert('year()')}`,
      'lib/late.js': 'let kept; export const year = () => (kept ??= new Date().getFullYear());',
    });
    expect(compiled.map(({ mode }) => mode)).toEqual(['direct', 'direct']);
  });

  it('because its SQL names the stand-in', async () => {
    const text = 'export const up = (pgm) => pgm.sql("SELECT * FROM tenants_stand_in_" + "first.pgmigrations");';
    expect(await compileOne('0001_a.js', text)).toMatchObject({ mode: 'direct' });
  });

  it('not because of dates it is given', async () => {
    const migration = await compileOne(
      '0001_a.js',
      insert(
        'new Date(86400000).toISOString() + (new Date(0) instanceof Date) + new Intl.DateTimeFormat("en", { timeZone: "UTC" }).format(0)',
      ),
    );
    expect(migration.mode).toBe('compiled');
    expect(sqlOf(migration)).toEqual(["INSERT INTO a VALUES ('1970-01-02T00:00:00.000Ztrue1/1/1970')"]);
  });
});

describe('a question to the database', () => {
  const ASKED = 'it asks the database while it is built';

  it.each([
    ['query', 'export const up = async (pgm) => { await pgm.db.query("SELECT 1"); pgm.sql("SELECT 2"); };'],
    ['select', 'export const up = async (pgm) => { await pgm.db.select("SELECT 1"); };'],
  ])('(pgm.db.%s) makes a migration direct, and the next ones are still examined', async (name, text) => {
    const compiled = await compileAll({ '0001_a.js': text, '0002_b.sql': 'CREATE TABLE b (id int);' });
    expect(compiled[0]).toMatchObject({ mode: 'direct', transaction: true, reason: `${ASKED} (pgm.db.${name})` });
    expect(compiled[1]).toMatchObject({ mode: 'compiled' });
    await expect(compileAll({ '0001_a.js': text, '0002_b.sql': 'COMMIT;' })).rejects.toMatchObject({
      details: { migration: '0002_b' },
    });
  });

  it('stays one when the migration would have caught an error', async () => {
    const text =
      'export const up = async (pgm) => { try { await pgm.db.query("SELECT 1"); } catch {} pgm.sql("SELECT 2"); };';
    expect(await compileOne('0001_a.js', text)).toMatchObject({
      mode: 'direct',
      reason: expect.stringContaining(ASKED),
    });
  });

  it('stays one when nobody waits for the answer', async () => {
    const text = 'export const up = (pgm) => { pgm.db.query("SELECT 1").then(() => { throw new Error("never"); }); };';
    expect(await compileOne('0001_a.js', text)).toMatchObject({ mode: 'direct' });
  });

  it('is asked with the transaction as it is at that moment', async () => {
    const before = 'export const up = async (pgm) => { pgm.noTransaction(); await pgm.db.query("SELECT 1"); };';
    const after = 'export const up = async (pgm) => { await pgm.db.query("SELECT 1"); pgm.noTransaction(); };';
    expect(await compileOne('0001_a.js', before)).toMatchObject({ mode: 'direct', transaction: false });
    expect(await compileOne('0001_a.js', after)).toMatchObject({ mode: 'direct', transaction: true });
  });

  it('may stand in a callback', async () => {
    const text = 'exports.up = (pgm, done) => { pgm.db.query("SELECT 1").then(() => done(), done); };';
    expect(await compileOne('0001_a.cjs', text)).toMatchObject({ mode: 'direct' });
  });
});

describe('other code of the process', () => {
  it('gets real clocks and random values while migrations are compiled, and is not counted', async () => {
    const { compiler } = await open({
      '0001_a.js':
        'export const up = async (pgm) => { for (let i = 0; i < 40; i += 1) await new Promise((r) => setTimeout(r, 1)); pgm.sql("SELECT 1"); };',
    });
    const seen = { compiling: true, rounds: 0, patched: 0, wrong: 0 };
    const { random } = Math;
    const watching = (async () => {
      while (seen.compiling) {
        const times = [Date.now(), new Date().getTime(), Date.parse(Date()) + 1000];
        if (times.some((time) => Math.abs(time - performance.timeOrigin - performance.now()) > 60_000)) seen.wrong += 1;
        if (!(new Date() instanceof Date) || new Date(0).constructor !== Date) seen.wrong += 1;
        if (Math.random() === Math.random() || randomUUID() === randomUUID()) seen.wrong += 1;
        if (Math.random !== random) seen.patched += 1;
        seen.rounds += 1;
        await new Promise((resolve) => setImmediate(resolve));
      }
    })();
    const [migration] = await compiler.compile(['0001_a'], 'up');
    seen.compiling = false;
    await watching;
    expect(migration).toMatchObject({ mode: 'compiled' });
    expect(seen.wrong).toBe(0);
    expect(seen.patched).toBeGreaterThan(10);
  });

  it('finds everything as it was afterwards', async () => {
    const take = () => [
      Date,
      Date.now,
      Date.prototype.constructor,
      Math.random,
      randomUUID,
      performance.now,
      crypto.randomUUID,
    ];
    const before = take();
    await compileOne('0001_a.js', insert('Date.now()'));
    await compileOne('0001_a.js', 'export const up = () => { throw new Error("no"); };').catch(() => undefined);
    expect(take()).toEqual(before);
    expect(take().every((value, index) => value === before[index])).toBe(true);
  });
});
