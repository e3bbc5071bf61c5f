import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';

import type { Interfaces } from '@oclif/core';
import type { Command } from '@oclif/core/command';
import { Config } from '@oclif/core/config';
import { settings } from '@oclif/core/settings';

import { currentInvocation } from '../util/tenants-command.js';
import { COMMAND_FOLDERS, type CommandName } from './command-names.js';
import { guardStreams, keepStdout } from './output.js';
import { usageError } from './usage-error.js';

/** oclif does two things for us: parsing and help. */
export type Oclif = {
  /** Prints the help of a command, or the list of all commands. */
  help(command?: string): Promise<number>;
  run(command: CommandName, argv: string[]): Promise<number>;
};

type CommandClass = Pick<typeof Command, 'flags' | 'baseFlags'> & {
  id: string;
  run(argv: string[], config: Config): Promise<unknown>;
};

/**
 * Prepares oclif. Nothing outside the package is read: no user plugins, no TypeScript sources. Help loads all commands, `run`
 * only the requested one.
 *
 * @param commands a module with the commands. Default: the one named in package.json.
 */
export async function startOclif(root: string, commands?: string): Promise<Oclif> {
  settings.enableAutoTranspile = false;
  const { oclif, ...rest } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as Interfaces.PJSON;
  const { commands: built, ...own } = oclif;
  const load = async (discovery: typeof built): Promise<Config> => {
    const pjson = { ...rest, oclif: { ...own, ...(discovery === undefined ? {} : { commands: discovery }) } };
    return await Config.load({ root, pjson, devPlugins: false, userPlugins: false });
  };
  return {
    help: async (command) => {
      const given = { strategy: 'explicit', target: commands ?? '', identifier: 'COMMANDS' } as const;
      const config = await load(commands === undefined ? built : given);
      // Usage and examples can be pasted, like all commands that are printed.
      config.bin = currentInvocation();
      const { TenantsHelp } = await import('./help.js');
      guardStreams();
      const help = new TenantsHelp(config, config.pjson.oclif.helpOptions);
      await help.showHelp(command === undefined ? [] : [command]);
      return 0;
    },
    run: async (id, argv) => {
      const config = await load(undefined);
      const command = commands === undefined ? await importBuilt(root, built, id) : await importGiven(commands, id);
      command.id = id;
      guardStreams();
      keepStdout();
      try {
        return (await command.run(argv, config)) as number;
      } catch (error) {
        throw usageError(error, { id, flags: Object.keys({ ...command.baseFlags, ...command.flags }) });
      }
    },
  };
}

/** Each command has a file of the same name in its folder, beside the module that lists all of them. */
async function importBuilt(
  root: string,
  all: Interfaces.PJSON['oclif']['commands'],
  id: CommandName,
): Promise<CommandClass> {
  const folder = typeof all === 'object' ? dirname(all.target) : '';
  const file = join(root, folder, COMMAND_FOLDERS[id], `${id}.js`);
  const module = (await import(pathToFileURL(file).href)) as { default: CommandClass };
  return module.default;
}

async function importGiven(file: string, id: string): Promise<CommandClass> {
  const { COMMANDS } = (await import(pathToFileURL(file).href)) as { COMMANDS: Record<string, CommandClass> };
  const command = COMMANDS[id];
  if (command === undefined) throw new Error(`${file} has no command ${id}.`);
  return command;
}
