import { qualified } from '../../db/identifiers.js';
import { asOwner, changeTenant } from '../../lifecycle/change-transaction.js';
import { readTableKeys } from '../checks/migrations-tables.js';
import type { Repair } from '../types.js';
import type { DoctorOptions, Examination } from '../types.js';

/** Adds the primary key that node-pg-migrate creates. Rows that violate it are kept, and the repair fails for that table. */
export async function repairTables(exam: Examination, { cancel }: DoctorOptions): Promise<Repair[]> {
  const { project } = exam;
  const keyless = (await readTableKeys(exam)).filter(({ hasKey }) => !hasKey);
  return keyless.map(({ schema }) => {
    const table = qualified(schema, project.migrationsTable);
    return {
      done: `added the primary key of "${schema}"."${project.migrationsTable}"`,
      undone: `"${schema}"."${project.migrationsTable}" still has no primary key`,
      run: async () => {
        const { client } = exam;
        await changeTenant(project, client, {
          locks: [schema],
          purpose: `doctor --fix ${schema}`,
          tenant: schema,
          undone: 'Nothing was changed',
          cancel,
          work: () =>
            asOwner(client, project.role, async () => {
              await client.query(`ALTER TABLE ${table} ADD PRIMARY KEY (id)`);
            }),
          isDone: async (other) =>
            (await readTableKeys({ ...exam, client: other })).some((one) => one.schema === schema && one.hasKey),
        });
      },
    };
  });
}
