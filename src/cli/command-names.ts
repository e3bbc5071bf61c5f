/** The names of all commands, in the order of help and README: that in which one comes to need them. */
export const COMMAND_NAMES = [
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
] as const;

export type CommandName = (typeof COMMAND_NAMES)[number];

export function isCommandName(name: string): name is CommandName {
  return COMMAND_NAMES.some((command) => command === name);
}
