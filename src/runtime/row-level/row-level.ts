import type { Pool } from 'pg';

import { qualified } from '../../db/identifiers.js';
import { UNPROTECTED_ADVICE, UNPROTECTED_TABLES, unprotectedText } from '../../db/row-security.js';
import { TenantsError } from '../../errors/tenants-error.js';
import { type RegistryShape, ROWS, ROWS_TYPE, type RowsShape, SETTING_FORM } from '../../registry/names.js';
import { camelCase } from '../registry-queries.js';
import type { TenancyOptions, Tenant } from '../types.js';

/** The setting that says which rows a transaction is about; an empty value is nobody's. */
export type TenantSetting = { readonly name: string; readonly value: string };

/** Tenants that share tables: which they are, and how a connection is led to the rows of one. */
export class RowLevel {
  readonly #pool: Pool;
  readonly #shape: RegistryShape;
  readonly #rows: RowsShape;
  /** The look at the database user, once it has succeeded or while it goes on. */
  #protected: Promise<void> | undefined;

  constructor(pool: Pool, shape: RegistryShape, rows: RowsShape) {
    this.#pool = pool;
    this.#shape = shape;
    this.#rows = rows;
  }

  has({ type }: Pick<Tenant, 'type'>): boolean {
    return type !== null && this.#rows.types.includes(type);
  }

  /** The schema of the shared tables. */
  get schema(): string {
    return this.#rows.schema;
  }

  /**
   * What a transaction of this tenant sets. For one that has a schema of its own, what the connection may have been set to before
   * is taken away.
   *
   * @throws TenantsError USAGE for a tenant without a key.
   */
  settingOf(tenant: Tenant): TenantSetting {
    const { setting: name, key } = this.#rows;
    if (!this.has(tenant)) return { name, value: '' };
    const isId = key === this.#shape.tenants.columns.id;
    const value: unknown = isId ? tenant.id : Reflect.get(tenant, camelCase(key));
    if (['string', 'number', 'bigint'].includes(typeof value) && value !== '') return { name, value: String(value) };
    throw new TenantsError(
      'USAGE',
      `The tenant "${tenant.schemaName}" has no value in the column "${key}" of the tenant table, which its rows refer to.`,
      { tenant: tenant.schemaName },
    );
  }

  /**
   * Refuses a database user for whom policies do not hold. The answer is kept once it is the right one.
   *
   * @throws TenantsError CONFIG_INVALID
   */
  async assertProtected(): Promise<void> {
    const look = (this.#protected ??= this.#look());
    try {
      await look;
    } catch (error) {
      this.#protected = undefined;
      throw error;
    }
  }

  async #look(): Promise<void> {
    const { schema, tenants, domains } = this.#shape;
    const registry = [tenants.table, ...(domains === null ? [] : [domains.table])];
    const values = [this.#rows.schema, this.#rows.column, schema, registry];
    const { rows } = await this.#pool.query<{ name: string; user: string }>(
      `SELECT name, current_user::pg_catalog.text AS user FROM (${UNPROTECTED_TABLES}) AS unprotected`,
      values,
    );
    if (rows.length === 0) return;
    const names = rows.map(({ name }) => name);
    throw new TenantsError('CONFIG_INVALID', unprotectedText(rows[0]?.user ?? '', names), {
      suggestions: UNPROTECTED_ADVICE,
    });
  }
}

/**
 * Reads what `createTenancy` was told; `undefined` where every tenant has a schema.
 *
 * @throws TenantsError INVALID_NAME, CONFIG_INVALID.
 */
export function rowLevel(
  pool: Pool,
  shape: RegistryShape,
  { rows = {}, types = {} }: Pick<TenancyOptions, 'rows' | 'types'>,
): RowLevel | undefined {
  const own = Object.entries(types).flatMap(([type, value]) => (value === ROWS_TYPE ? [type] : []));
  if (own.length === 0) return undefined;
  const { column = ROWS.column, key = shape.tenants.columns.id, setting = ROWS.setting, schema = shape.schema } = rows;
  qualified(schema, column);
  qualified(schema, key);
  if (!SETTING_FORM.test(setting)) {
    throw new TenantsError('CONFIG_INVALID', `rows.setting is the name of a setting with a dot, not "${setting}".`);
  }
  return new RowLevel(pool, shape, { types: own, column, key, setting, schema });
}
