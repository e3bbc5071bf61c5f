import type {
  KyselyPlugin,
  PluginTransformQueryArgs,
  PluginTransformResultArgs,
  QueryResult,
  RootOperationNode,
  UnknownRow,
} from 'kysely';

import { TenantsError } from '../../errors/tenants-error.js';
import { ROWS } from '../../registry/names.js';
import { TenantRowsTransformer } from './transformer.js';

export type TenantRowsOptions = {
  /** Tables that tenants share. */
  tables: readonly string[];
  /** The key of the tenant that the query is for: `() => tenancy.currentTenant()?.id`. */
  tenant: () => string | number | bigint | null | undefined;
  /** Column that says whose a row is. Default: `tenant_id`. */
  column?: string;
  /** Schema of the tables, for queries that name it. Default: `public`. */
  schema?: string;
};

/**
 * A plugin for Kysely that restricts every query to the rows of one tenant: it adds the condition to each select, update, delete
 * and join of the tables that tenants share, and the column to inserts. A planner that knows where a tenant's rows are then sees a
 * constant. The policies of the tables stay as the net under it: what is written with `sql` passes as it is.
 *
 * @example
 * const db = new Kysely<Database>({
 *   dialect: new PostgresDialect({ pool: tenancy.scopedPool() }),
 *   plugins: [tenantRows({ tables: ['customers', 'invoices'], tenant: () => tenancy.currentTenant()?.id })],
 * });
 */
export function tenantRows(options: TenantRowsOptions): KyselyPlugin {
  return new TenantRows(options);
}

class TenantRows implements KyselyPlugin {
  readonly #options: TenantRowsOptions;

  constructor(options: TenantRowsOptions) {
    this.#options = options;
  }

  /** @throws TenantsError USAGE without a tenant, and for what cannot be restricted to one. */
  transformQuery({ node }: PluginTransformQueryArgs): RootOperationNode {
    const { tables, tenant, column = ROWS.column, schema = 'public' } = this.#options;
    // Definitions are not about rows.
    if (/^(?:Create|Alter|Drop|Refresh)/.test(node.kind)) return node;
    const key = (): string | number | bigint => {
      const value = tenant();
      if (value !== undefined && value !== null && value !== '') return value;
      throw new TenantsError('USAGE', 'There is no tenant whose rows this query could be about.', {
        suggestions: ['Run it inside withTenant(tenant, work), and await it there.'],
      });
    };
    return new TenantRowsTransformer({ tables: new Set(tables), column, schema, key }).transformNode(node);
  }

  transformResult({ result }: PluginTransformResultArgs): Promise<QueryResult<UnknownRow>> {
    return Promise.resolve(result);
  }
}
