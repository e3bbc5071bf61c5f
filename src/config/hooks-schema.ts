import { z } from 'zod';

import type { CreateHookContext, MigrateHook, RenameHookContext, RunHooks, TenantHook } from '../project/hook-types.js';

/** The functions of the configuration. */
export const hooksSchema = z.strictObject({
  beforeMigrate: hook<MigrateHook>(),
  afterMigrate: hook<MigrateHook>(),
  beforeRollback: hook<MigrateHook>(),
  afterRollback: hook<MigrateHook>(),
  beforeCreateTenant: hook<TenantHook<CreateHookContext>>(),
  afterCreateTenant: hook<TenantHook<CreateHookContext>>(),
  beforeRenameTenant: hook<TenantHook<RenameHookContext>>(),
  afterRenameTenant: hook<TenantHook<RenameHookContext>>(),
  beforeDeleteTenant: hook<TenantHook>(),
  afterDeleteTenant: hook<TenantHook>(),
  beforeRun: hook<NonNullable<RunHooks['beforeRun']>>(),
  afterCommit: hook<NonNullable<RunHooks['afterCommit']>>(),
  afterRun: hook<NonNullable<RunHooks['afterRun']>>(),
});

function hook<T>() {
  return z.custom<T>((value) => typeof value === 'function', { error: 'expected a function' }).optional();
}
