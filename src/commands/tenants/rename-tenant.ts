import * as Args from '@oclif/core/args';
import * as Flags from '@oclif/core/flags';

import { BaseCommand } from '../../base-command.js';
import { tenantDocument } from '../../cli/documents.js';
import { changeFlags } from '../../cli/flags.js';
import { runSettings } from '../../cli/run-settings.js';
import { signalExitCode } from '../../cli/signals.js';
import { formatChanged } from '../../ui/summary/format-changed-tenant.js';

export default class RenameTenant extends BaseCommand {
  static override summary = 'Rename a tenant: schema and row, in one transaction.';
  static override description =
    'Domains are kept. Applications that still use the old name no longer find the tenant. The search paths of functions are ' +
    'adapted. Other stored texts that name the schema (bodies of functions, constants in views, defaults and policies, settings of ' +
    'roles) are listed and refused, because they would go on using the old name; --allow-mentions renames all the same.';
  static override examples = [
    '<%= config.bin %> rename-tenant acme acme_inc',
    {
      description: 'Wait longer for sessions that use the tenant',
      command: '<%= config.bin %> rename-tenant acme acme_inc --lock-timeout 1m',
    },
  ];
  static override args = {
    old: Args.string({ required: true, ignoreStdin: true, description: 'Schema name of the tenant.' }),
    new: Args.string({ required: true, ignoreStdin: true, description: 'New schema name.' }),
  };
  static override flags = {
    'allow-mentions': Flags.boolean({ description: 'Rename although stored texts name the old schema.' }),
    ...changeFlags,
  };

  async run(): Promise<number> {
    const { args, flags } = await this.parse(RenameTenant);
    const loaded = await this.load(flags, runSettings(flags));
    const { renameTenant } = await import('../../lifecycle/rename-tenant.js');
    const renamed = await this.change(loaded, (project, control) =>
      renameTenant(project, { from: args.old, to: args.new, allowMentions: flags['allow-mentions'], ...control }),
    );
    this.remark(renamed.warnings);
    return this.print(
      tenantDocument(renamed),
      (context) => formatChanged(renamed, context, 'Renamed'),
      signalExitCode(),
    );
  }
}
