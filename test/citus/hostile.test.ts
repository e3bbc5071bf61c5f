import { Client } from 'pg';
import { expect, it } from 'vitest';

import { withClient } from '../../src/db/connect.js';
import { inspectServer } from '../../src/db/server.js';
import { createTenant } from '../../src/lifecycle/create-tenant.js';
import { describeCitus, nodeOf, useCitusFleet } from '../support/citus.js';

describeCitus('a cluster in trouble', () => {
  const fleet = useCitusFleet();

  it('refuses a worker, with the address of the coordinator', async () => {
    const { database } = fleet();
    const [worker = ''] = database.workers;
    const look = withClient({ connectionString: database.urlOn(worker) }, 'test', (client) => inspectServer(client));
    await expect(look).rejects.toMatchObject({
      code: 'DATABASE_UNSUPPORTED',
      suggestions: [expect.stringContaining(new URL(database.url).port)],
    });
  });

  it('gives up waiting for a lock that is held on the node of a tenant', async () => {
    const { database } = fleet();
    for (const schema of ['busy', 'idle']) await createTenant(await fleet().project(), { schema });
    const holder = new Client({ connectionString: database.url });
    holder.on('error', () => undefined);
    await holder.connect();
    await holder.query('BEGIN');
    await holder.query(`UPDATE busy.projects SET name = 'x'`);
    await holder.query(`SELECT count(*) FROM busy.projects`);
    await fleet().tenantMigration('0002_two.sql', 'ALTER TABLE projects ADD COLUMN size int;');
    const node = await nodeOf(database, 'busy');
    const direct = new Client({ connectionString: database.urlOn(node ?? '') });
    direct.on('error', () => undefined);
    await direct.connect();
    await direct.query(`SET citus.override_table_visibility TO off`);
    const { rows } = await direct.query<{ name: string }>(
      `SELECT relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname = 'busy' AND relname ~ '^projects_\\d+$' AND relkind = 'r'`,
    );
    await holder.query('ROLLBACK');
    await direct.query('BEGIN');
    await direct.query(`SET citus.enable_manual_changes_to_shards TO on`);
    await direct.query(`LOCK TABLE busy.${rows[0]?.name ?? ''} IN ACCESS SHARE MODE`);
    const report = await fleet().migrate({}, { lockTimeoutMs: 500, retries: 0 });
    expect(report.results.find(({ tenant }) => tenant === 'busy')).toMatchObject({
      status: 'failed',
      error: { sqlstate: '55P03' },
    });
    expect(report.results.find(({ tenant }) => tenant === 'idle')).toMatchObject({ status: 'applied' });
    await direct.end();
    await holder.end();
    expect((await fleet().migrate()).tenants).toMatchObject({ applied: 1, upToDate: 1 });
  });

  it('leaves a tenant alone whose node holds a prepared transaction, until it is finished', async () => {
    const { database } = fleet();
    await fleet().tenantMigration('0003_three.sql', 'CREATE INDEX IF NOT EXISTS projects_three ON projects (name);');
    const node = (await nodeOf(database, 'busy')) ?? '';
    const { rows } = await database.query<{ key: string }>(
      `SELECT shard_name AS key FROM citus_shards WHERE table_name = 'busy.pgmigrations'::regclass`,
    );
    expect(rows).toHaveLength(1);
    const { tenantLock } = await import('../../src/db/locks.js');
    await database.on(
      node,
      `BEGIN; SELECT pg_advisory_xact_lock(${tenantLock('busy')}); CREATE TABLE public.torn (id int); PREPARE TRANSACTION 'by_hand'`,
    );
    const report = await fleet().migrate({}, { lockTimeoutMs: 500, retries: 0 });
    expect(report.results.find(({ tenant }) => tenant === 'busy')).toMatchObject({ error: { code: 'TENANT_BUSY' } });
    await database.on(node, `ROLLBACK PREPARED 'by_hand'`);
    expect((await fleet().migrate()).tenants).toMatchObject({ failed: 0 });
  });

  it('builds an index again whose build has failed on the node', async () => {
    const { database } = fleet();
    await database.query(`INSERT INTO busy.projects (name) VALUES ('twice'), ('twice')`);
    await fleet().tenantMigration(
      '0004_unique.sql',
      '-- Up Migration\n-- tenants: no-transaction\nCREATE UNIQUE INDEX CONCURRENTLY projects_name_key ON projects (name);\n-- Down Migration\n-- tenants: no-transaction\nDROP INDEX CONCURRENTLY projects_name_key;',
    );
    const failed = await fleet().migrate({}, { retries: 0 });
    expect(failed.results.find(({ tenant }) => tenant === 'busy')).toMatchObject({ status: 'failed' });
    await database.query(`DELETE FROM busy.projects`);
    const report = await fleet().migrate();
    expect(report.results.filter(({ status }) => status !== 'applied')).toEqual([]);
    const node = (await nodeOf(database, 'busy')) ?? '';
    const { rows } = await database.on(
      node,
      `SELECT indexrelid::regclass::text AS name FROM pg_index WHERE NOT indisvalid`,
    );
    expect(rows).toEqual([]);
  });

  it('builds an index of which only a node has the failed rest', async () => {
    const { database } = fleet();
    await database.query(`INSERT INTO busy.projects (name, size) VALUES ('one', 7), ('two', 7)`);
    const build = database.query('CREATE UNIQUE INDEX CONCURRENTLY projects_pair ON busy.projects (size)');
    await expect(build).rejects.toThrow('projects_pair');
    const client = await database.client();
    await client.query('SET citus.enable_ddl_propagation TO off');
    await client.query('DROP INDEX busy.projects_pair');
    await database.query('DELETE FROM busy.projects');
    await fleet().tenantMigration(
      '0005_pair.sql',
      '-- Up Migration\n-- tenants: no-transaction\nCREATE UNIQUE INDEX CONCURRENTLY projects_pair ON projects (size);\n-- Down Migration\n',
    );
    const report = await fleet().migrate({}, { retries: 0 });
    expect(report.results.filter(({ status }) => status !== 'applied')).toEqual([]);
  });

  it('works for a role that is no superuser', async () => {
    const { database } = fleet();
    const role = `tenants_${Date.now()}`;
    await database.query(`CREATE ROLE ${role} LOGIN`);
    try {
      const name = new URL(database.url).pathname.slice(1);
      for (const node of [new URL(database.url).host, ...database.workers]) {
        await database.on(
          node,
          `SET citus.enable_ddl_propagation TO off; GRANT CREATE ON DATABASE ${name} TO ${role}; GRANT ALL ON SCHEMA public TO ${role}`,
        );
      }
      await database.query(
        `GRANT ALL ON ALL TABLES IN SCHEMA public TO ${role}; GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO ${role}`,
      );
      const url = new URL(database.url);
      url.username = role;
      const project = await fleet().project({ database: { connectionString: url.href }, journal: false });
      await createTenant(project, { schema: 'owned' });
      await fleet().tenantMigration('0006_more.sql', 'ALTER TABLE projects ADD COLUMN more int;');
      const report = await fleet().migrate(
        { selection: { kind: 'tenants', names: ['owned'] } },
        { database: project.database, journal: false },
      );
      expect(report.results).toMatchObject([{ tenant: 'owned', status: 'applied' }]);
      expect(database.workers).toContain(await nodeOf(database, 'owned'));
    } finally {
      await database.query(`DROP SCHEMA IF EXISTS owned CASCADE`);
      await database.query(`DELETE FROM public.tenants WHERE schema_name = 'owned'`);
      for (const node of [...database.workers, new URL(database.url).host]) {
        await database
          .on(node, `SET citus.enable_ddl_propagation TO off; DROP OWNED BY ${role}`)
          .catch(() => undefined);
      }
      await database.query(`DROP ROLE ${role}`).catch(() => undefined);
    }
  });
});
