import type { NameKind } from './names.js';

/** What a shell needs to know of one command. */
export type CommandWords = {
  name: string;
  summary: string;
  flags: FlagWords[];
  /** What the first arguments are: fixed words, or names of the project. */
  arguments: Values[];
};

export type FlagWords = {
  name: string;
  description: string;
  /** Absent for a flag without a value. */ values?: Values;
};

/** `files` are the shell's own business; an empty list has nothing to offer. */
export type Values = readonly string[] | { names: NameKind } | 'files';

type Flag = {
  type: string;
  description?: string | undefined;
  options?: readonly string[] | undefined;
  hidden?: boolean | undefined;
  helpValue?: string | string[] | undefined;
};
type Command = {
  summary?: string | undefined;
  args?: Record<string, { options?: readonly string[] | undefined; hidden?: boolean | undefined }>;
  flags?: Record<string, Flag>;
  baseFlags?: Record<string, Flag>;
};

const TENANT_FLAGS = new Set(['tenant', 'exclude', 'schema']);
const TENANT_ARGUMENTS: Record<string, readonly string[]> = {
  'delete-tenant': ['name'],
  'rename-tenant': ['old'],
  'clone-tenant': ['source'],
  'create-domain': ['name'],
  'move-tenant': ['name'],
  distribute: ['name'],
  shell: ['name'],
};

/** The words of all commands, from the commands themselves. Pure. */
export function commandWords(commands: Record<string, Command>): CommandWords[] {
  return Object.entries(commands).map(([name, command]) => ({
    name,
    summary: command.summary ?? '',
    flags: Object.entries({ ...command.flags, ...command.baseFlags })
      .filter(([, flag]) => flag.hidden !== true)
      .map(([flag, spec]) => ({
        name: flag,
        description: spec.description ?? '',
        ...(spec.type === 'boolean' ? {} : { values: flagValues(flag, spec) }),
      })),
    arguments: Object.entries(command.args ?? {}).map(([argument, spec]) =>
      argumentValues(name, argument, spec.options),
    ),
  }));
}

function flagValues(name: string, { options, helpValue }: Flag): Values {
  if (options !== undefined) return options;
  if (TENANT_FLAGS.has(name)) return { names: 'tenants' };
  if (name === 'to') return helpValue === 'HOST:PORT' ? [] : { names: 'migrations' };
  if (name === 'database') return ['embedded'];
  if (name === 'executor') return ['standard', 'multiprocessing', 'worker-threads'];
  return String(helpValue ?? '').startsWith('FILE') ? 'files' : [];
}

function argumentValues(command: string, argument: string, options: readonly string[] | undefined): Values {
  if (options !== undefined) return options;
  if (TENANT_ARGUMENTS[command]?.includes(argument)) return { names: 'tenants' };
  if (command === 'delete-domain') return { names: 'domains' };
  return command === 'init' ? 'files' : [];
}
