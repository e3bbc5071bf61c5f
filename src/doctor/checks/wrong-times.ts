import { qualified } from '../../db/identifiers.js';
import { inFileOrder } from '../../fleet/schema-state.js';
import type { Examination } from '../types.js';

/** Schemas that one statement reads. */
const BATCH_SIZE = 200;

/**
 * Schemas whose migrations were applied in the order of the files, as the numbers of their rows say, and whose times have
 * another order: a clock or a time zone went back. Only those are read whose times are not in the order of the files.
 */
export async function schemasWithWrongTimes({
  client,
  project,
  shared,
  fleet,
}: Pick<Examination, 'client' | 'project' | 'shared' | 'fleet'>): Promise<ReadonlySet<string>> {
  const wanted = new Map<string, string[]>();
  const look = (files: readonly string[], applied: readonly string[], schemas: readonly string[]): void => {
    const order = inFileOrder(files, applied);
    if (order !== undefined) for (const schema of schemas) wanted.set(schema, order);
  };
  if (shared.surveyed.error === undefined) {
    const files = shared.files.map(({ name }) => name);
    look(files, shared.surveyed.applied, [project.shared.schema]);
  }
  for (const { type, applied, members } of fleet?.cohorts ?? []) {
    const files = (fleet?.files.get(type) ?? []).map(({ name }) => name);
    look(
      files,
      applied,
      members.map(({ schema }) => schema),
    );
  }
  const found = new Set<string>();
  const schemas = [...wanted.keys()];
  for (let start = 0; start < schemas.length; start += BATCH_SIZE) {
    const batch = schemas.slice(start, start + BATCH_SIZE);
    const selects = batch.map(
      (schema, index) =>
        `SELECT ${index} AS i, ARRAY(SELECT name::text FROM ${qualified(schema, project.migrationsTable)} ORDER BY id) AS names`,
    );
    const { rows } = await client.query<{ i: number; names: string[] }>(selects.join(' UNION ALL '));
    for (const { i, names } of rows) {
      const schema = batch[i] ?? '';
      if (wanted.get(schema)?.join('\n') === names.join('\n')) found.add(schema);
    }
  }
  return found;
}
