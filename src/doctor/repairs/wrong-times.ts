import { qualified } from '../../db/identifiers.js';
import { asOwner, changeTenant } from '../../lifecycle/change-transaction.js';
import { schemasWithWrongTimes } from '../checks/wrong-times.js';
import type { DoctorOptions, Examination, Repair } from '../types.js';

/** Gives migrations that were applied in order times that are in order, too: none earlier than that of the row before it. */
async function repairTimes(
  exam: Examination,
  { cancel }: DoctorOptions,
  isMeant: (schema: string) => boolean,
): Promise<Repair[]> {
  const { project } = exam;
  const repairs: Repair[] = [];
  for (const schema of await schemasWithWrongTimes(exam)) {
    if (!isMeant(schema)) continue;
    const table = qualified(schema, project.migrationsTable);
    const run = async (): Promise<void> => {
      const { client } = exam;
      await changeTenant(project, client, {
        locks: [schema],
        purpose: `doctor --fix ${schema}`,
        tenant: schema,
        undone: 'Nothing was changed',
        cancel,
        work: () =>
          asOwner(client, project.role, async () => {
            await client.query(
              `UPDATE ${table} t SET run_on = o.time
                 FROM (SELECT id, max(run_on) OVER (ORDER BY id) AS time FROM ${table}) o
                WHERE t.id = o.id AND t.run_on <> o.time`,
            );
          }),
        isDone: async (other) => !(await schemasWithWrongTimes({ ...exam, client: other })).has(schema),
      });
    };
    repairs.push({
      done: `put the times in "${schema}"."${project.migrationsTable}" in order`,
      undone: `the times in "${schema}"."${project.migrationsTable}" were not put in order`,
      run,
    });
  }
  return repairs;
}

/** The same, for the shared schema alone. */
export async function repairSharedTimes(exam: Examination, options: DoctorOptions): Promise<Repair[]> {
  return await repairTimes(exam, options, (schema) => schema === exam.project.shared.schema);
}

/** The same, for tenants alone. */
export async function repairTenantTimes(exam: Examination, options: DoctorOptions): Promise<Repair[]> {
  return await repairTimes(exam, options, (schema) => schema !== exam.project.shared.schema);
}
