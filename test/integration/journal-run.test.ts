import { describe, expect, it } from 'vitest';

import { rollback } from '../../src/run/rollback.js';
import { useFleet } from '../support/fleet.js';

describe('the record of a run', () => {
  const fleet = useFleet({ tenants: ['t1', 't2', 't3'] });

  it('has the run, and the result of each tenant that was not up to date', async () => {
    await fleet.tenantMigration(
      '0002_check.sql',
      '-- Up Migration\nALTER TABLE projects ADD CHECK (name <> $$bad$$);\n-- Down Migration\nALTER TABLE projects DROP CONSTRAINT projects_name_check;\n',
    );
    await fleet.database.query(`INSERT INTO t2.projects (name) VALUES ('bad')`);
    const report = await fleet.migrate();
    expect(report.warnings).toEqual([]);
    const { rows: runs } = await fleet.database.query('SELECT * FROM tenants_journal.runs ORDER BY id');
    console.log(runs);
    const { rows: results } = await fleet.database.query('SELECT * FROM tenants_journal.results ORDER BY run, tenant');
    console.log(results);
    console.log((await fleet.database.query('SELECT * FROM tenants_journal.plans')).rows);
    expect(report.run).toBe(2);
    await rollback(await fleet.project(), { selection: { kind: 'tenants', names: ['t1'] } });
    console.log(
      (await fleet.database.query('SELECT * FROM tenants_journal.results ORDER BY run, tenant')).rows.slice(-1),
    );
  });
});
