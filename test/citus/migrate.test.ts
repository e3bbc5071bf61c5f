import { expect, it } from 'vitest';

import { describeCitus, useCitusFleet } from '../support/citus.js';

describeCitus('tenants of a Citus cluster', () => {
  const fleet = useCitusFleet();

  it('migrates schemas that were distributed by hand', async () => {
    const { database } = fleet();
    await fleet().create('local_one');
    await database.query(`SET citus.enable_schema_based_sharding TO on`);
    for (const schema of ['d1', 'd2', 'd3']) {
      await database.query(`CREATE SCHEMA ${schema}`);
      await database.query(`INSERT INTO public.tenants (schema_name) VALUES ($1)`, [schema]);
    }
    const report = await fleet().migrate();
    console.log(JSON.stringify(report.results, null, 1));
    expect(report.results).toMatchObject(['d1', 'd2', 'd3'].map((tenant) => ({ tenant, status: 'applied' })));
    await fleet().tenantMigration(
      '0002_two.sql',
      "ALTER TABLE projects ADD COLUMN size int; CREATE INDEX projects_size ON projects (size); INSERT INTO projects (name) VALUES ('x');",
    );
    const second = await fleet().migrate();
    expect(second.results).toMatchObject(
      ['d1', 'd2', 'd3', 'local_one'].map((tenant) => ({ tenant, status: 'applied' })),
    );
    expect(await fleet().applied('d2')).toEqual(['0001_projects', '0002_two']);
  });
});
