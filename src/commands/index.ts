import CloneTenant from './clone-tenant.js';
import CreateDomain from './create-domain.js';
import CreateMigration from './create-migration.js';
import CreateTenant from './create-tenant.js';
import DeleteDomain from './delete-domain.js';
import DeleteTenant from './delete-tenant.js';
import Doctor from './doctor.js';
import Exec from './exec.js';
import Init from './init.js';
import List from './list.js';
import Migrate from './migrate.js';
import Plan from './plan.js';
import Query from './query.js';
import RenameTenant from './rename-tenant.js';
import Rollback from './rollback.js';
import Status from './status.js';

/** All commands by name, in the order in which help shows them. */
export const COMMANDS = {
  init: Init,
  'create-migration': CreateMigration,
  migrate: Migrate,
  rollback: Rollback,
  plan: Plan,
  status: Status,
  list: List,
  'create-tenant': CreateTenant,
  'delete-tenant': DeleteTenant,
  'rename-tenant': RenameTenant,
  'clone-tenant': CloneTenant,
  'create-domain': CreateDomain,
  'delete-domain': DeleteDomain,
  query: Query,
  exec: Exec,
  doctor: Doctor,
};
