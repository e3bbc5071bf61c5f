import { rm } from 'node:fs/promises';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { useFleet } from '../support/fleet.js';

/** Errors that the code of a migration throws, and that look like those of a broken connection. */
const fleet = useFleet({ tenants: ['acme', 'globex'] });

/** Node keeps a module for as long as the process lives, so each test has a file name of its own. */
let next = 1;
let name: string;
beforeEach(() => {
  next += 1;
  name = `0002_code_${next}`;
});
afterEach(async () => {
  await rm(fleet.files.path('migrations', 'tenant', `${name}.js`), { force: true });
  for (const schema of ['acme', 'globex']) {
    await fleet.database.query(`DELETE FROM ${schema}.pgmigrations WHERE name = '${name}'`);
  }
});

const write = (body: string): Promise<void> =>
  fleet.tenantMigration(
    `${name}.js`,
    `export const up = async (pgm) => {\n${body}\n};\nexport const down = () => {};\n`,
  );

const ASKS_FIRST = `await pgm.db.query('SELECT 1');`;

describe('an error of a migration that looks like a broken connection', () => {
  it.each([
    [
      'a file that does not exist',
      `const { readFileSync } = await import('node:fs'); readFileSync('/nonexistent/seed.sql');`,
      /ENOENT/,
    ],
    ['a server that refuses the connection', `await fetch('http://127.0.0.1:1/');`, /fetch failed/],
    [
      'a database of its own that cannot be reached',
      `const { Client } = (await import('${import.meta.resolve('pg')}')).default; await new Client({ host: '127.0.0.1', port: 1 }).connect();`,
      /ECONNREFUSED/,
    ],
    [
      'an error with the message of a broken connection',
      `throw new Error('Connection terminated unexpectedly');`,
      /Connection terminated/,
    ],
    [
      'an error with a SQLSTATE of a shutdown',
      `throw Object.assign(new Error('elsewhere'), { code: '57P01' });`,
      /elsewhere/,
    ],
    ['a value that is not an error', 'throw null;', /null/],
  ])('fails the tenant at once, without a retry: %s', async (_, body, message) => {
    await write(`${ASKS_FIRST}\n${body}`);
    const startedAt = performance.now();
    const report = await fleet.migrate({}, { canary: 0, concurrency: 1 });
    expect(performance.now() - startedAt).toBeLessThan(5000);
    expect(report.tenants).toMatchObject({ failed: 2, applied: 0, notExecuted: 0 });
    for (const result of report.results) {
      expect(result).toMatchObject({ status: 'failed', migration: name });
      expect(result).not.toHaveProperty('attempts');
      expect('error' in result && result.error.message).toMatch(message);
      expect('error' in result && result.error.message).not.toContain('The connection broke');
    }
  });

  it('fails a migration without a transaction at once, too', async () => {
    await write(
      `pgm.noTransaction(); ${ASKS_FIRST} throw Object.assign(new Error('no such file'), { code: 'ENOENT' });`,
    );
    const report = await fleet.migrate({}, { canary: 0, concurrency: 1 });
    expect(report.tenants).toMatchObject({ failed: 2 });
    expect(report.results[0]).toMatchObject({ error: { message: expect.stringContaining('no such file') } });
    expect(report.results[0]).not.toHaveProperty('attempts');
  });

  it('is told apart from our own connection breaking under the migration, which is retried', async () => {
    await write(`${ASKS_FIRST}
      if (globalThis.brokenOnce !== true) {
        globalThis.brokenOnce = true;
        await pgm.db.query('SELECT pg_terminate_backend(pg_backend_pid())');
      }
      pgm.createTable('after_break', { id: 'int' });`);
    const report = await fleet.migrate({}, { canary: 0, concurrency: 1 });
    expect(report.tenants).toMatchObject({ failed: 0, applied: 2 });
    expect(report.results[0]).toHaveProperty('attempts');
  });
});

describe('a direct migration without a transaction that cannot be recorded', () => {
  it('blames no statement of the migration', async () => {
    await fleet.database.query(
      `CREATE FUNCTION refuse_record() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no more rows'; END $$;
       CREATE TRIGGER refuse BEFORE INSERT ON acme.pgmigrations FOR EACH ROW EXECUTE FUNCTION refuse_record()`,
    );
    await write(`pgm.noTransaction(); ${ASKS_FIRST} pgm.sql('ANALYZE projects');`);
    const report = await fleet.migrate({ selection: { kind: 'tenants', names: ['acme'] } }, { canary: 0 });
    const [result] = report.results;
    expect(result).toMatchObject({
      status: 'failed',
      migration: name,
      error: { problems: ['carried out: SELECT 1', 'carried out: ANALYZE projects'] },
    });
    expect(result).not.toHaveProperty('error.statement');
  });
});
