import { escapeIdentifier, type Client } from 'pg';

import { sendBatch } from '../../src/db/batch.js';
import { registryMigration } from '../../src/registry/migration-template.js';
import type { RegistryShape } from '../../src/registry/names.js';
import { type NewTenant, registrationStatements } from '../../src/registry/registration.js';

/** Creates the shared schema and, by the text of the first shared migration, an empty registry; drops what was there. */
export async function createRegistry(client: Client, shape: RegistryShape): Promise<void> {
  const schema = escapeIdentifier(shape.schema);
  const [up] = registryMigration(shape).split('-- Down Migration');
  await client.query(`DROP SCHEMA IF EXISTS ${schema} CASCADE; CREATE SCHEMA ${schema}`);
  await client.query(`BEGIN; SET LOCAL search_path TO ${schema}; ${up}; COMMIT`);
}

/** Registers a tenant in a transaction of its own. */
export async function register(
  client: Client,
  shape: RegistryShape,
  tenant: Partial<NewTenant> & { schema: string },
): Promise<void> {
  const { name = null, type = null, status = 'active', extra = {}, domains = [], schema } = tenant;
  const items = registrationStatements(shape, { schema, name, type, status, extra, domains });
  try {
    await sendBatch(client, [{ text: 'BEGIN' }, ...items, { text: 'COMMIT' }]);
  } catch (error) {
    await client.query('ROLLBACK');
    throw error;
  }
}
