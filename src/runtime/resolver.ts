import { isIdentifier } from '../util/identifier.js';
import { normalizeHost } from './host-name.js';
import { type CacheLimits, LookupCache } from './lookup-cache.js';
import type { RegistryQueries } from './registry-queries.js';
import type { Tenant } from './types.js';

/** What the registry's triggers announce: keys of changed rows, as they were and as they are. */
export type RegistryChange = { schemas?: string[]; domains?: string[] };

const NOBODY: Promise<null> = Promise.resolve(null);

/** Hostnames and schema names to tenants, from the cache where that is possible. */
export class Resolver {
  readonly #queries: RegistryQueries;
  readonly #hosts: LookupCache<Tenant>;
  readonly #schemas: LookupCache<Tenant>;

  constructor(queries: RegistryQueries, limits: CacheLimits) {
    this.#queries = queries;
    this.#hosts = new LookupCache(limits);
    this.#schemas = new LookupCache(limits);
  }

  byHost(hostname: string): Promise<Tenant | null> {
    // What is a key of the cache is normalized already.
    const kept = this.#hosts.peek(hostname);
    if (kept !== undefined) return kept;
    const host = normalizeHost(hostname);
    if (host === null) return NOBODY;
    return this.#hosts.get(host, () => this.#queries.byHost(host));
  }

  bySchema(schemaName: string): Promise<Tenant | null> {
    if (!isIdentifier(schemaName)) return NOBODY;
    return this.#schemas.get(schemaName, () => this.#queries.bySchema(schemaName));
  }

  /** Forgets what may be no longer true. */
  forget({ schemas = [], domains = [] }: RegistryChange): void {
    if (schemas.length > 0) {
      const changed = new Set(schemas);
      this.#hosts.forgetWhere(({ schemaName }) => changed.has(schemaName));
      this.#schemas.forgetWhere(({ schemaName }) => changed.has(schemaName));
    }
    for (const domain of domains) {
      const host = normalizeHost(domain) ?? domain;
      this.#hosts.forget([host, `www.${host}`]);
    }
  }

  forgetAll(): void {
    this.#hosts.clear();
    this.#schemas.clear();
  }
}
