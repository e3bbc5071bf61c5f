import type { Client } from 'pg';

import { type BatchItem, sendBatch } from '../../db/batch.js';
import { qualified, quoteIdentifier } from '../../db/identifiers.js';
import { lockGuard } from '../../engine/apply/guards.js';
import type { EngineLane } from '../../engine/apply/lane.js';
import { raise } from '../../engine/apply/raise.js';
import { TenantsError } from '../../errors/tenants-error.js';
import type { Project } from '../../project/project.js';
import { describeMention, findMentionsWithin } from '../mentions/find-mentions.js';
import { namespaceOf } from '../schema-contents.js';
import { markStatement, newPoolName, type PoolMark, PREFIX } from './mark.js';

/** A plan that a lane carries out, and what it makes. */
export type PoolWork = { planId: string; mark: PoolMark };

/**
 * Makes a schema of the pool. It is marked as unfinished until it is known that nothing in it names it.
 *
 * @throws TenantsError what failed, after removing what was made.
 */
export async function makeSchema(lane: EngineLane, client: Client, project: Project, work: PoolWork): Promise<void> {
  const schema = newPoolName();
  await sendBatch(client, [
    ...ownerTransaction(project, schema),
    { text: `CREATE SCHEMA ${quoteIdentifier(schema)}` },
    { text: markStatement(schema, { ...work.mark, files: null }) },
  ]);
  const oid = await namespaceOf(client, schema);
  if (oid === undefined) throw new TenantsError('UNEXPECTED', `The schema "${schema}" was dropped by another process.`);
  try {
    await updateSchema(lane, client, project, { schema, oid }, work);
  } catch (error) {
    await dropSchema(client, project, schema).catch(() => undefined);
    throw error;
  }
}

/** Applies what a schema of the pool lacks, and marks it as ready. */
export async function updateSchema(
  lane: EngineLane,
  client: Client,
  project: Project,
  { schema, oid }: { schema: string; oid: number },
  { planId, mark }: PoolWork,
): Promise<void> {
  const assignment = { tenant: schema, planId, schemaOid: oid };
  const result = await lane.apply(assignment, { prelude: [], postlude: [NOTHING_SHARED_WRITTEN] });
  if (result.status === 'notExecuted') throw new TenantsError('INTERRUPTED', 'It was canceled.');
  if (result.status !== 'applied') {
    if (lane.lastFailure?.place.step === 'postlude') throw writesElsewhere();
    const failed = result.status === 'failed' ? result.error : undefined;
    throw new TenantsError('MIGRATION_FAILED', failed?.message ?? `it ended as ${result.status}`, {
      ...(failed?.migration === undefined ? {} : { migration: failed.migration }),
      cause: lane.lastFailure?.error,
    });
  }
  const [mention] = await findOwnName(client, project, schema);
  if (mention !== undefined) {
    throw new TenantsError('SCHEMA_MENTIONED', `the schema's name gets into it. ${mention}`);
  }
  await sendBatch(client, [...ownerTransaction(project, schema), { text: markStatement(schema, mark) }]);
}

/** Removes a schema of the pool; nothing to do if it has been claimed, and thus has another name. Throws if somebody is at work on it. */
export async function dropSchema(client: Client, project: Project, schema: string): Promise<void> {
  await sendBatch(client, [
    ...ownerTransaction(project, schema),
    { text: `DROP SCHEMA IF EXISTS ${quoteIdentifier(schema)} CASCADE` },
  ]);
}

/** The batch is one transaction: lanes share the connection, and nothing of another may come between its statements. */
function ownerTransaction({ role }: Project, schema: string): BatchItem[] {
  return [
    lockGuard(schema),
    ...(role === undefined ? [] : [{ text: `SELECT pg_catalog.set_config('role', $1, true)`, values: [role] }]),
  ];
}

/**
 * Rows of shared tables that a migration writes for each tenant would be about a tenant of this name. The server's counters may still
 * have what the connection did in its last transactions, which were about other schemas of the pool.
 */
const NOTHING_SHARED_WRITTEN: BatchItem = {
  text: `SELECT CASE WHEN EXISTS (SELECT FROM pg_catalog.pg_stat_xact_user_tables s
        WHERE NOT pg_catalog.starts_with(s.schemaname::pg_catalog.text, '${PREFIX}') AND s.n_tup_ins OPERATOR(pg_catalog.+) s.n_tup_upd OPERATOR(pg_catalog.+) s.n_tup_del OPERATOR(pg_catalog.>) 0)
      THEN ${raise('shared rows')} ELSE 1 END`,
};

function writesElsewhere(): TenantsError {
  return new TenantsError('MIGRATION_FAILED', 'the migrations write rows into tables outside of the schema');
}

/** Whatever in a schema names it by text, in words. A name of the pool is in no other text. */
async function findOwnName(client: Client, { migrationsTable }: Project, schema: string): Promise<string[]> {
  const mentions = await findMentionsWithin(client, schema, new Set());
  if (mentions.length > 0) return mentions.map((mention) => describeMention(mention));
  const comments = await client.query<{ object: string }>(
    `SELECT pg_describe_object(d.classoid, d.objoid, d.objsubid) AS object FROM pg_description d
      WHERE strpos(d.description, $1) > 0 AND (d.classoid, d.objoid) IN (
        SELECT p.classid, p.objid FROM pg_depend p WHERE p.refclassid = 'pg_namespace'::regclass
           AND p.refobjid = (SELECT oid FROM pg_namespace WHERE nspname = $1::name))`,
    [schema],
  );
  if (comments.rows.length > 0) return comments.rows.map(({ object }) => `The comment on ${object} mentions it.`);
  const { rows: tables } = await client.query<{ table: string }>(
    `SELECT c.relname::text AS table FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE n.nspname = $1 AND c.relkind = 'r' AND c.relname <> $2 ORDER BY 1`,
    [schema, migrationsTable],
  );
  if (tables.length === 0) return [];
  const looks = tables.map(
    ({ table }, index) =>
      `SELECT ${index} AS n WHERE EXISTS (SELECT FROM ${qualified(schema, table)} t WHERE strpos(t::text, $1) > 0)`,
  );
  const found = await client.query<{ n: number }>(looks.join(' UNION ALL '), [schema]);
  return found.rows.map(({ n }) => `A row of the table "${tables[n]?.table ?? ''}" mentions it.`);
}
