import * as Args from '@oclif/core/args';
import * as Flags from '@oclif/core/flags';

import { BaseCommand } from '../../base-command.js';
import { programAfterDashes, runClient } from '../../cli/run-client.js';
import type { ShellDocument } from '../../cli/schemas/document-types.js';

export default class Shell extends BaseCommand {
  static override summary = 'Open psql with the search path of a tenant.';
  static override description =
    'The program has the terminal and standard input to itself. What follows -- is passed on to it. The search path is a ' +
    'default, not a fence: names with a schema reach other tenants.';
  static override usage = 'shell NAME [-- ARGUMENT…] [FLAGS]';
  static override examples = [
    '<%= config.bin %> shell acme',
    { description: 'A script', command: '<%= config.bin %> shell acme < report.sql' },
    { description: 'Arguments of psql', command: "<%= config.bin %> shell acme -- -c 'SELECT count(*) FROM projects'" },
    { description: 'Another client', command: '<%= config.bin %> shell acme --program pgcli' },
  ];
  static override args = {
    name: Args.string({ required: true, ignoreStdin: true, description: 'Schema name of the tenant.' }),
  };
  static override flags = {
    program: Flags.string({ helpValue: 'NAME', description: 'Client to run (default: psql).' }),
  };

  async run(): Promise<number> {
    const { own, rest } = programAfterDashes(this.argv);
    const { args, flags } = await this.parse(Shell, own);
    const loaded = await this.load(flags);
    const { shell } = await import('../../each-tenant/exec/shell.js');
    const command = [flags.program ?? 'psql', ...rest] as const;
    const exitCode = await runClient(loaded, (project, options) => shell(project, args.name, { ...options, command }));
    return this.print({ tenant: args.name, exitCode } satisfies ShellDocument, () => '', exitCode === 0 ? 0 : 1);
  }
}
