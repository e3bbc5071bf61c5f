import { CommandHelp, Help } from '@oclif/core/help';

import { EXIT } from '../errors/codes.js';
import { tenantsCommand } from '../util/tenants-command.js';
import { COMMAND_NAMES, isCommandName } from './command-names.js';

/** oclif's help, with a section on the global flags in the list of all commands. */
export class TenantsHelp extends Help {
  protected override readonly CommandHelpClass = FullCommandHelp;

  override async showRootHelp(): Promise<void> {
    const rank = (id: string): number => (isCommandName(id) ? COMMAND_NAMES.indexOf(id) : COMMAND_NAMES.length);
    const commands = this.sortedCommands.toSorted((a, b) => rank(a.id) - rank(b.id));
    const parts = [this.formatRoot(), this.formatCommands(commands), this.section('MORE', more())];
    for (const part of parts) this.log(`${part}\n`);
    await Promise.resolve();
  }
}

/** The summary stands at the top already; oclif's own option to leave it out here drops all paragraphs but the last. */
class FullCommandHelp extends CommandHelp {
  protected override description(): string | undefined {
    const { description } = this.command;
    return description === undefined ? undefined : this.wrap(description);
  }

  protected override sections(): ReturnType<CommandHelp['sections']> {
    const { name = '', version = '' } = this.config.pjson;
    return [
      ...super.sections(),
      { header: 'EXIT CODES', generate: () => EXIT_CODES },
      { header: 'DOCUMENTATION', generate: () => `https://unpkg.com/${name}@${version}/docs/commands.md` },
    ];
  }
}

const EXIT_CODES = [
  [EXIT.ok, 'Done, or nothing to do.'],
  [EXIT.failed, 'The shared schema, a tenant, or the command itself failed.'],
  [EXIT.usage, 'Wrong usage or configuration, or refused; nothing was touched.'],
  [EXIT.notUpToDate, 'A check found something.'],
  [EXIT.locked, 'Another run holds the lock.'],
  [EXIT.unreachable, 'The database cannot be reached, refuses us, or is unsafe to use.'],
  [`${EXIT.sigint}, ${EXIT.sigterm}`, 'Interrupted.'],
]
  .map(([code, meaning]) => `${String(code).padEnd(10)}${meaning}`)
  .join('\n');

function more(): string {
  const rows = [
    [tenantsCommand('COMMAND', '--help'), 'flags and examples of a command'],
    [tenantsCommand('--version'), 'this version'],
  ] as const;
  const width = Math.max(...rows.map(([command]) => command.length));
  return [...rows.map(([command, text]) => `${command.padEnd(width)}   ${text}`), '', GLOBAL_FLAGS].join('\n');
}

const GLOBAL_FLAGS = `Every command takes --config FILE, --database URL|embedded, --env-file FILE,
--json, --verbose, --no-color and --connect-wait D. Settings are also read
as variables (TENANTS_…) and from tenants.config.ts; a flag overrides both.`;
