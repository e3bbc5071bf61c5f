import { describe, expect, it, vi } from 'vitest';

import { compileAll, compileOne, open, sqlOf } from '../fixtures/compile/directory.js';

const CREATE = 'pgm.createTable("a", { id: "id" })';

describe('scripts of every kind', () => {
  it.each([
    ['0001_a.js', `export const up = (pgm) => { ${CREATE}; };`],
    ['0001_a.mjs', `export function up(pgm) { ${CREATE}; }`],
    ['0001_a.cjs', `exports.up = async (pgm) => { ${CREATE}; };`],
    ['0001_a.ts', `type P = { createTable: Function };\nexport const up = (pgm: P): void => { ${CREATE}; };`],
    ['0001_a.cts', `exports.up = (pgm: any): void => { ${CREATE}; };`],
    ['0001_a.mts', `export const up = async (pgm: any): Promise<void> => { ${CREATE}; };`],
    ['0001_a.js', `await Promise.resolve();\nexport const up = (pgm) => { ${CREATE}; };`],
  ])('%s is compiled', async (name, text) => {
    const migration = await compileOne(name, text);
    expect(migration).toMatchObject({ mode: 'compiled', transaction: true });
    expect(sqlOf(migration)).toEqual([expect.stringContaining('CREATE TABLE "a"')]);
  });

  it('use the shorthands of earlier files, requested or not', async () => {
    const { compiler } = await open({
      '0001_a.js': 'export const shorthands = { code: { type: "varchar(7)" } }; export const up = () => {};',
      '0002_b.ts': 'export const up = (pgm: any) => pgm.createTable("b", { x: "code" });',
    });
    const [migration] = await compiler.compile(['0002_b'], 'up');
    expect(migration?.mode).toBe('compiled');
    expect(migration?.statements[0]?.sql).toContain('varchar(7)');
  });

  it('decamelize names where the directory asks for it', async () => {
    const files = { '0001_a.js': 'export const up = (pgm) => pgm.createTable("fooBar", { id: "id" });' };
    const { compiler } = await open(files, {}, { decamelize: true });
    const [migration] = await compiler.compile(['0001_a'], 'up');
    expect(migration?.statements[0]?.sql).toContain('"foo_bar"');
  });

  it('are compiled from the path aliases of a tsconfig', async () => {
    const files = {
      '../tsconfig.json': '{ "compilerOptions": { "baseUrl": ".", "paths": { "#names": ["lib/names.ts"] } } }',
      '../lib/names.ts': 'export const table: string = "aliased";',
      '0001_a.ts': 'import { table } from "#names"; export const up = (pgm: any) => pgm.dropTable(table);',
    };
    const { compiler } = await open(files, {}, { tsconfigPaths: true });
    const [migration] = await compiler.compile(['0001_a'], 'up');
    expect(migration).toMatchObject({ mode: 'compiled' });
    expect(migration?.statements[0]?.sql).toContain('aliased');
  });
});

describe('down', () => {
  it('is inferred from up where there is none, in reverse order', async () => {
    const text =
      'export const up = (pgm) => { pgm.createTable("a", { id: "id" }); pgm.createTable("b", { id: "id" }); };';
    const migration = await compileOne('0001_a.js', text, 'down');
    expect(migration).toMatchObject({ mode: 'compiled', direction: 'down' });
    expect(sqlOf(migration)).toEqual(['DROP TABLE "b"', 'DROP TABLE "a"']);
  });

  it('cannot be inferred from SQL text', async () => {
    await expect(
      compileOne('0001_a.js', 'export const up = (pgm) => pgm.sql("SELECT 1");', 'down'),
    ).rejects.toMatchObject({
      code: 'MIGRATION_REFUSED',
      message: expect.stringContaining('Impossible to automatically infer down migration'),
    });
  });

  it('cannot be inferred from a migration that asks the database', async () => {
    const text = 'export const up = async (pgm) => { await pgm.db.query("SELECT 1"); };';
    await expect(compileOne('0001_a.js', text, 'down')).rejects.toMatchObject({ code: 'MIGRATION_REFUSED' });
  });

  it('is refused where it is switched off, together with all others', async () => {
    const compiling = compileAll(
      {
        '0001_a.js': 'export const up = () => {}; export const down = false;',
        '0002_b.js': 'export const nothing = 1;',
        '0003_c.js': 'export const up = () => {}; export const down = () => {};',
      },
      'down',
    );
    await expect(compiling).rejects.toMatchObject({
      code: 'MIGRATION_REFUSED',
      details: {
        problems: [
          expect.stringMatching(/0001_a.*switched its down off/),
          expect.stringMatching(/0002_b.*exports no down function/),
        ],
      },
    });
  });

  it('is never taken for up where both are one function, which node-pg-migrate records as rolled back', async () => {
    const text = 'export const up = (pgm) => { pgm.createTable("a", { id: "id" }); }; export const down = up;';
    await expect(compileOne('0001_a.js', text)).rejects.toMatchObject({
      code: 'MIGRATION_REFUSED',
      details: { migration: '0001_a' },
    });
  });

  it('is compiled in the order asked for', async () => {
    const { compiler } = await open({
      '0001_a.sql': '-- Up Migration\n-- Down Migration\nDROP TABLE a;',
      '0002_b.sql': '-- Up Migration\n-- Down Migration\nDROP TABLE b;',
      '0003_c.sql': '-- Up Migration\n-- Down Migration\nDROP TABLE c;',
    });
    const compiled = await compiler.compile(['0003_c', '0001_a'], 'down');
    expect(compiled.map(sqlOf)).toEqual([['DROP TABLE c'], ['DROP TABLE a']]);
  });
});

