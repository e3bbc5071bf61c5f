import type { Client } from 'pg';

import { BatchError, sendBatch } from '../db/batch.js';
import { qualified, quoteIdentifier } from '../db/identifiers.js';
import { assertTransactions } from '../db/own-session.js';
import { isServerError } from '../errors/serialize.js';
import { TenantsError } from '../errors/tenants-error.js';
import type { Project } from '../project/project.js';

/** How long a condition may take where the configuration sets no limit, in ms. */
const LIMIT_MS = 30_000;

/**
 * The names of the tenants for which a condition on the tenant table is true. It is evaluated in a read-only transaction of its
 * own, under an empty search path: what is not PostgreSQL's own, or a column of the table, needs its schema.
 *
 * @param where one SQL expression
 * @throws TenantsError USAGE when it is not one, or when the server refuses it.
 */
export async function readMatching(
  client: Client,
  { registry, statementTimeoutMs }: Pick<Project, 'registry' | 'statementTimeoutMs'>,
  where: string,
): Promise<Set<string>> {
  const { parseCondition } = await import('../engine/sql/parse-condition.js');
  const condition = await parseCondition(where);
  const { table, columns } = registry.tenants;
  await assertTransactions(client);
  try {
    const answers = await sendBatch(client, [
      { text: 'BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY' },
      {
        text: `SELECT pg_catalog.set_config('search_path', '', true), pg_catalog.set_config('statement_timeout', $1, true)`,
        values: [`${statementTimeoutMs === 0 ? LIMIT_MS : statementTimeoutMs}ms`],
      },
      {
        text: `SELECT ${quoteIdentifier(columns.schemaName)}::pg_catalog.text FROM ${qualified(registry.schema, table)}
 WHERE (${condition}\n)`,
      },
      { text: 'ROLLBACK' },
    ]);
    return new Set((answers[2]?.rows ?? []).flatMap(([name]) => name ?? []));
  } catch (error) {
    await client.query('ROLLBACK').catch(() => undefined);
    throw failure(where, error instanceof BatchError ? error.cause : error);
  }
}

function failure(where: string, cause: unknown): unknown {
  // Classes 08 and 57 are about the connection and the server.
  if (!isServerError(cause) || /^(?:08|57P)/.test(cause.code)) return cause;
  const { code, message } = cause;
  return new TenantsError('USAGE', `The condition ${JSON.stringify(where)} cannot be evaluated: ${message}.`, {
    sqlstate: code,
    suggestions: [
      'It may use the columns of the tenant table. Functions and tables of your own need their schema: public.is_paying(id)',
    ],
    cause,
  });
}
