import { AsyncLocalStorage } from 'node:async_hooks';

import type { PoolClient } from 'pg';

import type { Tenant } from './types.js';

/** What code is running for; `withTenant` and the http adapters open one. */
export type Scope = {
  readonly tenant: Tenant;
  readonly outer: Scope | undefined;
  readonly session: Session | undefined;
};

/** A borrowed client as the work in a scope sees it. */
export type Session = {
  readonly client: PoolClient;
  readonly transaction: boolean;
  /** False from the moment on at which the work is done; code that was not awaited may still run then. */
  readonly open: boolean;
  /** Runs savepoints one after the other: they are a stack, and side by side they would undo each other. */
  alone<R>(fn: () => Promise<R>): Promise<R>;
};

/** The scopes of one tenancy, carried along by AsyncLocalStorage. */
export class Scopes {
  readonly #storage = new AsyncLocalStorage<Scope | undefined>();

  get current(): Scope | undefined {
    return this.#storage.getStore();
  }

  run<R>(scope: Scope | undefined, fn: () => R): R {
    return this.#storage.run(scope, fn);
  }

  /** The client of the scope around, or of the nearest one further out. */
  get session(): Session | undefined {
    for (let scope = this.current; scope !== undefined; scope = scope.outer) {
      if (scope.session !== undefined) return scope.session;
    }
    return undefined;
  }

  /** The open transaction of this tenant around this code. */
  transactionOf(schemaName: string): Session | undefined {
    for (let scope = this.current; scope !== undefined; scope = scope.outer) {
      const { session, tenant } = scope;
      if (tenant.schemaName === schemaName && session?.transaction === true && session.open) return session;
    }
    return undefined;
  }
}
