import type { PoolClient } from 'pg';

import { TenantsError } from '../errors/tenants-error.js';
import { oneAtATime } from '../util/one-at-a-time.js';
import { assertKeepsSetting } from './row-level/guard.js';
import type { TenantSetting } from './row-level/row-level.js';
import type { Session } from './scope.js';
import { noteSettings, type SessionSettings } from './session-settings.js';

export type GuardedClient = Session & {
  end(): void;
  /** What the work's statements have set beyond the transaction, as far as their texts say so. */
  readonly settings: SessionSettings;
};

/** White space and comments before a statement. */
const BEFORE = /^(?:\s|--[^\n]*|\/\*[^]*?\*\/)+/;

/**
 * Statements that would end the transaction, and with it the tenant's search path. Savepoints are fine. One that hides
 * behind another statement in the same text is found out when the work is done.
 */
const ENDS_TRANSACTION =
  /^(?:begin|start\s+transaction|commit|end|abort|prepare\s+transaction|rollback(?!\s+(?:(?:work|transaction)\s+)?to\b))\b/i;

/** Settings that outlive the transaction, and would wait on the client for whoever borrows it next. */
const OUTLIVES_TRANSACTION = /^(?:set\s+(?!local\b|transaction\b|constraints\b)|discard\b|listen\b)/i;

/**
 * A client as the work of `withTenant` gets it: usable until `end()`, and never after, when it may be another tenant's.
 * It cannot be released, and within a transaction it refuses what would leave it.
 */
export function guardClient(client: PoolClient, transaction: boolean, setting?: TenantSetting): GuardedClient {
  let open = true;
  const settings: SessionSettings = { names: new Set(), unknown: false };
  const query = (...args: unknown[]): unknown => {
    if (!open) throw usedTooLate();
    if (setting !== undefined) assertKeepsSetting(setting, args[0], args[1]);
    if (transaction) {
      assertStays(args[0]);
      noteSettings(settings, args[0], args[1]);
    }
    return (client.query as (...args: unknown[]) => unknown).apply(client, args);
  };
  const guarded = new Proxy(client, {
    get(target, key) {
      if (key === 'query') return query;
      if (key === 'release' || key === 'end') return refuse;
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
  return {
    client: guarded,
    transaction,
    settings,
    get open() {
      return open;
    },
    alone: oneAtATime(),
    end: () => void (open = false),
  };
}

function assertStays(query: unknown): void {
  const text = typeof query === 'string' ? query : (query as { text?: unknown } | null | undefined)?.text;
  if (typeof text !== 'string') return;
  const statement = text.replace(BEFORE, '');
  if (ENDS_TRANSACTION.test(statement)) {
    throw new TenantsError(
      'USAGE',
      'withTenant opens and ends the transaction itself; without it, the search path is no longer the tenant’s.',
      {
        statement: text,
        suggestions: ['For a part that can fail alone, call withTenant with the same tenant inside.'],
      },
    );
  }
  if (OUTLIVES_TRANSACTION.test(statement)) {
    throw new TenantsError('USAGE', 'This would outlive the transaction on a connection that others use next.', {
      statement: text,
      suggestions: ['Use SET LOCAL, or withTenant(tenant, work, { transaction: false }).'],
    });
  }
}

function usedTooLate(): TenantsError {
  return new TenantsError(
    'USAGE',
    'The client was used after its withTenant had ended; it may be another tenant’s now.',
    {
      suggestions: ['Await everything that uses the client inside the callback.'],
    },
  );
}

function refuse(): never {
  throw new TenantsError('USAGE', 'withTenant gives the client back itself.');
}
