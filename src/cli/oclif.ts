import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { Config, type Interfaces, settings } from '@oclif/core';

import { TenantsHelp } from './help.js';
import { guardStreams, keepStdout } from './output.js';
import { usageError } from './usage-error.js';

/** What is left to oclif: the list of commands, parsing, help. */
export type Oclif = {
  commands: string[];
  /** Prints the help of a command, or of all. */
  help(command?: string): Promise<number>;
  run(command: string, argv: string[]): Promise<number>;
};

/**
 * Loads the commands. Nothing outside the package is looked at: no plugins of the user's, no TypeScript sources.
 *
 * @param commands a module with the commands; otherwise the one that package.json names
 */
export async function startOclif(root: string, commands?: string): Promise<Oclif> {
  settings.enableAutoTranspile = false;
  const pjson = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as Interfaces.PJSON;
  if (commands !== undefined) {
    pjson.oclif.commands = { strategy: 'explicit', target: commands, identifier: 'COMMANDS' };
  }
  const config = await Config.load({ root, pjson, devPlugins: false, userPlugins: false });
  guardStreams();
  return {
    commands: config.commandIDs,
    help: async (command) => {
      const help = new TenantsHelp(config, config.pjson.oclif.helpOptions);
      await help.showHelp(command === undefined ? [] : [command]);
      return 0;
    },
    run: async (command, argv) => {
      keepStdout();
      try {
        return await config.runCommand<number>(command, argv);
      } catch (error) {
        throw usageError(error, { id: command, flags: Object.keys(config.findCommand(command)?.flags ?? {}) });
      }
    },
  };
}
