import type { BaseCommand } from '../base-command.js';
import { COMMAND_NAMES, type CommandName } from '../cli/command-names.js';
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

type CommandClass = typeof BaseCommand;

/** Has a key for each command, and no other. */
const BY_NAME: Record<CommandName, CommandClass> = {
  'clone-tenant': CloneTenant,
  'create-domain': CreateDomain,
  'create-migration': CreateMigration,
  'create-tenant': CreateTenant,
  'delete-domain': DeleteDomain,
  'delete-tenant': DeleteTenant,
  doctor: Doctor,
  exec: Exec,
  init: Init,
  list: List,
  migrate: Migrate,
  plan: Plan,
  query: Query,
  'rename-tenant': RenameTenant,
  rollback: Rollback,
  status: Status,
};

/** All commands by name, in the order of `COMMAND_NAMES`. */
export const COMMANDS = Object.fromEntries(COMMAND_NAMES.map((name) => [name, BY_NAME[name]]));
