import { describe, expect, it } from 'vitest';

import { checkOf, wrongChecks } from '../support/doctor.js';
import { useFleet } from '../support/fleet.js';

const fleet = useFleet({ each: true, tenants: [] });
const { database } = fleet;

const HOSTILE = `We"ird 'é`;
const QUOTED = `"We""ird 'é"`;

describe('invalid indexes', () => {
  /** An index as a build that was cut off leaves it. */
  async function invalidate(index: string): Promise<void> {
    await database.query(`UPDATE pg_index SET indisvalid = false, indisready = false WHERE indexrelid = $1::regclass`, [
      index,
    ]);
  }
  async function indexes(schema: string): Promise<[string, boolean][]> {
    const found = await database.query<{ name: string; valid: boolean }>(
      `SELECT x.relname AS name, i.indisvalid AS valid FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid
        WHERE x.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = $1) ORDER BY 1`,
      [schema],
    );
    return found.rows.map(({ name, valid }) => [name, valid]);
  }

  it('of recorded migrations are rebuilt in place, constraints kept, and leftovers are dropped', async () => {
    await fleet.create('a1');
    await database.query(`CREATE SCHEMA ${QUOTED}`);
    await database.query('INSERT INTO tenants (schema_name) VALUES ($1)', [HOSTILE]);
    await fleet.migrate({ selection: { kind: 'tenants' } });
    await database.query(`ALTER TABLE ${QUOTED}.projects ADD CONSTRAINT u_ccnew UNIQUE (name);
      CREATE INDEX "I""x" ON ${QUOTED}.projects (name); CREATE INDEX left_ccnew ON ${QUOTED}.projects (name);
      CREATE INDEX old_ccold1 ON a1.projects (name); CREATE INDEX fine_ccnew ON a1.projects (name); CREATE INDEX shared ON tenants (name)`);
    for (const index of [
      `${QUOTED}.u_ccnew`,
      `${QUOTED}."I""x"`,
      `${QUOTED}.left_ccnew`,
      'a1.old_ccold1',
      'public.shared',
    ]) {
      await invalidate(index);
    }
    const project = await fleet.project();
    const before = await checkOf(project, 'invalid-indexes');
    expect(before).toMatchObject({ ok: false, actual: '5 invalid indexes' });
    expect(before.items?.toSorted()).toEqual(
      [
        'a1.old_ccold1: left over from REINDEX',
        'public.shared: its migration is recorded',
        `${HOSTILE}.I"x: its migration is recorded`,
        `${HOSTILE}.left_ccnew: left over from REINDEX`,
        `${HOSTILE}.u_ccnew: its migration is recorded`,
      ].toSorted(),
    );
    const after = await checkOf(project, 'invalid-indexes', { fix: true });
    expect(after).toMatchObject({ ok: true, fixed: true });
    expect(after.done).toHaveLength(5);
    expect(await indexes('a1')).toEqual([
      ['fine_ccnew', true],
      ['pgmigrations_pkey', true],
      ['projects_pkey', true],
    ]);
    expect(await indexes(HOSTILE)).toEqual([
      ['I"x', true],
      ['pgmigrations_pkey', true],
      ['projects_pkey', true],
      ['u_ccnew', true],
    ]);
    expect(await wrongChecks(project, { fix: true })).toEqual([]);
  });

  it('of a tenant that is behind are left to migrate, which builds them', async () => {
    await fleet.create('a1');
    await fleet.tenantMigration(
      '0002_index.sql',
      '-- tenants: no-transaction\nCREATE INDEX CONCURRENTLY i ON projects (name);',
    );
    await database.query('CREATE INDEX i ON a1.projects (id)');
    await invalidate('a1.i');
    const project = await fleet.project();
    const check = await checkOf(project, 'invalid-indexes', { fix: true });
    expect(check).toMatchObject({ ok: false, items: ['a1.i: its schema has pending migrations'] });
    expect(check.suggestions).toEqual([expect.stringContaining('tenants migrate --tenant a1')]);
    await fleet.migrate();
    expect(await checkOf(project, 'invalid-indexes')).toMatchObject({ ok: true });
  });

  it('of the shared schema while it is behind are left to migrate, too', async () => {
    await fleet.files.write(
      'migrations/shared/0002_i.sql',
      '-- tenants: no-transaction\nCREATE INDEX CONCURRENTLY i ON tenants (name);',
    );
    await database.query('CREATE INDEX i ON tenants (name)');
    await invalidate('public.i');
    const check = await checkOf(await fleet.project(), 'invalid-indexes', { fix: true });
    expect(check).toMatchObject({ ok: false, items: ['public.i: its schema has pending migrations'] });
    expect(check.suggestions).toEqual([expect.stringContaining('tenants migrate --shared')]);
  });

  it('of a tenant out of order that lacks a migration are left alone although the order is accepted', async () => {
    await fleet.create('a1');
    await fleet.tenantMigration(
      '0000_index.sql',
      '-- tenants: no-transaction\nCREATE INDEX CONCURRENTLY i ON projects (name);',
    );
    await database.query('CREATE INDEX i ON a1.projects (id)');
    await invalidate('a1.i');
    const project = { ...(await fleet.project()), checkOrder: false };
    expect(await checkOf(project, 'invalid-indexes', { fix: true })).toMatchObject({
      ok: false,
      items: ['a1.i: its schema has pending migrations'],
    });
    expect(await indexes('a1')).toContainEqual(['i', false]);
  });

  it('that a REINDEX of a table left over are dropped, those of its TOAST table included', async () => {
    await fleet.create('a1');
    const blocker = await database.client();
    await blocker.query('BEGIN; INSERT INTO a1.projects (name) VALUES (1)');
    const client = await database.client();
    const reindex = client.query('REINDEX TABLE CONCURRENTLY a1.projects').catch((error: unknown) => error);
    await expect.poll(() => indexes('a1')).toContainEqual(['projects_pkey_ccnew', false]);
    const { processID } = client as unknown as { processID: number };
    await database.query('SELECT pg_cancel_backend($1)', [processID]);
    expect(await reindex).toMatchObject({ code: '57014' });
    await blocker.query('ROLLBACK');
    const project = await fleet.project();
    const check = await checkOf(project, 'invalid-indexes');
    expect(check.items?.toSorted()).toEqual([
      expect.stringMatching(/^a1\.pg_toast_\d+_index_ccnew: left over from REINDEX$/),
      'a1.projects_pkey_ccnew: left over from REINDEX',
    ]);
    expect(await checkOf(project, 'invalid-indexes', { fix: true })).toMatchObject({ ok: true, fixed: true });
    expect(await indexes('a1')).toEqual([
      ['pgmigrations_pkey', true],
      ['projects_pkey', true],
    ]);
  });

  it('of a partitioned table are told, not touched', async () => {
    await fleet.create('a1');
    await database.query(`CREATE TABLE a1.p (id int) PARTITION BY RANGE (id); CREATE TABLE a1.p1 PARTITION OF a1.p FOR VALUES FROM (0) TO (9);
      CREATE INDEX whole ON ONLY a1.p (id)`);
    const check = await checkOf(await fleet.project(), 'invalid-indexes', { fix: true });
    expect(check).toMatchObject({ ok: false, items: ['a1.whole: a partition lacks its index'] });
    expect(check.failures).toBeUndefined();
  });

  it('one that cannot be rebuilt stays, with the reason and without what was begun', async () => {
    await fleet.create('a1');
    await database.query(`CREATE UNIQUE INDEX twice ON a1.projects (name)`);
    await invalidate('a1.twice');
    await database.query(`INSERT INTO a1.projects (name) VALUES ('x'), ('x')`);
    const check = await checkOf(await fleet.project(), 'invalid-indexes', { fix: true });
    expect(check).toMatchObject({
      ok: false,
      fixed: false,
      items: ['a1.twice: its migration is recorded'],
      failures: [expect.stringMatching(/^"a1"\."twice" was not rebuilt: could not create unique index/)],
    });
    expect((await indexes('a1')).map(([name]) => name)).toEqual(['pgmigrations_pkey', 'projects_pkey', 'twice']);
  });

  it('one that is being built at the moment is not reported', async () => {
    await fleet.create('a1');
    const blocker = await database.client();
    await blocker.query('BEGIN; INSERT INTO a1.projects (name) VALUES (1)');
    const builder = await database.client();
    const built = builder.query('CREATE INDEX CONCURRENTLY slow ON a1.projects (name)');
    const project = await fleet.project();
    await expect.poll(() => indexes('a1')).toContainEqual(['slow', false]);
    expect(await checkOf(project, 'invalid-indexes')).toMatchObject({ ok: true });
    await blocker.query('COMMIT');
    await built;
    expect(await indexes('a1')).toContainEqual(['slow', true]);
  });
});
