import { createServer } from 'node:http';

import type { ClientConfig } from 'pg';
import { beforeAll, describe, expect, it, vi } from 'vitest';

import { ensureBuilt } from '../support/build.js';
import { names, withFleet } from './fleets.js';

// Workers start slowly on a machine that is busy.
vi.setConfig({ testTimeout: 120_000 });

beforeAll(() => ensureBuilt(), 120_000);

describe.each(['multiprocessing', 'worker-threads'])('%s', (executor) => {
  it('three tenants in chunks of two need two workers, however many are allowed', async () => {
    await withFleet(names(3), async (fleet) => {
      await fleet.tenantMigration('0002_made.sql', 'CREATE TABLE made (id int);\nSELECT pg_sleep(0.3);');
      const report = await fleet.migrate({}, { executor, canary: 0, maxProcesses: 6 });
      expect(report.tenants.applied).toBe(3);
      expect(report.processes).toBe(2);
    });
  });

  it('a password that a function makes is asked for by the workers', async () => {
    await withFleet(names(6), async (fleet) => {
      await fleet.tenantMigration('0002_made.sql', 'CREATE TABLE made (id int);');
      const { database } = await fleet.project();
      let asked = 0;
      const password = () => {
        asked += 1;
        return Promise.resolve(String(database.password));
      };
      const report = await fleet.migrate({}, { executor, canary: 0, database: { ...database, password } });
      expect(report.tenants.applied).toBe(6);
      expect(asked).toBeGreaterThan(4);
    });
  });

  it('a configuration that cannot be copied is refused before anything is touched', async () => {
    await withFleet(names(2), async (fleet) => {
      await fleet.tenantMigration('0002_made.sql', 'CREATE TABLE made (id int);');
      const project = await fleet.project();
      const database = { ...project.database, stream: () => createServer() } as unknown as ClientConfig;
      await expect(fleet.migrate({}, { executor, database })).rejects.toMatchObject({
        code: 'EXECUTOR_UNAVAILABLE',
        exitCode: 2,
        message: expect.stringContaining('database.stream is a function'),
      });
      expect(await fleet.tables('t01')).not.toContain('made');
    });
  });
});

it.each(['standard', 'multiprocessing'])(
  '%s asks for no more connections than the server has left',
  async (executor) => {
    await withFleet(names(12), async (fleet) => {
      await fleet.tenantMigration('0002_made.sql', 'CREATE TABLE made (id int);\nSELECT pg_sleep(0.1);');
      const role = `limited_${fleet.database.name}`.slice(0, 60);
      await fleet.database.query(`CREATE ROLE "${role}" LOGIN SUPERUSER PASSWORD 'secret'`);
      await fleet.database.query(`ALTER ROLE "${role}" NOSUPERUSER CONNECTION LIMIT 7`);
      await fleet.database.query(
        `DO $$ DECLARE s text; BEGIN FOR s IN SELECT nspname FROM pg_namespace WHERE nspname ~ '^t[0-9]+$' OR nspname = 'public' LOOP
         EXECUTE format('GRANT ALL ON SCHEMA %I TO "${role}"; GRANT ALL ON ALL TABLES IN SCHEMA %I TO "${role}"; GRANT ALL ON ALL SEQUENCES IN SCHEMA %I TO "${role}"', s, s, s); END LOOP; END $$`,
      );
      try {
        const { database } = await fleet.project();
        const config = { ...database, user: role, password: 'secret' };
        const report = await fleet.migrate({}, { executor, database: config, concurrency: 5, maxProcesses: 3 });
        expect(report.results.filter(({ status }) => status === 'failed')).toEqual([]);
        expect(report.tenants.applied).toBe(12);
        expect(report.processes * report.concurrency).toBeLessThanOrEqual(4);
        expect(report.warnings.join()).toMatch(/free connections: .* instead of/);
      } finally {
        await fleet.database.query(`DROP OWNED BY "${role}" CASCADE`);
        await fleet.database.query(`DROP ROLE "${role}"`);
      }
    });
  },
);
