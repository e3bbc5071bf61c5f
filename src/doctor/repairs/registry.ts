import { qualified, quoteIdentifier } from '../../db/identifiers.js';
import { asOwner, changeTenant } from '../../lifecycle/change-transaction.js';
import { NOTIFY_FUNCTION, registryNotification } from '../../registry/migration-template.js';
import { readRegistryParts } from '../checks/registry-parts.js';
import type { Repair } from '../types.js';
import type { DoctorOptions, Examination } from '../types.js';

/** Restores the triggers as the registry's first migration creates them, in one transaction. */
export async function repairRegistry(exam: Examination, { cancel }: DoctorOptions): Promise<Repair[]> {
  const { project } = exam;
  const { registry, role } = project;
  const { triggers, functionExists, fromTemplate } = await readRegistryParts(exam.client, registry);
  const bad = triggers.filter(({ problem }) => problem !== undefined);
  if (!fromTemplate || bad.length === 0) return [];
  const tables = bad.map(({ table }) => `"${table}"`).join(' and ');
  const wanted = registryNotification(registry);
  const statements = bad.flatMap(({ table, problem }) => {
    const on = qualified(registry.schema, table);
    if (problem === 'disabled') return [`ALTER TABLE ${on} ENABLE TRIGGER ${NOTIFY_FUNCTION}`];
    const create = wanted.triggers.filter((one) => one.table === table).map(({ statement }) => statement);
    return [`DROP TRIGGER IF EXISTS ${NOTIFY_FUNCTION} ON ${on}`, ...create];
  });
  const undone = `the triggers of ${tables} were not restored`;
  const run = async (): Promise<void> => {
    const { client } = exam;
    await changeTenant(project, client, {
      locks: [registry.schema],
      purpose: 'doctor --fix',
      tenant: registry.schema,
      undone: 'Nothing was changed',
      cancel,
      work: () =>
        asOwner(client, role, async () => {
          // The template's names are unqualified and must resolve to the shared schema only.
          await client.query(`SET LOCAL search_path TO ${quoteIdentifier(registry.schema)}`);
          if (!functionExists) await client.query(wanted.createFunction);
          for (const statement of statements) await client.query(statement);
        }),
      isDone: async (other) =>
        (await readRegistryParts(other, registry)).triggers.every(({ problem }) => problem === undefined),
    });
  };
  return [{ done: `restored the triggers of ${tables}`, undone, run }];
}
