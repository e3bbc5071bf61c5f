import { describe, expect, it } from 'vitest';

import { FLEET_LOCK, fleetLock, tenantLock } from '../../src/db/locks.js';
import { doctor } from '../../src/doctor/doctor.js';
import { creationLock } from '../../src/lifecycle/creation-lock.js';
import { checkOf, wrongChecks } from '../support/doctor.js';
import { useFleet } from '../support/fleet.js';
import { openProxy } from '../support/proxy.js';

const fleet = useFleet({ each: true });
const { database } = fleet;

async function ready(...tenants: string[]): Promise<void> {
  await fleet.migrate({ selection: { kind: 'shared' } });
  await fleet.create(...tenants);
}

describe('activity', () => {
  it('a transaction that is open for long and holds a lock in a tenant', async () => {
    await ready('a1');
    const project = await fleet.project();
    const client = await database.client();
    await client.query('BEGIN; SELECT 1 FROM a1.projects');
    expect(await checkOf(project, 'blocking-transactions')).toMatchObject({ ok: true });
    const found = await checkOf(project, 'blocking-transactions', { patienceMs: 0 });
    expect(found).toMatchObject({ ok: false });
    expect(found.items).toEqual([
      expect.stringMatching(/^process \d+ .*idle in transaction for [\d.]+ m?s, holds a1\.projects/),
    ]);
    await client.query('ROLLBACK; BEGIN; SELECT 1 FROM pg_class LIMIT 1');
    expect(await checkOf(project, 'blocking-transactions', { patienceMs: 0 })).toMatchObject({ ok: true });
    await client.query('ROLLBACK');
  });

  it('locks that others hold are told, and wrong only when their holder is idle for long', async () => {
    await ready('a1');
    const project = await fleet.project();
    const client = await database.client();
    for (const key of [fleetLock('public'), tenantLock('a1'), creationLock('a1'), '42']) {
      await client.query('SELECT pg_advisory_lock($1)', [key]);
    }
    const held = await checkOf(project, 'locks-held');
    expect(held).toMatchObject({ ok: true, actual: '3 locks held by others' });
    expect(held.items?.toSorted()).toEqual([
      expect.stringMatching(/^the creation of "a1": process \d+/),
      expect.stringMatching(/^the lock of a run: process \d+ .*idle for/),
      expect.stringMatching(/^the tenant "a1": process \d+/),
    ]);
    expect(await checkOf(project, 'locks-held', { patienceMs: 0 })).toMatchObject({ ok: false });
    await expect(doctor(project, { fix: true })).rejects.toMatchObject({ code: 'LOCKED', exitCode: 4 });
    // A run of this application holds both, one of another application only the second.
    await client.query('SELECT pg_advisory_lock_shared($1)', [FLEET_LOCK]);
    expect((await checkOf(project, 'locks-held')).items).toHaveLength(3);
    const other = await database.client();
    await other.query('SELECT pg_advisory_lock_shared($1)', [FLEET_LOCK]);
    expect((await checkOf(project, 'locks-held')).items).toContainEqual(
      expect.stringMatching(/^the lock of a run of another application, or of an older version: process \d+/),
    );
  });
});

describe('a connection that cannot be used', () => {
  it('a session that is read only is told from one that takes changes, and --fix is refused', async () => {
    await ready('a1');
    const project = await fleet.project();
    const readOnly = { ...project, database: { ...project.database, options: '-c default_transaction_read_only=on' } };
    expect(await wrongChecks(readOnly)).toEqual(['server-writable']);
    await expect(doctor(readOnly, { fix: true })).rejects.toMatchObject({ code: 'DATABASE_REFUSED', exitCode: 5 });
  });

  it('a server that is not there, and one that goes in the middle', async () => {
    await ready('a1');
    const project = await fleet.project();
    const gone = { ...project, database: { ...project.database, port: 1 } };
    await expect(doctor(gone)).rejects.toMatchObject({ code: 'DATABASE_UNREACHABLE', exitCode: 5 });
    for (const [type, count] of [
      ['Q', 1],
      ['Q', 4],
      ['Q', 10],
      ['P', 1],
      ['P', 6],
      ['P', 14],
    ] as const) {
      const proxy = await openProxy(database);
      try {
        proxy.cutAfter(type, count);
        const { host, port } = proxy.config;
        const broken = { ...project, database: { ...project.database, host, port } as typeof project.database };
        await expect(doctor(broken), `${type} ${count}`).rejects.toMatchObject({
          code: 'DATABASE_UNREACHABLE',
          exitCode: 5,
        });
      } finally {
        await proxy.close();
      }
    }
  });

  it('a backend that is ended while it waits', async () => {
    await ready('a1');
    const blocker = await database.client();
    await blocker.query('BEGIN; LOCK TABLE a1.pgmigrations');
    const looked = doctor(await fleet.project()).catch((error: unknown) => error);
    const end = async (): Promise<number | null> =>
      (
        await database.query(
          `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE application_name = 'tenants: doctor' AND datname = current_database() AND wait_event_type = 'Lock'`,
        )
      ).rowCount;
    await expect.poll(end).toBe(1);
    expect(await looked).toMatchObject({ code: 'DATABASE_UNREACHABLE', exitCode: 5 });
    await blocker.query('ROLLBACK');
  });

  it('a tenant whose table someone keeps locked is told, and the others are looked at', async () => {
    await ready('a1', 'a2');
    const blocker = await database.client();
    await blocker.query('BEGIN; LOCK TABLE a1.pgmigrations');
    const project = { ...(await fleet.project()), lockTimeoutMs: 200 };
    expect(await checkOf(project, 'tenant-migrations')).toMatchObject({
      ok: false,
      actual: '1 up to date, 1 unreadable',
      items: [expect.stringMatching(/^a1: .*lock timeout/)],
    });
    await blocker.query('ROLLBACK');
    expect(await checkOf(project, 'tenant-migrations')).toMatchObject({ ok: true });
  });

  it('a migrations directory that is missing is a mistake of the configuration', async () => {
    await ready('a1');
    const project = await fleet.project();
    const astray = { ...project, tenants: { ...project.tenants, migrations: '/nowhere/at/all' } };
    await expect(doctor(astray)).rejects.toMatchObject({ exitCode: 2 });
  });
});
