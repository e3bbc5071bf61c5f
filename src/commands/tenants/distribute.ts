import * as Args from '@oclif/core/args';
import * as Flags from '@oclif/core/flags';

import { BaseCommand } from '../../base-command.js';
import { distributeDocument } from '../../cli/documents.js';
import { changeFlags } from '../../cli/flags.js';
import { runSettings } from '../../cli/run-settings.js';
import { parseNames } from '../../cli/selection/names.js';
import { signalExitCode } from '../../cli/signals.js';
import { EXIT } from '../../errors/codes.js';
import { TenantsError } from '../../errors/tenants-error.js';
import { formatDistributed } from '../../ui/summary/new-tenants/format-placed.js';

export default class Distribute extends BaseCommand {
  static override summary = 'On Citus: place the schemas of tenants on the nodes of the cluster.';
  static override description =
    'Each tenant is placed in its own transaction, under its lock; writes to it wait. --undo moves tenants back to the coordinator. ' +
    'A tenant that is already there is not changed.';
  static override examples = [
    '<%= config.bin %> distribute acme',
    { description: 'The whole fleet', command: '<%= config.bin %> distribute --all' },
    { description: 'Back to the coordinator', command: '<%= config.bin %> distribute --undo acme' },
  ];
  static override usage = 'distribute [NAME…] [FLAGS]';
  static override args = {
    name: Args.string({ multiple: true, ignoreStdin: true, description: 'Schema names of tenants, or patterns.' }),
  };
  static override flags = {
    all: Flags.boolean({ description: 'All tenants.' }),
    undo: Flags.boolean({ description: 'Move the tenants back to the coordinator.' }),
    ...changeFlags,
  };

  async run(): Promise<number> {
    const { args, flags } = await this.parse(Distribute);
    const names = parseNames('NAME', args.name);
    if ((names === undefined) !== flags.all) {
      throw new TenantsError('USAGE', 'Either names of tenants or --all must be given.');
    }
    const loaded = await this.load(flags, runSettings(flags));
    const { distributeTenants } = await import('../../lifecycle/citus/distribute-tenants.js');
    const report = await this.change(loaded, (project, control) =>
      distributeTenants(project, { ...(names === undefined ? {} : { names }), undo: flags.undo, ...control }),
    );
    const hasFailed = report.results.some(({ status }) => status === 'failed');
    const exitCode = signalExitCode() ?? (hasFailed ? EXIT.failed : EXIT.ok);
    return this.print(distributeDocument(report), (context) => formatDistributed(report, context), exitCode);
  }
}
