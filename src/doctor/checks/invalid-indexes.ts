import { hasOwnSchema } from '../../registry/list.js';
import type { Examination } from '../types.js';

/**
 * Why an index is invalid, which decides what to do about it: `leftover` of an interrupted REINDEX CONCURRENTLY; `pending`:
 * a pending migration may still have to build it; `built`: invalid although its migration is recorded; `partitioned`: until
 * an index of each partition is attached.
 */
export type InvalidIndex = {
  /** Schema of the table. */
  schema: string;
  /** Schema of the index, which differs for the index of a TOAST table. */
  namespace: string;
  name: string;
  kind: 'leftover' | 'pending' | 'built' | 'partitioned';
};

/**
 * Finds the invalid indexes of the shared schema and of all tenants, in one query. Indexes that someone is at work on are
 * not among them: a table on which an index is being built, and an index that is locked as for dropping it.
 *
 * Without special privileges, pg_stat_progress_create_index shows only that another user's build exists; the locks of that
 * process show which table it is about.
 */
export async function readInvalidIndexes({ client, project, shared, fleet }: Examination): Promise<InvalidIndex[]> {
  const registered = (fleet?.registered ?? []).filter((tenant) => hasOwnSchema(project.registry, tenant));
  const schemas = [project.shared.schema, ...registered.map(({ schema }) => schema)];
  const { rows } = await client.query<{
    schema: string;
    namespace: string;
    name: string;
    kind: string;
    bound: boolean;
  }>(
    `SELECT n.nspname::text AS schema, xn.nspname::text AS namespace, x.relname::text AS name, x.relkind AS kind,
            EXISTS (SELECT FROM pg_constraint WHERE conindid = x.oid) AS bound
       FROM pg_index i
       JOIN pg_class x ON x.oid = i.indexrelid
       JOIN pg_namespace xn ON xn.oid = x.relnamespace
       JOIN pg_class t ON t.oid = i.indrelid
       LEFT JOIN LATERAL (SELECT oid, relnamespace FROM pg_class WHERE reltoastrelid = t.oid) o ON t.relkind = 't'
       JOIN pg_namespace n ON n.oid = coalesce(o.relnamespace, t.relnamespace)
      WHERE NOT i.indisvalid AND n.nspname::text = ANY ($1::text[])
        AND NOT EXISTS (SELECT FROM pg_stat_progress_create_index p JOIN pg_locks l ON l.pid = p.pid
                         WHERE l.locktype = 'relation' AND l.mode = 'ShareUpdateExclusiveLock'
                           AND l.relation IN (i.indrelid, o.oid))
        AND NOT EXISTS (SELECT FROM pg_locks l
                         WHERE l.locktype = 'relation' AND l.relation = x.oid AND l.granted
                           AND l.mode IN ('ShareUpdateExclusiveLock', 'AccessExclusiveLock'))
      ORDER BY array_position($1::text[], n.nspname::text), x.relname`,
    [schemas],
  );
  const behind = schemasBehind({ project, shared, fleet });
  return rows.map(({ schema, namespace, name, kind, bound }) => ({
    schema,
    namespace,
    name,
    kind: invalidIndexKind({ name, kind, bound, pending: behind.has(schema) }),
  }));
}

/** Schemas in which at least one migration file is not applied. */
function schemasBehind({ project, shared, fleet }: Pick<Examination, 'project' | 'shared' | 'fleet'>): Set<string> {
  const lacks = (files: readonly { name: string }[], applied: readonly string[]): boolean => {
    const done = new Set(applied);
    return files.some(({ name }) => !done.has(name));
  };
  const tenants = (fleet?.cohorts ?? []).filter(({ type, applied }) => lacks(fleet?.files.get(type) ?? [], applied));
  return new Set([
    ...(lacks(shared.files, shared.surveyed.applied) ? [project.shared.schema] : []),
    ...tenants.flatMap(({ members }) => members.map(({ schema }) => schema)),
  ]);
}

/** Pure. */
export function invalidIndexKind(index: {
  name: string;
  kind: string;
  bound: boolean;
  pending: boolean;
}): InvalidIndex['kind'] {
  if (index.kind === 'I') return 'partitioned';
  // REINDEX CONCURRENTLY builds `_ccnew` next to the index and renames the old one to `_ccold`; never bound to a constraint.
  if (/_cc(?:new|old)\d*$/.test(index.name) && !index.bound) return 'leftover';
  return index.pending ? 'pending' : 'built';
}
