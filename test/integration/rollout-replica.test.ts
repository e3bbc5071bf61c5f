import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { withAdmin } from '../support/admin.js';
import { asDatabase, type DebianPostgres, findPostgres, startPostgres } from '../support/debian-postgres.js';
import { createFleet, type FleetDatabase, type TestFleet } from '../support/fleet.js';

const BIN = findPostgres();
if (BIN === undefined) console.warn('Skipped: a replica needs the PostgreSQL of the operating system.');

let primary: DebianPostgres;
let standby: DebianPostgres;
let client: Client;
let fleet: TestFleet<FleetDatabase>;

describe.skipIf(BIN === undefined)('a replica that lags', () => {
  beforeAll(async () => {
    primary = await startPostgres(BIN ?? '');
    client = new Client(primary.config);
    await client.connect();
    fleet = await createFleet(asDatabase(primary, client));
    await fleet.migrate({ selection: { kind: 'shared' } });
    await fleet.create('t1', 't2', 't3');
    standby = await primary.startStandby();
  });
  afterAll(async () => {
    await fleet?.remove();
    await client?.end();
    await Promise.all([primary, standby].map((server) => server?.stop()));
  });

  const onStandby = async (sql: string): Promise<void> => {
    await withAdmin(standby.url, async (one) => void (await one.query(sql)));
  };

  it('holds tenants back until it has caught up', async () => {
    await fleet.tenantMigration('0002_two.sql', 'CREATE TABLE two (id int);');
    await expect
      .poll(
        async () => (await fleet.database.query(`SELECT FROM pg_stat_replication WHERE state = 'streaming'`)).rowCount,
      )
      .toBe(1);
    await onStandby('SELECT pg_wal_replay_pause()');
    const said: string[] = [];
    const report = await fleet.migrate(
      {
        rollout: { maxReplicaLagMs: 200, delayMs: 700 },
        onEvent: (event) => {
          if (event.type !== 'waiting') return;
          said.push(event.message);
          if (said.length === 1) void onStandby('SELECT pg_wal_replay_resume()');
        },
      },
      { canary: 0, concurrency: 1 },
    );
    expect(report.tenants.applied).toBe(3);
    expect(said).toEqual([
      expect.stringMatching(
        /^No more tenants are started for now: the replica "\w+" is .* behind \(limit: 0\.2 s\)\.$/,
      ),
      'Tenants are started again.',
    ]);
    expect(report.heldBackMs).toBeGreaterThan(0);
    expect(report.warnings.join()).toMatch(/^Tenants were held back for .*, because a replica lagged\.$/);
  });

  it('is said to be invisible where its lag must not be read', async () => {
    await fleet.tenantMigration('0003_three.sql', 'SELECT 1;');
    await fleet.database.query('CREATE ROLE plain LOGIN');
    for (const schema of ['public', 't1', 't2', 't3']) {
      await fleet.database.query(`ALTER SCHEMA ${schema} OWNER TO plain`);
      await fleet.database.query(`ALTER TABLE ${schema}.pgmigrations OWNER TO plain`);
    }
    await fleet.database.query('ALTER TABLE tenants OWNER TO plain');
    const database = { ...primary.config, user: 'plain' };
    const report = await fleet.migrate({ rollout: { maxReplicaLagMs: 60_000 } }, { database, journal: false });
    expect(report.tenants.applied).toBe(3);
    expect(report.warnings.join()).toContain('grant pg_monitor');
  });
});
