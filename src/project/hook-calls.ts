import { type HookCall, MIGRATE_HOOKS } from '../engine/hooks/migrate-hooks.js';
import type { HookSource } from '../executors/worker-hooks.js';
import type { Hooks, TenantHook, TenantHookContext } from './hook-types.js';
import type { Project } from './project.js';

/** The hooks around the migrations, as workers find them; `undefined` when there are none. */
export function hookSource({ hooks = {}, hooksOrigin }: Project): HookSource | undefined {
  const names = MIGRATE_HOOKS.filter((name) => hooks[name] !== undefined);
  return names.length === 0 ? undefined : { names, origin: hooksOrigin };
}

/** What a hook around a tenant's life is told, without the client. */
export type Told<C extends TenantHookContext = TenantHookContext> = Omit<C, 'client'>;

/** A call for lanes; empty when there is no such hook. */
export function hookCalls<C extends TenantHookContext>(
  name: keyof Hooks,
  hook: TenantHook<C> | undefined,
  told: Told<C>,
): HookCall[] {
  if (hook === undefined) return [];
  return [{ name, call: (client) => hook({ ...told, domains: [...told.domains], client } as unknown as C) }];
}
