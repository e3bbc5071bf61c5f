import { escapeIdentifier } from 'pg';
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';

import { status } from '../../src/fleet/status.js';
import { createTenant } from '../../src/lifecycle/create-tenant.js';
import { urlOfDatabase, withAdmin } from '../support/admin.js';
import { type TestDatabase } from '../support/database.js';
import { ask, liveWholeLife } from '../support/every-command.js';
import { createFleet, type TestFleet, useFleet } from '../support/fleet.js';

const fleet = useFleet({ each: true });
const { database } = fleet;

/** What a database or a user can be given, and what an application may rely on. */
const SETTINGS: Record<string, string> = {
  standard_conforming_strings: 'off',
  search_path: `"$user", elsewhere`,
  lock_timeout: '1ms',
  statement_timeout: '700ms',
  idle_in_transaction_session_timeout: '100ms',
  default_transaction_isolation: 'serializable',
  default_transaction_deferrable: 'on',
  DateStyle: 'SQL, DMY',
  IntervalStyle: 'sql_standard',
  bytea_output: 'escape',
  TimeZone: 'Pacific/Apia',
  client_min_messages: 'debug1',
  quote_all_identifiers: 'on',
  check_function_bodies: 'off',
  xmlbinary: 'hex',
  extra_float_digits: '-5',
  enable_seqscan: 'off',
  default_toast_compression: 'pglz',
  row_security: 'off',
  array_nulls: 'off',
  transform_null_equals: 'on',
};

describe('settings of the database', () => {
  const set = (settings: Record<string, string>): Promise<unknown> =>
    database.query(
      Object.entries(settings)
        .map(
          ([name, value]) =>
            `ALTER DATABASE ${database.name} SET ${name} = ${name === 'search_path' ? value : `'${value}'`}`,
        )
        .join(';'),
    );

  it('all at once: the whole life works', async () => {
    await database.query('CREATE SCHEMA elsewhere');
    await set(SETTINGS);
    await liveWholeLife(fleet);
    expect(await fleet.tables('elsewhere')).toEqual([]);
  });

  it.each(['standard', 'multiprocessing'])(
    'limits of time do not end a migration that takes longer (%s)',
    async (executor) => {
      await fleet.migrate({ selection: { kind: 'shared' } });
      await fleet.create('a', 'b');
      const { rows } = await database.query(`SELECT 1 FROM pg_settings WHERE name = 'transaction_timeout'`);
      await set({
        statement_timeout: '400ms',
        idle_in_transaction_session_timeout: '100ms',
        idle_session_timeout: '300ms',
      });
      if (rows.length > 0) await set({ transaction_timeout: '500ms' });
      await fleet.tenantMigration('0002_slow.sql', 'SELECT pg_sleep(0.9); CREATE TABLE slow (id int);');
      await fleet.tenantMigration(
        '0003_waits.js',
        `exports.up = async (pgm) => { await pgm.db.query('SELECT 1'); await new Promise((done) => setTimeout(done, 300)); pgm.createTable('waited', { id: 'id' }); };`,
      );
      const report = await fleet.migrate({}, { executor, canary: 0 });
      expect(report.results).toMatchObject([
        { status: 'applied', migrations: ['0002_slow', '0003_waits'] },
        { status: 'applied', migrations: ['0002_slow', '0003_waits'] },
      ]);
      for (const result of report.results) expect(result).not.toHaveProperty('attempts');
      expect(await createTenant(await fleet.project(), { schema: 'c' })).toMatchObject({
        tenant: { status: 'active' },
      });
    },
  );
});

describe.each(['SQL_ASCII', 'LATIN1', 'WIN1251'])('a database in %s', (encoding) => {
  let other: TestDatabase;
  let inEncoding: TestFleet;

  beforeEach(async () => {
    const name = `${database.name}_${encoding.toLowerCase()}`;
    const admin = inject('adminUrl');
    await withAdmin(admin, (client) =>
      client.query(`CREATE DATABASE ${escapeIdentifier(name)} ENCODING '${encoding}' LOCALE 'C' TEMPLATE template0`),
    );
    const url = urlOfDatabase(admin, name);
    const ask = <R extends object>(sql: string, values?: unknown[]) =>
      withAdmin(url, (client) => client.query<R>(sql, values));
    other = {
      ...database,
      url,
      name,
      config: { ...database.config, database: name },
      query: ask as TestDatabase['query'],
    };
    inEncoding = await createFleet(other);
  });
  afterEach(async () => {
    await inEncoding.remove();
    await withAdmin(inject('adminUrl'), (client) =>
      client.query(`DROP DATABASE ${escapeIdentifier(other.name)} WITH (FORCE)`),
    );
  });

  it('the whole life works, with names and text that it can hold', async () => {
    await liveWholeLife(inEncoding);
    const name = encoding === 'WIN1251' ? 'Клиент "я"' : 'Kunde "ä"';
    await other.query(`CREATE SCHEMA ${escapeIdentifier(name)}`);
    await other.query('INSERT INTO tenants (schema_name) VALUES ($1)', [name]);
    await inEncoding.tenantMigration(
      '0005_text.sql',
      `CREATE TABLE texts (t text); INSERT INTO texts VALUES ('${name.replaceAll("'", "''")}');`,
    );
    expect((await inEncoding.migrate()).tenants).toMatchObject({ total: 3, applied: 3 });
    expect(await ask(await inEncoding.project(), 'SELECT current_schema(), t FROM texts')).toMatchObject({
      rows: expect.arrayContaining([[name, name, name]]) as unknown,
      failed: [],
    });
    expect((await status(await inEncoding.project(), { names: [name] })).tenants).toMatchObject({
      total: 1,
      upToDate: 1,
    });
  });

  it.skipIf(encoding === 'SQL_ASCII')('text that it cannot hold fails the tenant, and is named', async () => {
    await inEncoding.migrate({ selection: { kind: 'shared' } });
    await inEncoding.create('a');
    await inEncoding.tenantMigration(
      '0002_text.sql',
      `CREATE TABLE texts (t text); INSERT INTO texts VALUES ('漢字');`,
    );
    const report = await inEncoding.migrate();
    expect(report.results).toMatchObject([
      {
        tenant: 'a',
        status: 'failed',
        migration: '0002_text',
        error: { sqlstate: '22P05', message: expect.stringContaining(encoding) as string },
      },
    ]);
    expect(await inEncoding.tables('a')).toEqual(['pgmigrations', 'projects']);
  });
});
