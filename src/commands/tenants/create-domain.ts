import * as Args from '@oclif/core/args';
import * as Flags from '@oclif/core/flags';

import { BaseCommand } from '../../base-command.js';
import { tenantDocument } from '../../cli/documents.js';
import { changeFlags } from '../../cli/flags.js';
import { runSettings } from '../../cli/run-settings.js';
import { signalExitCode } from '../../cli/signals.js';
import { formatChanged } from '../../ui/summary/format-changed-tenant.js';

export default class CreateDomain extends BaseCommand {
  static override summary = 'Add a domain to a tenant.';
  static override description =
    "A tenant's first domain becomes its primary domain. Adding a domain that the tenant already has succeeds, so --primary also " +
    'works on an existing domain.';
  static override examples = [
    '<%= config.bin %> create-domain acme www.acme.example.com',
    '<%= config.bin %> create-domain acme acme.com --primary',
  ];
  static override args = {
    name: Args.string({ required: true, ignoreStdin: true, description: 'Schema name of the tenant.' }),
    domain: Args.string({ required: true, ignoreStdin: true, description: 'Hostname to add.' }),
  };
  static override flags = {
    primary: Flags.boolean({ description: 'Make it the primary domain.' }),
    ...changeFlags,
  };

  async run(): Promise<number> {
    const { args, flags } = await this.parse(CreateDomain);
    const loaded = await this.load(flags, runSettings(flags));
    const { createDomain } = await import('../../lifecycle/create-domain.js');
    const changed = await this.change(loaded, (project, control) =>
      createDomain(project, { schema: args.name, domain: args.domain, primary: flags.primary, ...control }),
    );
    return this.print(
      tenantDocument(changed),
      (context) => formatChanged(changed, context, 'Changed'),
      signalExitCode(),
    );
  }
}