describe('callback style', () => {
  it('is waited for', async () => {
    const text = `exports.up = (pgm, done) => { setTimeout(() => { ${CREATE}; done(); }, 5); };`;
    expect(sqlOf(await compileOne('0001_a.cjs', text))).toHaveLength(1);
  });

  it('fails with the error it is given, which node-pg-migrate would ignore', async () => {
    const text = 'exports.up = (pgm, done) => { done(new Error("gave up")); };';
    const error = await compileOne('0001_a.cjs', text).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'MIGRATION_REFUSED', cause: { message: 'gave up' } });
  });

  it('is refused when it never calls back', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      const compiling = compileOne('0001_a.cjs', 'exports.up = (pgm, done) => {};').catch((thrown: unknown) => thrown);
      const error = await Promise.race([compiling, advance()]);
      expect(error).toMatchObject({ code: 'MIGRATION_REFUSED', message: expect.stringContaining('10 seconds') });
    } finally {
      vi.useRealTimers();
    }
  });
});

describe('what goes wrong', () => {
  it('in an action is reported with the migration, its file and the cause', async () => {
    const text = 'export const up = async () => { await null; throw new TypeError("bad luck"); };';
    const error = await compileOne('0001_a.js', text).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      code: 'MIGRATION_REFUSED',
      message: expect.stringContaining('bad luck'),
      details: { migration: '0001_a', file: expect.stringMatching(/0001_a\.js$/) },
      cause: { name: 'TypeError' },
    });
  });

  it('in the syntax of a file is reported with the file, whichever migration is asked for', async () => {
    const { compiler } = await open({ '0001_a.sql': 'SELECT 1;', '0002_b.js': 'export const up = (pgm => {' });
    await expect(compiler.compile(['0001_a'], 'up')).rejects.toMatchObject({
      code: 'MIGRATIONS_UNREADABLE',
      details: { migration: '0002_b', file: expect.stringMatching(/0002_b\.js$/) },
    });
  });

  it('in a name is reported before anything runs', async () => {
    const { compiler } = await open({ '0001_a.sql': 'SELECT 1;' });
    await expect(compiler.compile(['0001_a', '0009_gone'], 'up')).rejects.toMatchObject({ code: 'UNKNOWN_MIGRATION' });
  });

  it('in the background is not missed', async () => {
    const text =
      'export const up = (pgm) => { Promise.resolve().then(() => {}).then(() => pgm.db.query("SELECT 1")); };';
    expect(await compileOne('0001_a.js', text)).toMatchObject({ mode: 'direct' });
  });
});

describe('a compiler', () => {
  it('evaluates each file at most twice and runs each action twice, whatever it is asked', async () => {
    const count =
      'globalThis.compileCounts ??= {}; const count = (key) => { globalThis.compileCounts[key] = (globalThis.compileCounts[key] ?? 0) + 1; };';
    const file = (name: string) =>
      `import './helper/used.js'; ${count} count('${name} file'); export const up = (pgm) => { count('${name} up'); pgm.sql('SELECT 1'); };`;
    const { compiler } = await open({
      '0001_a.js': file('a'),
      '0002_b.ts': `// @ts-nocheck\n${file('b')}`,
      '0003_c.sql': 'SELECT 1;',
      'helper/used.js': `${count} count('helper');`,
    });
    for (let round = 0; round < 3; round += 1) {
      await Promise.all([compiler.compile(['0001_a', '0003_c'], 'up'), compiler.compile(['0001_a', '0002_b'], 'up')]);
    }
    await compiler.compile(['0001_a'], 'down').catch(() => undefined);
    expect(Reflect.get(globalThis, 'compileCounts')).toEqual({
      'a file': 2,
      'a up': 3,
      'b file': 2,
      'b up': 2,
      helper: expect.any(Number),
    });
  });

  it('says nothing on the console', async () => {
    const spies = (['log', 'info', 'warn', 'error', 'debug'] as const).map((name) => vi.spyOn(console, name));
    await compileOne('0001_a.js', 'export const up = (pgm) => { pgm.noTransaction(); pgm.sql("SELECT 1"); };');
    for (const spy of spies) expect(spy).not.toHaveBeenCalled();
  });

  it('has nothing to do for no migrations', async () => {
    const { compiler } = await open({ '0001_a.sql': 'SELECT 1;' });
    expect(await compiler.compile([], 'down')).toEqual([]);
  });
});

/** Lets real time pass between steps of the faked one. */
async function advance(): Promise<never> {
  for (;;) {
    await new Promise((resolve) => setImmediate(resolve));
    await vi.advanceTimersByTimeAsync(500);
  }
}
