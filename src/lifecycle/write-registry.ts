import type { Client } from 'pg';

import type { BatchItem } from '../db/batch.js';
import { EMPTY_FOR_TRANSACTION, USERS_ROW_SECURITY } from '../db/empty-search-path.js';
import { searchPath } from '../db/identifiers.js';
import type { Project } from '../project/project.js';
import { send } from './change-transaction.js';

/** Sends statements that write to the registry in the transaction of a change, in one round trip. Throws as `send`. */
export async function writeRegistry(client: Client, project: Project, items: readonly BatchItem[]): Promise<void> {
  if (items.length > 0) await send(client, registryWrites(project, items));
}

/**
 * Statements that write to the registry, with what surrounds them in a transaction. Triggers of the registry's owner may rely
 * on the shared schema being searched; our own statements qualify every name.
 */
export function registryWrites({ shared, tenants }: Project, items: readonly BatchItem[]): BatchItem[] {
  const path = searchPath([shared.schema, ...tenants.extraSearchPath]);
  return [
    { text: `SET LOCAL search_path TO ${path}` },
    { text: USERS_ROW_SECURITY },
    ...items,
    { text: `SELECT ${EMPTY_FOR_TRANSACTION}` },
  ];
}
