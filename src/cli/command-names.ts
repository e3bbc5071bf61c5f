/**
 * All commands with the folder of `src/commands` that has their file, in the order of help and README: that in which one comes to
 * need them.
 */
export const COMMAND_FOLDERS = {
  init: 'setup',
  db: 'setup',
  'create-migration': 'migrations',
  migrate: 'migrations',
  rollback: 'migrations',
  plan: 'migrations',
  lint: 'migrations',
  checksums: 'migrations',
  squash: 'migrations',
  'adopt-history': 'migrations',
  status: 'fleet',
  drift: 'fleet',
  metrics: 'fleet',
  runs: 'fleet',
  report: 'fleet',
  list: 'tenants',
  'create-tenant': 'tenants',
  pool: 'tenants',
  snapshot: 'tenants',
  'clone-tenant': 'tenants',
  'rename-tenant': 'tenants',
  distribute: 'tenants',
  'move-tenant': 'tenants',
  'delete-tenant': 'tenants',
  'create-domain': 'tenants',
  'delete-domain': 'tenants',
  query: 'fleet',
  exec: 'fleet',
  shell: 'fleet',
  doctor: 'fleet',
  completion: 'setup',
} as const;

export type CommandName = keyof typeof COMMAND_FOLDERS;

/** The names of all commands, in that order. */
export const COMMAND_NAMES = Object.keys(COMMAND_FOLDERS) as readonly CommandName[];

export function isCommandName(name: string): name is CommandName {
  return Object.hasOwn(COMMAND_FOLDERS, name);
}
