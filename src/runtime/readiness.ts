import type { Pool } from 'pg';

import { qualified } from '../db/identifiers.js';
import { codeOf, SQLSTATE } from '../db/sqlstates.js';
import { LookupCache } from './lookup-cache.js';
import { isComplete, requiredMigrations } from './migration-names.js';
import type { TenancyOptions, Tenant } from './types.js';

/** How long "not ready" holds, in ms: short, because a deployment is waiting for the opposite. */
const PENDING_TTL = 1000;

type ReadinessOptions = Pick<TenancyOptions, 'migrations' | 'migrationsTable' | 'ignorePattern'>;

/** Tells whether a tenant has all migrations that this process knows. One small query a tenant, and then from memory. */
export class Readiness {
  readonly #pool: Pool;
  readonly #table: string;
  readonly #requiredOf: ReturnType<typeof requiredMigrations>;
  /** "Not ready" is what this cache knows as unknown. */
  readonly #ready: LookupCache<object>;

  constructor(
    pool: Pool,
    { migrations, migrationsTable = 'pgmigrations', ignorePattern }: ReadinessOptions,
    limits: { ttl: number; max: number },
  ) {
    this.#pool = pool;
    this.#table = migrationsTable;
    this.#requiredOf = requiredMigrations(migrations, ignorePattern);
    this.#ready = new LookupCache({ ...limits, negativeTtl: PENDING_TTL });
  }

  async isReady(tenant: Tenant): Promise<boolean> {
    // A tenant whose type is changed has other migrations to wait for.
    const key = `${tenant.type ?? ''}\0${tenant.schemaName}`;
    return (await this.#ready.get(key, () => this.#look(tenant))) !== null;
  }

  forgetAll(): void {
    this.#ready.clear();
  }

  async #look({ schemaName, type }: Tenant): Promise<object | null> {
    const required = await this.#requiredOf(type);
    const { names, replaced } = required;
    if (names.length === 0) return READY;
    try {
      const { rows } = await this.#pool.query<{ name: string }>(
        `SELECT name FROM ${qualified(schemaName, this.#table)} WHERE name OPERATOR(pg_catalog.=) ANY ($1::pg_catalog.text[])`,
        [[...names, ...[...replaced.values()].flat()]],
      );
      return isComplete(required, new Set(rows.map(({ name }) => name))) ? READY : null;
    } catch (error) {
      const code = codeOf(error);
      if (code === SQLSTATE.undefinedTable || code === SQLSTATE.undefinedSchema) return null;
      throw error;
    }
  }
}

const READY = {};
