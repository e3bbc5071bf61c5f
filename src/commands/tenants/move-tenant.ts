import * as Args from '@oclif/core/args';
import * as Flags from '@oclif/core/flags';

import { BaseCommand } from '../../base-command.js';
import { moveTenantDocument } from '../../cli/documents.js';
import { changeFlags } from '../../cli/flags.js';
import { runSettings } from '../../cli/run-settings.js';
import { signalExitCode } from '../../cli/signals.js';
import { formatMoved } from '../../ui/summary/new-tenants/format-placed.js';

export default class MoveTenant extends BaseCommand {
  static override summary = 'On Citus: move a tenant to another node of the cluster.';
  static override description =
    'The application can write during the move: logical replication follows the rows, and writes wait only at the end. This requires a ' +
    'primary key in each table; --block-writes does not.';
  static override examples = [
    '<%= config.bin %> move-tenant acme --to 10.0.0.12:5432',
    {
      description: 'With tables that have no primary key',
      command: '<%= config.bin %> move-tenant acme --to 10.0.0.12:5432 --block-writes',
    },
  ];
  static override args = {
    name: Args.string({ required: true, ignoreStdin: true, description: 'Schema name of the tenant.' }),
  };
  static override flags = {
    to: Flags.string({ required: true, helpValue: 'HOST:PORT', description: 'The node, as the cluster knows it.' }),
    'block-writes': Flags.boolean({ description: 'Block writes while the rows are copied.' }),
    ...changeFlags,
  };

  async run(): Promise<number> {
    const { args, flags } = await this.parse(MoveTenant);
    const loaded = await this.load(flags, runSettings(flags));
    const { moveTenant } = await import('../../lifecycle/citus/move-tenant.js');
    const options = { schema: args.name, to: flags.to, blockWrites: flags['block-writes'] };
    const moved = await this.change(loaded, (project, control) => moveTenant(project, { ...options, ...control }));
    return this.print(moveTenantDocument(moved), (context) => formatMoved(moved, context), signalExitCode());
  }
}
