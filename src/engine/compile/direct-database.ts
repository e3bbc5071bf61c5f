import type { QueryConfig, QueryResult } from 'pg';

import { isPlainQuery, RunningQueries } from '../../db/lend-client.js';
import { TenantsError } from '../../errors/tenants-error.js';
import { assertDirectSql, type DirectRules } from '../sql/rules/direct-sql.js';
import type { SqlContext } from '../sql/types.js';

/** The lane's connection, as far as a direct migration needs it. */
export type DirectClient = {
  query(textOrConfig: unknown, values?: unknown): Promise<QueryResult>;
};

/** What a direct migration finds as `pgm.db`, and what its SQL is sent through. */
export type DirectDatabase = {
  /** @param line of the migration's file, where the text was made */
  query(textOrConfig: unknown, values?: unknown, line?: number): Promise<QueryResult | QueryResult[]>;
  select(textOrConfig: unknown, values?: unknown): Promise<unknown[]>;
  /** Sends one statement that has been examined. */
  send(sql: string): Promise<void>;
  /** A query is being answered at this moment. */
  isBusy(): boolean;
  /** Waits for queries that the migration did not wait for, and throws the error of one that failed. */
  settled(): Promise<void>;
};

/**
 * Lets a migration query its tenant's connection, each text examined before it is sent.
 *
 * As with node-postgres, a text of several statements gives an array of results; they are sent one by one. A query's
 * `name` is dropped: prepared statements would outlive the tenant.
 */
export function createDirectDatabase(
  client: DirectClient,
  context: SqlContext,
  rules: DirectRules | undefined,
  onStatement: ((sql: string, line?: number) => void) | undefined,
): DirectDatabase {
  const running = new RunningQueries();

  const deliver = async (
    textOrConfig: unknown,
    values: unknown,
    firstLine: number | undefined,
  ): Promise<QueryResult | QueryResult[]> => {
    const { name: _name, ...config } = toConfig(textOrConfig, context);
    const results: QueryResult[] = [];
    const place = firstLine === undefined ? context : { ...context, firstLine };
    for (const { sql, line } of assertDirectSql(config.text, place, rules)) {
      onStatement?.(sql, line);
      results.push(await client.query({ ...config, text: sql }, values));
    }
    return results[0] !== undefined && results.length === 1 ? results[0] : results;
  };

  const query: DirectDatabase['query'] = (textOrConfig, values, line) =>
    running.add(deliver(textOrConfig, values, line));

  return {
    query,
    select: (textOrConfig, values) => {
      const rows = query(textOrConfig, values).then((answer) => (answer as QueryResult).rows as unknown[]);
      rows.catch(() => undefined);
      return rows;
    },
    send: async (sql) => {
      onStatement?.(sql);
      await client.query(sql);
    },
    isBusy: () => running.busy,
    settled: () => running.settled(),
  };
}

/** Plain texts and plain objects alone: the text of a cursor or a stream could not be exchanged for the examined one. */
function toConfig(textOrConfig: unknown, { migration, file }: SqlContext): QueryConfig {
  if (typeof textOrConfig === 'string') return { text: textOrConfig };
  if (isPlainQuery(textOrConfig)) return textOrConfig;
  throw new TenantsError(
    'MIGRATION_REFUSED',
    `Migration ${migration} sent something that is neither a text nor a plain object with one.`,
    { migration, file, suggestions: ['Give pgm.db.query() a text, or an object with `text` and `values`.'] },
  );
}
