import path from 'node:path';

import * as Args from '@oclif/core/args';
import * as Flags from '@oclif/core/flags';

import { BaseCommand } from '../../base-command.js';
import { type Shell, SHELLS } from '../../cli/completion/scripts.js';
import type { CompletionDocument } from '../../cli/schemas/document-types.js';
import { TenantsError } from '../../errors/tenants-error.js';
import { orList } from '../../util/format-count.js';

export default class Completion extends BaseCommand {
  static override summary = 'Print the completion script of a shell.';
  static override description =
    'Commands, flags, and names of tenants, domains and migrations are completed. Names are looked up in the background and ' +
    'kept for a short while, so that the shell never waits for a database. Without SHELL, the script is for the shell in $SHELL.';
  static override examples = [
    '<%= config.bin %> completion',
    { description: 'bash, in ~/.bashrc', command: 'source <(<%= config.bin %> completion bash)' },
    { description: 'zsh, in ~/.zshrc after compinit', command: 'source <(<%= config.bin %> completion zsh)' },
    { description: 'fish, in ~/.config/fish/config.fish', command: '<%= config.bin %> completion fish | source' },
  ];
  static override args = {
    shell: Args.string({ ignoreStdin: true, options: [...SHELLS], description: 'Shell (default: the one in $SHELL).' }),
  };
  static override flags = {
    refresh: Flags.boolean({ hidden: true, description: 'Look the names up and keep them.' }),
  };

  async run(): Promise<number> {
    const { args, flags } = await this.parse(Completion);
    if (flags.refresh) return await this.#refresh(flags);
    const shell = SHELLS.find((name) => name === (args.shell ?? path.basename(process.env['SHELL'] ?? '')));
    if (shell === undefined) throw unknownShell();
    const script = await scriptOf(shell);
    return this.print({ shell, script } satisfies CompletionDocument, () => script);
  }

  /** Never starts a server, and gives up after a few seconds: nobody waits for it. */
  async #refresh(flags: { config?: string | undefined }): Promise<number> {
    const { keepNames } = await import('../../cli/completion/names.js');
    const { findNames } = await import('../../cli/completion/find-names.js');
    const loaded = await this.load(flags);
    const { embeddedUrl } = await import('../../embedded/keep-running.js');
    const embedded = loaded.database === 'embedded' ? await embeddedUrl(loaded.root) : undefined;
    const names = await findNames(loaded, embedded?.running === true ? embedded.url : undefined);
    await keepNames(names, { cwd: process.cwd(), env: process.env });
    return this.print({ refreshed: Object.keys(names) }, () => '');
  }
}

async function scriptOf(shell: Shell): Promise<string> {
  const { COMMANDS } = await import('../index.js');
  const { commandWords } = await import('../../cli/completion/command-words.js');
  const { completionScript } = await import('../../cli/completion/scripts.js');
  return completionScript(shell, commandWords(COMMANDS));
}

function unknownShell(): TenantsError {
  return new TenantsError(
    'USAGE',
    `The shell in $SHELL has no completion script. There are scripts for ${orList([...SHELLS])}.`,
    {
      suggestions: ['Name the shell, for example: completion bash'],
    },
  );
}
