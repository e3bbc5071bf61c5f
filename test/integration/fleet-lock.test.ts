import type { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { openClient } from '../../src/db/connect.js';
import { FLEET_LOCK, fleetLock, NODE_PG_MIGRATE_LOCK, tryLock } from '../../src/db/locks.js';
import { inspectServer } from '../../src/db/server.js';
import type { FleetEvent } from '../../src/fleet/types.js';
import { createTenant } from '../../src/lifecycle/create-tenant.js';
import { FleetLock } from '../../src/session/fleet-lock.js';
import { useDatabase } from '../support/database.js';
import { createFleet, type TestFleet } from '../support/fleet.js';

const database = useDatabase();
let fleet: TestFleet;

beforeAll(async () => {
  fleet = await createFleet(database);
  await fleet.migrate({ selection: { kind: 'shared' } });
  await fleet.create('a', 'b', 'c', 'd');
});
afterAll(() => fleet.remove());

const terminateControl = async (): Promise<void> => {
  await database.query(
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'tenants: migrate'`,
  );
};

async function lockedWith(restartWaitMs: number): Promise<{ lock: FleetLock; client: Client }> {
  const project = await fleet.project({ restartWaitMs });
  const client = await openClient(project.database, 'migrate');
  const lock = new FleetLock(project, 'migrate', client, {
    drain: new AbortController().signal,
    onEvent: () => {},
  });
  await lock.take(await inspectServer(client));
  return { lock, client };
}

describe('a second run', () => {
  it.each([
    ['of this product', fleetLock('public')],
    ['of an earlier version of it', FLEET_LOCK],
    ['of node-pg-migrate', NODE_PG_MIGRATE_LOCK],
  ])('%s is answered with its process', async (_who, key) => {
    const other = await database.client();
    await tryLock(other, key);
    const pid = String((other as unknown as { processID: number }).processID);
    await expect(fleet.migrate()).rejects.toMatchObject({
      code: 'LOCKED',
      exitCode: 4,
      message: expect.stringContaining(`process ${pid}`) as string,
    });
    await other.query('SELECT pg_advisory_unlock_all()');
  });

  it('is waited for as long as it was asked to', async () => {
    const other = await database.client();
    await tryLock(other, FLEET_LOCK);
    const events: FleetEvent[] = [];
    const run = fleet.migrate({ onEvent: (event) => events.push(event) }, { lockWaitMs: 20_000 });
    await expect.poll(() => events.some(({ type }) => type === 'waiting')).toBe(true);
    await other.query('SELECT pg_advisory_unlock_all()');
    expect((await run).tenants.upToDate).toBe(4);
  });

  it('keeps an earlier version out while it is under way', async () => {
    const { lock } = await lockedWith(300);
    const other = await database.client();
    expect(await tryLock(other, FLEET_LOCK)).toBe(false);
    await lock.close();
    await expect.poll(() => tryLock(other, FLEET_LOCK)).toBe(true);
    await other.query('SELECT pg_advisory_unlock_all()');
  });

  it('of an application with another shared schema goes on beside it, and is not taken for one that was killed', async () => {
    const second = await createFleet(database, {
      'tenants.config.json': JSON.stringify({ shared: { schema: 'billing' } }),
    });
    await database.query('CREATE SCHEMA billing');
    await second.migrate({ selection: { kind: 'shared' } });
    await createTenant(await second.project(), { schema: 'billing_a' });
    const gate = await database.client();
    await gate.query('SELECT pg_advisory_lock(1)');
    await fleet.tenantMigration('0001_slow.sql', 'SELECT pg_advisory_xact_lock(1);');
    const events: FleetEvent[] = [];
    try {
      const first = fleet.migrate(
        { onEvent: (event) => events.push(event) },
        { checkOrder: false, canary: 0, lockTimeoutMs: 60_000 },
      );
      await expect.poll(() => events.some(({ type }) => type === 'tenant:start')).toBe(true);
      await second.tenantMigration('0002_more.sql', 'CREATE TABLE more (id int);');
      const beside = await second.migrate();
      expect(beside.tenants).toMatchObject({ applied: 1, failed: 0 });
      expect(events.some(({ type }) => type === 'tenant:done')).toBe(false);
      await gate.query('SELECT pg_advisory_unlock_all()');
      const report = await first;
      expect(report.tenants).toMatchObject({ applied: 4, failed: 0 });
      expect(report.warnings).toEqual([]);
      const { rows } = await database.query(
        `SELECT shared_schema AS schema, interrupted, counts->'applied' AS applied FROM tenants_journal.runs WHERE command = 'migrate' ORDER BY id DESC LIMIT 2`,
      );
      expect(rows).toEqual([
        { schema: 'billing', interrupted: false, applied: 1 },
        { schema: 'public', interrupted: false, applied: 4 },
      ]);
    } finally {
      await second.remove();
    }
  });

  it('leaves no lock behind', async () => {
    await fleet.migrate();
    const { rows } = await database.query(
      `SELECT count(*)::int AS n FROM pg_locks WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
    );
    expect(rows).toEqual([{ n: 0 }]);
  });
});

describe('when the control connection breaks', () => {
  it('the lock is taken again and the run goes on', async () => {
    await fleet.tenantMigration('0002_slow.sql', 'CREATE TABLE slow (id int); SELECT pg_sleep(0.2);');
    const events: FleetEvent[] = [];
    let cut = false;
    const report = await fleet.migrate(
      {
        onEvent: (event) => {
          events.push(event);
          if (event.type !== 'tenant:start' || cut) return;
          cut = true;
          void terminateControl();
        },
      },
      { concurrency: 1, canary: 0 },
    );
    expect(report.tenants).toMatchObject({ applied: 4, failed: 0, notExecuted: 0 });
    expect(events).toContainEqual({
      type: 'warning',
      message: expect.stringContaining('control connection broke') as string,
    });
  });

  /** Breaks the control connection while someone waits for the lock in the server, who has it then. */
  async function takeItFrom(): Promise<Client> {
    const other = await database.client();
    const had = other.query('SELECT pg_advisory_lock($1::bigint)', [FLEET_LOCK]);
    await expect
      .poll(
        async () => (await database.query(`SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted`)).rowCount,
      )
      .toBe(1);
    await terminateControl();
    await had;
    return other;
  }

  it('nothing goes on once another session has the lock', async () => {
    const { lock } = await lockedWith(300);
    expect(await lock.isHeld()).toBe(true);
    const other = await takeItFrom();
    expect(await lock.isHeld()).toBe(false);
    await lock.close();
    await other.query('SELECT pg_advisory_unlock_all()');
  });

  it('the lock is had again as soon as it is free', async () => {
    const { lock, client } = await lockedWith(10_000);
    const other = await takeItFrom();
    const held = lock.isHeld();
    await other.query('SELECT pg_advisory_unlock_all()');
    expect(await held).toBe(true);
    expect(lock.client).not.toBe(client);
    await lock.close();
  });
});
