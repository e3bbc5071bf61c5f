import { qualified } from '../../db/identifiers.js';
import { asOwner, changeTenant } from '../../lifecycle/change-transaction.js';
import { readTableKeys } from '../checks/migrations-tables.js';
import type { Repair } from '../types.js';
import type { DoctorOptions, Examination } from '../types.js';

/** Gives migrations tables the primary key that node-pg-migrate gives them; rows that are in its way stay, and are told. */
export async function repairTables(exam: Examination, { cancel }: DoctorOptions): Promise<Repair[]> {
  const { project } = exam;
  const keyless = (await readTableKeys(exam)).filter(({ hasKey }) => !hasKey);
  return keyless.map(({ schema }) => {
    const table = qualified(schema, project.migrationsTable);
    return {
      done: `added the primary key of "${schema}"."${project.migrationsTable}"`,
      undone: `"${schema}"."${project.migrationsTable}" has no primary key still`,
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
