/** The names of all commands, in the order in which a new user needs them. */
export const COMMAND_NAMES: readonly string[] = [
  'init',
  'create-migration',
  'migrate',
  'rollback',
  'plan',
  'status',
  'list',
  'create-tenant',
  'clone-tenant',
  'rename-tenant',
  'delete-tenant',
  'create-domain',
  'delete-domain',
  'query',
  'exec',
  'doctor',
];
