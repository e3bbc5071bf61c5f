import type { Client, ClientConfig } from 'pg';

import { type SerializedError, serializeError } from '../errors/serialize.js';
import { TenantsError } from '../errors/tenants-error.js';
import type { Project } from '../project/project.js';
import { type ListReading, readAppliedLists } from './applied-lists.js';

/** One schema as the survey saw it. */
export type SurveyedSchema = {
  schema: string;
  /** `null`: there is no such schema. */
  oid: number | null;
  tableExists: boolean;
  /** Oldest first; empty where there is no migrations table. */
  applied: string[];
  /** The migrations table is there but cannot be read. */
  error?: SerializedError;
};

/**
 * Reads where schemas stand: one catalog query, then their migrations tables in batches. Reads only.
 *
 * @param reading.connections how many connections may be used; more than the given one are opened for large fleets alone.
 */
export async function surveySchemas(
  client: Client,
  database: ClientConfig,
  schemas: readonly string[],
  table: string,
  reading: ListReading,
): Promise<SurveyedSchema[]> {
  const places = await readPlaces(client, schemas, table);
  const readable = places
    .filter((place) => place.tableOid !== null && place.readable && !place.odd)
    .map(({ schema }) => schema);
  const lists = await readAppliedLists(client, database, readable, table, reading);
  return places.map((place) => {
    const base = { schema: place.schema, oid: place.oid, tableExists: place.tableOid !== null, applied: [] };
    if (place.oid !== null && !place.readable) return { ...base, error: serializeError(noAccess(place.schema)) };
    if (place.odd) return { ...base, error: serializeError(oddColumns(place.schema, table)) };
    const list = lists.get(place.schema);
    if (list === undefined) return base;
    return 'error' in list ? { ...base, error: list.error } : { ...base, applied: list.applied };
  });
}

/** The same of one schema. */
export async function surveySchema(
  client: Client,
  { database, migrationsTable }: Project,
  schema: string,
): Promise<SurveyedSchema> {
  const [surveyed] = await surveySchemas(client, database, [schema], migrationsTable, { connections: 1 });
  if (surveyed === undefined) throw new Error(`The survey left the schema "${schema}" out.`);
  return surveyed;
}

type Place = { schema: string; oid: number | null; tableOid: number | null; readable: boolean; odd: boolean };

/** The OIDs from here on are those of what users have made (`FirstNormalObjectId`). */
const FIRST_USER_OID = 16_384;

async function readPlaces(client: Client, schemas: readonly string[], table: string): Promise<Place[]> {
  const { rows } = await client.query<Place>(
    `SELECT t.schema, n.oid, c.oid AS "tableOid",
            n.oid IS NULL OR (has_schema_privilege(n.oid, 'USAGE') AND (c.oid IS NULL OR has_table_privilege(c.oid, 'SELECT'))) AS readable,
            EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname IN ('id', 'name', 'run_on')
                       AND a.atttypid >= ${FIRST_USER_OID}) AS odd
       FROM unnest($1::text[]) WITH ORDINALITY AS t (schema, position)
       LEFT JOIN pg_namespace n ON n.nspname::text = t.schema
       LEFT JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = $2::text::name AND c.relkind IN ('r', 'p')
      ORDER BY t.position`,
    [[...schemas], table],
  );
  return rows;
}

/** To read a column of someone's type can mean to call someone's function, a cast for instance. */
function oddColumns(schema: string, table: string): TenantsError {
  return new TenantsError(
    'TENANT_UNREADABLE',
    `The columns of "${schema}"."${table}" are of types that are not PostgreSQL's own, so it is not read.`,
    { tenant: schema, suggestions: ['Look who made this table; node-pg-migrate makes it with other types.'] },
  );
}

function noAccess(schema: string): TenantsError {
  return new TenantsError(
    'TENANT_UNREADABLE',
    `The database user may not read the schema "${schema}" or its migrations table.`,
    {
      tenant: schema,
      suggestions: ['Grant the user USAGE on the schema and the rights on its tables, or migrate as their owner.'],
    },
  );
}
