import * as Flags from '@oclif/core/flags';

import { BaseCommand } from '../../base-command.js';
import { statusDocument } from '../../cli/documents.js';
import { tenantFlags } from '../../cli/flags.js';
import { selectedTenants } from '../../cli/selection/selected-options.js';
import { EXIT } from '../../errors/codes.js';
import { formatStatus } from '../../ui/summary/format-status.js';

export default class Status extends BaseCommand {
  static override summary = 'Show which tenants are up to date and which are behind.';
  static override description =
    'Groups tenants by their applied migrations, and lists those that are missing, ahead or out of order. Only reads, and ' +
    'runs no migration code.';
  static override examples = [
    '<%= config.bin %> status',
    {
      description: 'In a pipeline: exit with 3 if anything is pending',
      command: '<%= config.bin %> status --check',
    },
    { description: 'One tenant', command: '<%= config.bin %> status --tenant acme' },
  ];
  static override flags = {
    check: Flags.boolean({ description: 'Exit with 3 unless everything is up to date.' }),
    ...tenantFlags,
  };

  async run(): Promise<number> {
    const { flags } = await this.parse(Status);
    const selection = await selectedTenants(flags);
    const { isUpToDate, status } = await import('../../fleet/status.js');
    const report = await this.read(await this.load(flags), (project) => status(project, selection));
    const code = flags.check && !isUpToDate(report) ? EXIT.notUpToDate : EXIT.ok;
    return this.print(statusDocument(report), (context) => formatStatus(report, context), code);
  }
}
