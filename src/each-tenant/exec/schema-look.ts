import pLimit from 'p-limit';
import type { Client } from 'pg';

import { closeClient, openClient } from '../../db/connect.js';
import type { DatabaseConfig } from '../../db/database-config.js';
import { isConnectionError } from '../../db/sqlstates.js';
import { TenantsError } from '../../errors/tenants-error.js';
import type { RegistryShape } from '../../registry/names.js';
import { assertProtected, readKey } from '../../row-tables/row-scope.js';
import { tenantsCommand } from '../../util/tenants-command.js';

/**
 * Looks whether schemas exist, one question after the other on one connection that is opened again when it breaks. Once the
 * database cannot be reached any more it is not tried again.
 */
export class SchemaLook {
  readonly #database: DatabaseConfig;
  readonly #oneByOne = pLimit(1);
  #client: Client | undefined;
  #unreachable: unknown;

  constructor(database: DatabaseConfig) {
    this.#database = database;
  }

  /** @throws TenantsError TENANT_UNREADABLE when there is no such schema; what a connection can answer. */
  async assertExists(schema: string): Promise<void> {
    if (await this.#oneByOne(() => this.#exists(schema))) return;
    throw new TenantsError(
      'TENANT_UNREADABLE',
      `The schema "${schema}" does not exist, or the database user has no USAGE on it.`,
      {
        tenant: schema,
        suggestions: [`To see which tenants have no schema, run: ${tenantsCommand('status')}`],
      },
    );
  }

  /**
   * The value that says which rows are a tenant's.
   *
   * @throws TenantsError USAGE when policies do not keep this user from the rows of others.
   */
  async keyOf(registry: RegistryShape, tenant: string): Promise<string> {
    return await this.#oneByOne(async () => {
      const client = await this.#connection();
      await client.query('SET row_security TO on');
      await assertProtected(client, registry, tenant);
      return await readKey(client, registry, tenant);
    });
  }

  async close(): Promise<void> {
    const client = this.#client;
    this.#client = undefined;
    if (client !== undefined) await closeClient(client);
  }

  async #exists(schema: string): Promise<boolean> {
    const fresh = this.#client === undefined;
    try {
      const { rows } = await (
        await this.#connection()
      ).query(`SELECT 1 FROM pg_namespace WHERE nspname = $1::text::name AND has_schema_privilege(oid, 'USAGE')`, [
        schema,
      ]);
      return rows.length > 0;
    } catch (error) {
      if (fresh || !isConnectionError(error)) throw error;
      await this.close();
      return await this.#exists(schema);
    }
  }

  async #connection(): Promise<Client> {
    if (this.#unreachable !== undefined) throw this.#unreachable;
    try {
      return (this.#client ??= await openClient(this.#database, 'exec'));
    } catch (error) {
      this.#unreachable = error;
      throw error;
    }
  }
}
