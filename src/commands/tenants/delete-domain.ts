import * as Args from '@oclif/core/args';

import { BaseCommand } from '../../base-command.js';
import { tenantDocument } from '../../cli/documents.js';
import { changeFlags } from '../../cli/flags.js';
import { runSettings } from '../../cli/run-settings.js';
import { signalExitCode } from '../../cli/signals.js';
import { formatDeletedDomain } from '../../ui/summary/format-changed-tenant.js';

export default class DeleteDomain extends BaseCommand {
  static override summary = 'Remove a domain from its tenant.';
  static override description =
    'Does not ask for confirmation; the output shows how to restore the domain. No other domain becomes primary.';
  static override examples = [
    '<%= config.bin %> delete-domain www.acme.example.com',
    { description: 'As JSON', command: '<%= config.bin %> delete-domain www.acme.example.com --json' },
  ];
  static override args = {
    domain: Args.string({ required: true, ignoreStdin: true, description: 'Hostname to remove.' }),
  };
  static override flags = changeFlags;

  async run(): Promise<number> {
    const { args, flags } = await this.parse(DeleteDomain);
    const loaded = await this.load(flags, runSettings(flags));
    const { deleteDomain } = await import('../../lifecycle/delete-domain.js');
    const result = await this.change(loaded, (project, control) =>
      deleteDomain(project, { domain: args.domain, ...control }),
    );
    this.remark(result.warnings);
    return this.print(tenantDocument(result), (context) => formatDeletedDomain(result, context), signalExitCode());
  }
}
