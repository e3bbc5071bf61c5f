import type { MigrateOptions, MigrateReport, SharedResult } from '../fleet/types.js';
import type { UndoTarget } from './undo.js';

export type RollbackOptions = Pick<MigrateOptions, 'fake' | 'failFast' | 'drain' | 'cancel' | 'onEvent'> & {
  /** The shared schema, or tenants: all of them, or those of the given names and types. Never both kinds at once. */
  selection: { kind: 'shared' } | { kind: 'tenants'; names?: string[]; exclude?: string[]; types?: string[] };
  /** How far. Default: the last migration of each schema. */
  target?: UndoTarget;
  /**
   * Said for the whole fleet (tenants without names or types), and for a shared schema whose registry would go although
   * tenants are registered; both are refused without it.
   */
  confirmed?: boolean;
};

/** As `MigrateReport`, with `rolledBack` for `applied`; `upToDate` counts tenants that had nothing to undo. */
export type RollbackReport = Omit<MigrateReport, 'shared' | 'tenants'> & {
  shared: Omit<SharedResult, 'status'> & { status: 'rolledBack' | Exclude<SharedResult['status'], 'applied'> };
  tenants: Omit<MigrateReport['tenants'], 'applied'> & { rolledBack: number };
};
