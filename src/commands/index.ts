import type { BaseCommand } from '../base-command.js';
import { COMMAND_NAMES, type CommandName } from '../cli/command-names.js';
import Doctor from './fleet/doctor.js';
import Drift from './fleet/drift.js';
import Exec from './fleet/exec.js';
import Metrics from './fleet/metrics.js';
import Query from './fleet/query.js';
import Report from './fleet/report.js';
import Runs from './fleet/runs.js';
import Shell from './fleet/shell.js';
import Status from './fleet/status.js';
import AdoptHistory from './migrations/adopt-history.js';
import Checksums from './migrations/checksums.js';
import CreateMigration from './migrations/create-migration.js';
import Lint from './migrations/lint.js';
import Migrate from './migrations/migrate.js';
import Plan from './migrations/plan.js';
import Rollback from './migrations/rollback.js';
import Squash from './migrations/squash.js';
import Completion from './setup/completion.js';
import Db from './setup/db.js';
import Init from './setup/init.js';
import CloneTenant from './tenants/clone-tenant.js';
import CreateDomain from './tenants/create-domain.js';
import CreateTenant from './tenants/create-tenant.js';
import DeleteDomain from './tenants/delete-domain.js';
import DeleteTenant from './tenants/delete-tenant.js';
import Distribute from './tenants/distribute.js';
import List from './tenants/list.js';
import MoveTenant from './tenants/move-tenant.js';
import Pool from './tenants/pool.js';
import RenameTenant from './tenants/rename-tenant.js';
import Snapshot from './tenants/snapshot.js';

type CommandClass = typeof BaseCommand;

/** Has a key for each command, and no other. */
const BY_NAME: Record<CommandName, CommandClass> = {
  'adopt-history': AdoptHistory,
  checksums: Checksums,
  'clone-tenant': CloneTenant,
  completion: Completion,
  'create-domain': CreateDomain,
  'create-migration': CreateMigration,
  'create-tenant': CreateTenant,
  db: Db,
  'delete-domain': DeleteDomain,
  'delete-tenant': DeleteTenant,
  distribute: Distribute,
  doctor: Doctor,
  drift: Drift,
  exec: Exec,
  init: Init,
  lint: Lint,
  list: List,
  metrics: Metrics,
  migrate: Migrate,
  'move-tenant': MoveTenant,
  plan: Plan,
  pool: Pool,
  query: Query,
  'rename-tenant': RenameTenant,
  report: Report,
  rollback: Rollback,
  runs: Runs,
  shell: Shell,
  snapshot: Snapshot,
  squash: Squash,
  status: Status,
};

/** All commands by name, in the order of `COMMAND_NAMES`. */
export const COMMANDS = Object.fromEntries(COMMAND_NAMES.map((name) => [name, BY_NAME[name]]));
