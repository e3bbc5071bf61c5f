import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { FLEET_LOCK, tenantLock } from '../../src/db/locks.js';
import { createTenant } from '../../src/lifecycle/create-tenant.js';
import { creationLock } from '../../src/lifecycle/creation-lock.js';
import { deleteTenant } from '../../src/lifecycle/delete-tenant.js';
import { renameTenant } from '../../src/lifecycle/rename-tenant.js';
import type { Project } from '../../src/project/project.js';
import { migrate } from '../../src/run/migrate.js';
import { useFleet } from '../support/fleet.js';

/** A second Ctrl-C ends what waits for a lock, however long it was told to wait. */
const fleet = useFleet({ tenants: ['acme'] });

let release: () => Promise<unknown>;
afterEach(() => release());

async function hold(key: string): Promise<void> {
  const client = await fleet.database.client();
  await client.query('SELECT pg_advisory_lock($1::bigint)', [key]);
  release = () => client.query('SELECT pg_advisory_unlock_all()');
}

async function cancelWhileWaiting(work: (project: Project, cancel: AbortSignal) => Promise<unknown>): Promise<unknown> {
  const cancel = new AbortController();
  const project = await fleet.project({ lockTimeoutMs: 0, lockWaitMs: 600_000 });
  const ended = work(project, cancel.signal).catch((error: unknown) => error);
  await expect.poll(async () => await connections(), { timeout: 10_000 }).toBeGreaterThan(0);
  cancel.abort();
  const canceledAt = performance.now();
  const answer = await ended;
  expect(performance.now() - canceledAt).toBeLessThan(3000);
  return answer;
}

const connections = async (): Promise<number> =>
  (
    await fleet.database.query(
      `SELECT FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'tenants: %'`,
    )
  ).rowCount ?? 0;

describe('canceling a command that waits', () => {
  describe('for the lock of a tenant', () => {
    beforeEach(() => hold(tenantLock('acme')));

    it.each([
      [
        'rename-tenant',
        (project: Project, cancel: AbortSignal) => renameTenant(project, { from: 'acme', to: 'acme2', cancel }),
      ],
      ['delete-tenant', (project: Project, cancel: AbortSignal) => deleteTenant(project, { schema: 'acme', cancel })],
    ])('ends %s at once and changes nothing', async (_, work) => {
      expect(await cancelWhileWaiting(work)).toMatchObject({ code: 'INTERRUPTED', exitCode: 130 });
      expect(await fleet.tables('acme')).toEqual(['pgmigrations', 'projects']);
    });

    it('ends migrate at once, with the tenant not executed', async () => {
      await fleet.tenantMigration('0002_notes.sql', 'CREATE TABLE notes (id int);');
      expect(
        await cancelWhileWaiting((project, cancel) => migrate(project, { selection: { kind: 'all' }, cancel })),
      ).toMatchObject({
        interrupted: true,
        results: [{ tenant: 'acme', status: 'notExecuted', reason: 'interrupted' }],
      });
    });
  });

  it('ends create-tenant at once while another process creates the same tenant', async () => {
    await hold(creationLock('newest'));
    expect(
      await cancelWhileWaiting((project, cancel) => createTenant(project, { schema: 'newest', cancel })),
    ).toMatchObject({
      code: 'INTERRUPTED',
    });
  });

  it('ends migrate at once while another run holds the lock of the fleet, on the first signal', async () => {
    await hold(FLEET_LOCK);
    const answer = cancelWhileWaiting((project, drain) => migrate(project, { selection: { kind: 'all' }, drain }));
    expect(await answer).toMatchObject({ code: 'LOCKED' });
  });
});
