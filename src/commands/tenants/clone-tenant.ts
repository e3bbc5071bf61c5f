import * as Args from '@oclif/core/args';
import * as Flags from '@oclif/core/flags';

import { BaseCommand } from '../../base-command.js';
import { assignments } from '../../cli/assignments.js';
import { tenantDocument } from '../../cli/documents.js';
import { changeFlags } from '../../cli/flags.js';
import { runSettings } from '../../cli/run-settings.js';
import { parseNames } from '../../cli/selection/names.js';
import { signalExitCode } from '../../cli/signals.js';
import { formatChanged } from '../../ui/summary/format-changed-tenant.js';

export default class CloneTenant extends BaseCommand {
  static override summary = 'Create a tenant with the structure and the rows of another.';
  static override description =
    'Runs in one transaction: an error leaves nothing behind. Applications can keep using the source while it is copied. Requires ' +
    'pg_dump on the PATH, of the same version as the server or newer. The search paths of functions are adapted. Other stored texts ' +
    "that name the source's schema, or that of another tenant, are listed and refused, because the copy would go on using it; " +
    '--allow-mentions copies them unchanged.';
  static override examples = [
    '<%= config.bin %> clone-tenant template acme acme.example.com',
    { description: 'Structure only', command: '<%= config.bin %> clone-tenant acme sandbox --no-data' },
  ];
  static override args = {
    source: Args.string({ required: true, ignoreStdin: true, description: 'Schema name of the tenant to copy.' }),
    name: Args.string({ required: true, ignoreStdin: true, description: 'Schema name of the new tenant.' }),
    domain: Args.string({ ignoreStdin: true, description: 'Primary domain of the new tenant.' }),
  };
  static override flags = {
    'no-data': Flags.boolean({ description: 'Copy the structure and the applied migrations, but no other rows.' }),
    domain: Flags.string({
      multiple: true,
      multipleNonGreedy: true,
      helpValue: 'D',
      description: 'Domains of the tenant (D,D or repeated).',
    }),
    label: Flags.string({ helpValue: 'TEXT', description: 'Display name.' }),
    type: Flags.string({
      helpValue: 'T',
      description: 'Type of the new tenant; must match the source (default: its type).',
    }),
    set: Flags.string({
      multiple: true,
      multipleNonGreedy: true,
      helpValue: 'column=value',
      description: "Value for another column of the tenant table (default: the source's).",
    }),
    'allow-mentions': Flags.boolean({ description: 'Clone although stored texts name the schema of a tenant.' }),
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
      allowMentions: flags['allow-mentions'],
      ...(flags.label === undefined ? {} : { label: flags.label }),
      ...(flags.type === undefined ? {} : { type: flags.type }),
    };
    const loaded = await this.load(flags, runSettings(flags));
    const { cloneTenant } = await import('../../lifecycle/clone-tenant.js');
    const cloned = await this.change(loaded, (project, control) => cloneTenant(project, { ...options, ...control }));
    this.remark(cloned.warnings);
    return this.print(tenantDocument(cloned), (context) => formatChanged(cloned, context, 'Cloned'), signalExitCode());
  }
}
