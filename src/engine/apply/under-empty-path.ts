import type { Client } from 'pg';

import { BatchError, type BatchItem, sendBatch } from '../../db/batch.js';

/**
 * Runs a query of ours inside the transaction of a tenant, under an empty search path, and puts back the path that was in force:
 * nobody who may create in a schema of the tenant's path can put a function or an operator in the place of PostgreSQL's. One
 * round trip. When the query fails the transaction is aborted, and its path with it.
 *
 * @returns the rows, values as text
 */
export async function underEmptyPath(client: Client, item: BatchItem): Promise<(string | null)[][]> {
  try {
    const answers = await sendBatch(client, [ENTER, item, LEAVE]);
    return answers[1]?.rows ?? [];
  } catch (error) {
    throw error instanceof BatchError ? error.cause : error;
  }
}

const ENTER: BatchItem = {
  text: `SELECT pg_catalog.set_config('tenants.path', pg_catalog.current_setting('search_path'), true), pg_catalog.set_config('search_path', '', true)`,
};
const LEAVE: BatchItem = {
  text: `SELECT pg_catalog.set_config('search_path', pg_catalog.current_setting('tenants.path'), true)`,
};
