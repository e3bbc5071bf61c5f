import type { Client } from 'pg';

import { arrayLiteral } from '../../db/identifiers.js';
import { underEmptyPath } from './under-empty-path.js';

/**
 * What schemas hold, from tables to functions, types and operators: names by class and OID.
 *
 * `pg_depend` finds them by an index, so that this costs as much as the schemas hold, however many tenants there are.
 */
export type SharedObjects = ReadonlyMap<string, string>;

const OBJECTS = `SELECT d.classid, d.objid, d.xmin
  FROM pg_catalog.pg_depend d
 WHERE d.refclassid = 'pg_catalog.pg_namespace'::pg_catalog.regclass::oid
   AND d.refobjid IN (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = ANY ($1::text[]))`;

/** Catalogs whose rows change with an object, the column that holds the object's OID, and the catalog of the object. */
const ROWS: readonly [catalog: string, column: string, of: string][] = [
  ['pg_proc', 'oid', 'pg_proc'],
  ['pg_type', 'oid', 'pg_type'],
  ['pg_enum', 'enumtypid', 'pg_type'],
  ['pg_constraint', 'contypid', 'pg_type'],
  ['pg_operator', 'oid', 'pg_operator'],
  ['pg_opclass', 'oid', 'pg_opclass'],
  ['pg_opfamily', 'oid', 'pg_opfamily'],
  ['pg_amop', 'amopfamily', 'pg_opfamily'],
  ['pg_collation', 'oid', 'pg_collation'],
  ['pg_conversion', 'oid', 'pg_conversion'],
  ['pg_statistic_ext', 'oid', 'pg_statistic_ext'],
  ['pg_ts_config', 'oid', 'pg_ts_config'],
  ['pg_ts_config_map', 'mapcfg', 'pg_ts_config'],
  ['pg_ts_dict', 'oid', 'pg_ts_dict'],
];

function rowsOf([catalog, column, of]: (typeof ROWS)[number]): string {
  return `UNION ALL SELECT held.classid, held.objid, c.xmin FROM held JOIN pg_catalog.${catalog} c ON c.${column} = held.objid
         WHERE held.classid = 'pg_catalog.${of}'::pg_catalog.regclass::oid`;
}

/** Read before a transaction, to see later what it has dropped. */
export async function sharedObjects(client: Client, schemas: readonly string[]): Promise<SharedObjects> {
  const rows = await underEmptyPath(client, {
    text: `SELECT DISTINCT pg_catalog.format('%s %s', classid, objid) AS key, (pg_catalog.pg_identify_object(classid, objid, 0)).identity AS name
       FROM (${OBJECTS}) AS held`,
    values: [arrayLiteral(schemas)],
  });
  return new Map(rows.map(([key, name]) => [key ?? '', name ?? '']));
}

/**
 * Names of what the open transaction has created, changed or dropped in these schemas, and of schemas that it has dropped.
 *
 * Locks alone do not tell: `ALTER FUNCTION` and `CREATE FUNCTION` take none, and what was dropped cannot be looked up any
 * more. But a row that is visible although the transaction that wrote it is still in progress was written by this one or one
 * of its subtransactions (an `EXCEPTION` clause is one). A dropped object is gone, and this session holds its lock.
 *
 * Comments on objects, and changes of tables (which `changedOutside` sees), are not among them.
 */
export async function changedSharedObjects(
  client: Client,
  schemas: readonly string[],
  before: SharedObjects,
): Promise<string[]> {
  const rows = await underEmptyPath(client, {
    text: `WITH own AS MATERIALIZED (SELECT pg_catalog.pg_current_xact_id_if_assigned()::text::bigint AS xid),
     held AS MATERIALIZED (${OBJECTS}),
     written AS (
       SELECT classid, objid, xmin FROM held
       ${ROWS.map(rowsOf).join('\n       ')}
       UNION ALL SELECT 'pg_catalog.pg_namespace'::pg_catalog.regclass::oid, oid, xmin FROM pg_catalog.pg_namespace WHERE nspname = ANY ($1::text[])
     ),
     -- Transaction numbers have 32 bits in a row and 64 elsewhere; subtransactions have later ones than their transaction.
     since AS (
       SELECT classid, objid, xid + ((xmin::text::bigint - xid) & 4294967295) AS writer FROM written, own
        WHERE xmin::text::bigint > 2 AND ((xmin::text::bigint - xid) & 4294967295) < 2147483648
     )
     SELECT DISTINCT '' AS key, (pg_catalog.pg_identify_object(classid, objid, 0)).identity AS name
       FROM since WHERE pg_catalog.pg_xact_status(writer::text::xid8) = 'in progress'
     UNION ALL
     SELECT pg_catalog.format('%s %s', classid, objid),
            CASE WHEN classid = 'pg_catalog.pg_namespace'::pg_catalog.regclass::oid THEN 'another schema' END
       FROM (
         SELECT coalesce(classid, 'pg_catalog.pg_class'::pg_catalog.regclass::oid) AS classid, coalesce(objid, relation) AS objid
           FROM pg_catalog.pg_locks
          WHERE locktype IN ('object', 'relation') AND pid = pg_catalog.pg_backend_pid() AND mode = 'AccessExclusiveLock'
            AND database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())
       ) AS locked
      WHERE (classid, objid) NOT IN (
         SELECT classid, objid FROM held
         UNION ALL SELECT 'pg_catalog.pg_namespace'::pg_catalog.regclass::oid, oid FROM pg_catalog.pg_namespace
       )
     ORDER BY 2`,
    values: [arrayLiteral(schemas)],
  });
  return rows.flatMap(([key, name]) => name ?? before.get(key ?? '') ?? []);
}
