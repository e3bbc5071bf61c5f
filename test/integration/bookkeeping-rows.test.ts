import { beforeEach, describe, expect, it } from 'vitest';

import { doctor } from '../../src/doctor/doctor.js';
import { rollback } from '../../src/run/rollback.js';
import { useFleet } from '../support/fleet.js';

const fleet = useFleet({ each: true, tenants: ['t1', 't2'] });
const { database } = fleet;

beforeEach(async () => {
  await fleet.tenantMigration(
    '0002_two.sql',
    '-- Up Migration\nCREATE TABLE two (id int);\n-- Down Migration\nDROP TABLE two;',
  );
});

const SWALLOW = `CREATE FUNCTION t1.swallow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'`;
const undo = async (count: number) =>
  await rollback(await fleet.project(), {
    selection: { kind: 'tenants', names: ['t1'] },
    target: { count },
    confirmed: true,
  });

describe('a row that does not reach the migrations table fails the tenant and undoes its migration', () => {
  it.each([
    [
      'a trigger leaves it out',
      `${SWALLOW}; CREATE TRIGGER swallow BEFORE INSERT ON t1.pgmigrations FOR EACH ROW EXECUTE FUNCTION t1.swallow()`,
    ],
    ['a rule does nothing instead', 'CREATE RULE swallow AS ON INSERT TO t1.pgmigrations DO INSTEAD NOTHING'],
  ])('when %s', async (_, sql) => {
    await database.query(sql);
    const report = await fleet.migrate({}, { canary: 0 });
    expect(report.tenants).toMatchObject({ applied: 1, failed: 1 });
    expect(report.results).toContainEqual(
      expect.objectContaining({
        tenant: 't1',
        migration: '0002_two',
        error: expect.objectContaining({
          code: 'MIGRATION_FAILED',
          message: expect.stringContaining('did not reach "t1"."pgmigrations"') as string,
        }) as unknown,
      }),
    );
    expect(await fleet.tables('t1')).toEqual(['pgmigrations', 'projects']);
    const { checks } = await doctor(await fleet.project());
    expect(checks.find(({ name }) => name === 'table-rules')).toMatchObject({
      ok: false,
      items: [expect.stringMatching(/^t1\.pgmigrations: (?:rule|trigger) "swallow"$/)],
    });
  });

  it('when a rollback cannot remove it', async () => {
    await fleet.migrate();
    await database.query(
      `${SWALLOW}; CREATE TRIGGER swallow BEFORE DELETE ON t1.pgmigrations FOR EACH ROW EXECUTE FUNCTION t1.swallow()`,
    );
    const report = await undo(1);
    expect(report.tenants).toMatchObject({ failed: 1, rolledBack: 0 });
    expect(await fleet.tables('t1')).toContain('two');
  });

  it('also outside a transaction, with the word that the migration may have run', async () => {
    await fleet.tenantMigration(
      '0003_index.sql',
      '-- tenants: no-transaction\nCREATE INDEX CONCURRENTLY later ON two (id);',
    );
    await fleet.migrate({ selection: { kind: 'tenants' }, target: { count: 1 } });
    await database.query('CREATE RULE swallow AS ON INSERT TO t1.pgmigrations DO INSTEAD NOTHING');
    const report = await fleet.migrate({}, { canary: 0 });
    expect(report.results).toContainEqual(
      expect.objectContaining({
        tenant: 't1',
        error: expect.objectContaining({ message: expect.stringContaining('did not reach') as string }) as unknown,
      }),
    );
  });
});

describe('a clock or a time zone that goes back', () => {
  /** What all later sessions take for their time zone. */
  const setZone = (zone: string) => database.query(`ALTER DATABASE ${database.name} SET timezone = '${zone}'`);

  it('leaves the order of migrations as it is', async () => {
    await fleet.migrate();
    await setZone('Pacific/Kiritimati');
    await fleet.tenantMigration(
      '0003_three.sql',
      '-- Up Migration\nCREATE TABLE three (id int);\n-- Down Migration\nDROP TABLE three;',
    );
    await fleet.migrate();
    await setZone('Pacific/Niue');
    await fleet.tenantMigration(
      '0004_four.sql',
      '-- Up Migration\nCREATE TABLE four (id int);\n-- Down Migration\nDROP TABLE four;',
    );
    expect((await fleet.migrate()).tenants).toMatchObject({ applied: 2, failed: 0 });
    expect(await fleet.applied('t1')).toEqual(['0001_projects', '0002_two', '0003_three', '0004_four']);
    expect((await fleet.migrate()).tenants).toMatchObject({ upToDate: 2, failed: 0 });
    expect((await undo(1)).tenants).toMatchObject({ rolledBack: 1 });
    expect(await fleet.tables('t1')).toEqual(['pgmigrations', 'projects', 'three', 'two']);
  });

  describe('before they were recorded in this way', () => {
    beforeEach(async () => {
      await fleet.tenantMigration(
        '0003_three.sql',
        '-- Up Migration\nCREATE TABLE three (id int);\n-- Down Migration\nDROP TABLE three;',
      );
      await fleet.migrate();
    });
    const goBack = () =>
      database.query(`UPDATE t1.pgmigrations SET run_on = run_on - interval '8 hours' WHERE name = '0003_three'`);
    /** Applied in another order than that of the files. */
    const reorder = () =>
      database.query(
        `UPDATE t1.pgmigrations SET id = 100, run_on = run_on + interval '1 hour' WHERE name = '0002_two'`,
      );

    it('a rollback undoes nothing, rather than another migration than the last', async () => {
      await goBack();
      const report = await undo(1);
      expect(report.results).toMatchObject([
        {
          tenant: 't1',
          status: 'failed',
          error: { code: 'TENANT_OUT_OF_ORDER', suggestions: [expect.stringContaining('doctor --fix')] },
        },
      ]);
      expect(await fleet.applied('t1')).toHaveLength(3);
    });

    it('doctor --fix puts the times in order', async () => {
      await goBack();
      await database.query(`UPDATE public.pgmigrations SET run_on = run_on`);
      const before = (await doctor(await fleet.project())).checks.find(({ name }) => name === 'tenant-migrations');
      expect(before).toMatchObject({ ok: false, items: [expect.stringMatching(/^t1: applied in order, with times/)] });
      const after = (await doctor(await fleet.project(), { fix: true })).checks;
      expect(after.find(({ name }) => name === 'tenant-migrations')).toMatchObject({ ok: true, fixed: true });
      expect(await fleet.applied('t1')).toEqual(['0001_projects', '0002_two', '0003_three']);
      expect((await undo(1)).tenants).toMatchObject({ rolledBack: 1 });
      expect(await fleet.tables('t1')).toEqual(['pgmigrations', 'projects', 'two']);
    });

    it('what was really applied out of order is told apart, stays, and can be undone', async () => {
      await reorder();
      const check = (await doctor(await fleet.project(), { fix: true })).checks.find(
        ({ name }) => name === 'tenant-migrations',
      );
      expect(check).toMatchObject({ ok: false, items: ['t1: 0003_three is applied where the files have 0002_two'] });
      expect((await undo(1)).tenants).toMatchObject({ rolledBack: 1 });
      expect(await fleet.tables('t1')).toEqual(['pgmigrations', 'projects', 'three']);
    });
  });
});
