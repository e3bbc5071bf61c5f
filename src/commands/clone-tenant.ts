import * as Args from '@oclif/core/args';
import * as Flags from '@oclif/core/flags';

import { BaseCommand } from '../base-command.js';
import { assignments } from '../cli/assignments.js';
import { tenantDocument } from '../cli/documents.js';
import { changeFlags } from '../cli/flags.js';
import { runSettings } from '../cli/run-settings.js';
import { parseNames } from '../cli/selection.js';
import { signalExitCode } from '../cli/signals.js';
import { formatChanged } from '../ui/summary/format-changed-tenant.js';

export default class CloneTenant extends BaseCommand {
  static override summary = 'Create a tenant with the structure and the rows of another.';
  static override description =
    'All in one transaction: any error leaves nothing behind. The source is read while applications go on using it. Needs a ' +
    'pg_dump of the version of the server or newer on the PATH. Functions that name the source by text go on doing so, ' +
    'and are told as warnings.';
  static override examples = [
    '<%= config.bin %> clone-tenant template acme acme.example.com',
    { description: 'Only the structure', command: '<%= config.bin %> clone-tenant acme sandbox --no-data' },
  ];
  static override args = {
    source: Args.string({ required: true, ignoreStdin: true, description: 'Schema name of the tenant to copy.' }),
    name: Args.string({ required: true, ignoreStdin: true, description: 'Schema name of the new tenant.' }),
    domain: Args.string({ ignoreStdin: true, description: 'Its primary domain.' }),
  };
  static override flags = {
    'no-data': Flags.boolean({ description: 'Only the structure, with the record of applied migrations.' }),
    domain: Flags.string({
      multiple: true,
      multipleNonGreedy: true,
      helpValue: 'D',
      description: 'A domain (D,D or repeated).',
    }),
    label: Flags.string({ helpValue: 'TEXT', description: 'A name for people.' }),
    type: Flags.string({ helpValue: 'T', description: 'Must be the type of the source.' }),
    set: Flags.string({
      multiple: true,
      multipleNonGreedy: true,
      helpValue: 'column=value',
      description: 'A further column of the tenant table.',
    }),
    ...changeFlags,
  };

  async run(): Promise<number> {
    const { args, flags } = await this.parse(CloneTenant);
    const options = {
      source: args.source,
      schema: args.name,
      domains: [...(args.domain === undefined ? [] : [args.domain]), ...(parseNames('--domain', flags.domain) ?? [])],
      set: assignments(flags.set),
      noData: flags['no-data'],
      ...(flags.label === undefined ? {} : { label: flags.label }),
      ...(flags.type === undefined ? {} : { type: flags.type }),
    };
    const loaded = await this.load(flags, runSettings(flags));
    const { cloneTenant } = await import('../lifecycle/clone-tenant.js');
    const cloned = await this.change(loaded, (project, control) => cloneTenant(project, { ...options, ...control }));
    this.remark(cloned.warnings);
    return this.print(tenantDocument(cloned), (context) => formatChanged(cloned, context, 'Cloned'), signalExitCode());
  }
}
