import type { Client, QueryConfig, QueryResult } from 'pg';

import { isPlainQuery, RunningQueries } from '../../db/lend-client.js';
import { TenantsError } from '../../errors/tenants-error.js';
import { oneAtATime } from '../../util/one-at-a-time.js';
import { analyzeSql } from '../sql/analyze-sql.js';
import type { HookClient } from './migrate-hooks.js';

/** A client that is lent to a hook, and what is known about its use. */
export type HookSession = {
  client: HookClient;
  /** The first error that the server, or the loss of the connection, answered a query with. */
  readonly failure: { error: Error; sql: string } | undefined;
  /** Waits for queries that the hook did not wait for, and throws the error of one that failed. */
  settled(): Promise<void>;
  /** From here on every query is refused; what was sent is waited for. */
  end(): Promise<void>;
};

/**
 * Lends a connection to a hook. `loadSqlParser` must have been awaited before.
 *
 * Each text is examined before it is sent. A query's `name` is dropped: prepared statements would outlive the tenant.
 */
export function lendClient(client: Client, hook: string): HookSession {
  const running = new RunningQueries();
  const inOrder = oneAtATime();
  let open = true;
  let failure: HookSession['failure'];

  const deliver = async (query: unknown, values: unknown): Promise<QueryResult> => {
    const config = toConfig(query, values, hook);
    assertStays(config.text, hook);
    return await inOrder(async () => {
      // A hook that was abandoned may have more queries waiting.
      if (!open) throw usedTooLate(hook);
      try {
        return (await client.query(config)) as QueryResult;
      } catch (error) {
        if (open) failure ??= { error: error as Error, sql: config.text };
        throw error;
      }
    });
  };

  const query = (text: unknown, values?: unknown, callback?: unknown): Promise<QueryResult> => {
    return running.add(open ? deliver(text, callback ?? values) : Promise.reject(warnOf(usedTooLate(hook))));
  };

  return {
    client: Object.freeze({ query: query as HookClient['query'] }),
    get failure() {
      return failure;
    },
    settled: () => running.settled(),
    end: async () => {
      open = false;
      await running.ended();
    },
  };
}

function toConfig(query: unknown, values: unknown, hook: string): QueryConfig {
  const given = typeof query === 'string' ? { text: query } : query;
  if (!isPlainQuery(given) || typeof values === 'function') {
    throw new TenantsError(
      'USAGE',
      `The hook ${hook} sent something that is neither a text nor a plain object with one.`,
      {
        hook,
        suggestions: [
          'Give client.query() a text, or an object with `text` and `values`, and await the promise it returns.',
        ],
      },
    );
  }
  const config: QueryConfig = { text: given.text, values: (values ?? given.values) as unknown[] };
  for (const key of PASSED_ON) if (given[key] !== undefined) Object.assign(config, { [key]: given[key] });
  return config;
}

/** How rows are read. Callbacks and what makes an object a query of its own stay behind. */
const PASSED_ON = ['rowMode', 'types'] as const;

/** Transaction control would commit a half of the tenant's migrations, or end what the others rely on. */
function assertStays(text: string, hook: string): void {
  const { refusals, droppedTransaction } = analyzeSql(text, { migration: hook, file: hook });
  const reason = droppedTransaction ? 'BEGIN and COMMIT would end it' : refusals[0]?.reason;
  if (reason === undefined) return;
  throw new TenantsError(
    'USAGE',
    `The hook ${hook} sent SQL that must not reach the transaction of a tenant: ${reason.replace(/\.$/, '')}.`,
    {
      hook,
      statement: text,
      suggestions: ['For a part that can fail alone, use SAVEPOINT and ROLLBACK TO SAVEPOINT.'],
    },
  );
}

function usedTooLate(hook: string): TenantsError {
  return new TenantsError('USAGE', `The client of the hook ${hook} was used after the hook had ended.`, {
    hook,
    suggestions: ['Await everything that uses the client inside the hook.'],
  });
}

/** Often nobody waits for an answer any more, and what was to be written would be missed in silence. */
function warnOf(error: TenantsError): TenantsError {
  process.emitWarning(`${error.message} Nothing was sent.`);
  return error;
}
