import type { Task } from './types.js';

/** Schemas that one statement of a survey reads. */
const BATCH = 200;

const DIGEST = "md5(string_agg(name, ',' ORDER BY run_on, id))";

/** Everything one tenant is sent: what differs, then what is the same for all. */
export type ReadyMade = { texts: string[]; body: string };

/** All migrations tables, in statements that join many of them. */
export function surveyByUnion({ tenants }: Task): ReadyMade {
  const texts = batches(tenants).map((batch) =>
    batch.map((tenant) => `SELECT '${tenant}', count(*), ${DIGEST} FROM ${tenant}.pgmigrations`).join(' UNION ALL '),
  );
  return { texts, body: ';\n' };
}

/** All migrations tables, in a loop inside the server. */
export function surveyByXml({ tenants }: Task): ReadyMade {
  const inner = `format('SELECT count(*) AS n, ${DIGEST.replaceAll("'", "''")} AS d FROM %I.pgmigrations', schema)`;
  const texts = batches(tenants).map(
    (batch) =>
      `SELECT schema, (xpath('/row/n/text()', x))[1]::text, (xpath('/row/d/text()', x))[1]::text
         FROM (SELECT schema, query_to_xml(${inner}, false, true, '') AS x FROM unnest('{${batch.join(',')}}'::text[]) AS schema) AS looked`,
  );
  return { texts, body: ';\n' };
}

/** Whole transactions with migrations and bookkeeping, one for each tenant. */
export function transactions({ scenario, tenants, pending }: Task): ReadyMade {
  const texts = tenants.map((tenant) =>
    [
      'BEGIN;',
      scenario === 'create' ? `INSERT INTO tenants (schema_name) VALUES ('${tenant}'); CREATE SCHEMA ${tenant};` : '',
      `SET LOCAL search_path TO ${tenant}, public;\n`,
    ].join(' '),
  );
  const body = [
    scenario === 'one'
      ? ''
      : 'CREATE TABLE pgmigrations (id SERIAL PRIMARY KEY, name varchar(255) NOT NULL, run_on timestamp NOT NULL);',
    ...pending.map(({ name, sql }) => `${sql}\nINSERT INTO pgmigrations (name, run_on) VALUES ('${name}', NOW());`),
    'COMMIT;\n',
  ].join('\n');
  return { texts, body };
}

function batches(tenants: readonly string[]): string[][] {
  return Array.from({ length: Math.ceil(tenants.length / BATCH) }, (_, index) =>
    tenants.slice(index * BATCH, (index + 1) * BATCH),
  );
}
