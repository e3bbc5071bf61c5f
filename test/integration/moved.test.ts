import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { tenantLock } from '../../src/db/locks.js';
import { EngineLane } from '../../src/engine/apply/lane.js';
import { useDatabase } from '../support/database.js';
import { createFleet, type TestFleet } from '../support/fleet.js';

const database = useDatabase();
let fleet: TestFleet;

beforeAll(async () => {
  fleet = await createFleet(database);
  await fleet.migrate({ selection: { kind: 'shared' } });
  await fleet.tenantMigration('0002_more.sql', 'CREATE TABLE more (id int);');
  await fleet.create('one');
});
afterAll(() => fleet.remove());

describe('a tenant that is changed between survey and apply', () => {
  async function applyTo(work: { tenant: string; schemaOid: number }, applied: string[]) {
    const project = await fleet.project();
    const lane = new EngineLane({
      database: project.database,
      plans: new Map([
        [
          'plan',
          {
            id: 'plan',
            scope: { kind: 'tenants', type: null },
            source: { directory: '', ignorePattern: undefined, decamelize: false, tsconfigPaths: false },
            direction: 'up',
            applied,
            tableExists: true,
            fake: false,
            mode: 'compiled',
            segments: [
              {
                transaction: true,
                migrations: [
                  {
                    name: '9999_stray',
                    path: '9999_stray.sql',
                    direction: 'up',
                    mode: 'compiled',
                    transaction: true,
                    statements: [{ sql: 'CREATE TABLE stray (id int)' }],
                    targets: [],
                    creates: [],
                    allowFallThrough: false,
                    warnings: [],
                  },
                ],
              },
            ],
          },
        ],
      ]),
      settings: {
        sharedSchema: 'public',
        extraSearchPath: [],
        migrationsTable: 'pgmigrations',
        role: undefined,
        lockTimeoutMs: 500,
        statementTimeoutMs: 0,
        restartWaitMs: 30_000,
        retries: 0,
        fallThrough: 'error',
        registry: { schema: 'public', table: 'tenants', column: 'schema_name' },
      },
      filesOf: () => [],
      recycleAfter: 500,
    });
    try {
      return await lane.apply({ ...work, planId: 'plan' });
    } finally {
      await lane.close();
    }
  }

  const oidOf = async (schema: string): Promise<number> =>
    Number((await database.query('SELECT oid FROM pg_namespace WHERE nspname = $1', [schema])).rows[0]?.['oid']);

  const expectUntouched = async (): Promise<void> => {
    const { rows } = await database.query(
      `SELECT relnamespace::regnamespace::text AS schema FROM pg_class WHERE relname = 'stray'`,
    );
    expect(rows).toEqual([]);
  };

  it('a renamed schema is not migrated in the shared schema instead', async () => {
    await fleet.create('renamed');
    const oid = await oidOf('renamed');
    const applied = await fleet.applied('renamed');
    await database.query('ALTER SCHEMA renamed RENAME TO elsewhere');
    expect(await applyTo({ tenant: 'renamed', schemaOid: oid }, applied)).toMatchObject({
      status: 'failed',
      error: { code: 'TENANT_MOVED' },
    });
    await expectUntouched();
    await database.query('ALTER SCHEMA elsewhere RENAME TO renamed');
  });

  it('a dropped schema', async () => {
    await fleet.create('dropped');
    const oid = await oidOf('dropped');
    const applied = await fleet.applied('dropped');
    await database.query('DROP SCHEMA dropped CASCADE');
    expect(await applyTo({ tenant: 'dropped', schemaOid: oid }, applied)).toMatchObject({
      status: 'failed',
      error: { code: 'TENANT_MOVED' },
    });
    await expectUntouched();
    await database.query(`DELETE FROM tenants WHERE schema_name = 'dropped'`);
  });

  it('a schema that was dropped and made again', async () => {
    await fleet.create('again');
    const oid = await oidOf('again');
    const applied = await fleet.applied('again');
    await database.query(
      'ALTER SCHEMA again RENAME TO again_old; CREATE SCHEMA again; CREATE TABLE again.pgmigrations AS TABLE again_old.pgmigrations',
    );
    expect(await applyTo({ tenant: 'again', schemaOid: oid }, applied)).toMatchObject({
      status: 'failed',
      error: { code: 'TENANT_MOVED' },
    });
    await expectUntouched();
    await database.query('DROP SCHEMA again CASCADE; ALTER SCHEMA again_old RENAME TO again');
  });

  it('a tenant that is no longer registered', async () => {
    await fleet.create('left');
    const oid = await oidOf('left');
    await database.query(`DELETE FROM tenants WHERE schema_name = 'left'`);
    expect(await applyTo({ tenant: 'left', schemaOid: oid }, await fleet.applied('left'))).toMatchObject({
      status: 'failed',
      error: { code: 'TENANT_MOVED' },
    });
    await expectUntouched();
  });

  it('a tenant that another session has migrated meanwhile', async () => {
    const applied = (await fleet.applied('one')).slice(0, -1);
    expect(await applyTo({ tenant: 'one', schemaOid: await oidOf('one') }, applied)).toMatchObject({
      status: 'failed',
      error: { code: 'TENANT_MOVED' },
    });
    await expectUntouched();
  });

  it('a tenant whose lock is held is waited for, then reported with the holder', async () => {
    const holder = await database.client();
    await holder.query('SELECT pg_advisory_lock($1)', [tenantLock('one')]);
    const result = await applyTo({ tenant: 'one', schemaOid: await oidOf('one') }, await fleet.applied('one'));
    expect(result).toMatchObject({ status: 'failed', error: { code: 'TENANT_BUSY' } });
    expect(JSON.stringify(result)).toContain(
      `process ${String((holder as unknown as { processID: number }).processID)}`,
    );
    await holder.query('SELECT pg_advisory_unlock_all()');
    await expectUntouched();
  });
});
