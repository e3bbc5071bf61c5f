import * as Flags from '@oclif/core/flags';

import { BaseCommand } from '../../base-command.js';
import { poolDocument } from '../../cli/documents.js';
import { changeFlags, runFlags } from '../../cli/flags.js';
import { runSettings } from '../../cli/run-settings.js';
import { signalExitCode } from '../../cli/signals.js';
import { EXIT } from '../../errors/codes.js';
import { formatPool } from '../../ui/summary/new-tenants/format-pool.js';

export default class Pool extends BaseCommand {
  static override summary = 'Show the schemas that are ready for new tenants, and with --fill make them.';
  static override description =
    'A new tenant that finds a schema in the pool needs no migrations: the schema is renamed. With pool.size in the configuration, ' +
    'migrate keeps the pool filled and up to date.';
  static override examples = [
    { description: 'What is ready', command: '<%= config.bin %> pool' },
    { description: 'Keep 20 schemas of each type ready', command: '<%= config.bin %> pool --fill --size 20' },
    { description: 'Remove all of them', command: '<%= config.bin %> pool --fill --size 0' },
  ];
  static override flags = {
    fill: Flags.boolean({ description: 'Make what is missing, update what is stale, remove what is left over.' }),
    size: Flags.string({ helpValue: 'N', description: 'Schemas of each type (default: pool.size, or 0).' }),
    concurrency: runFlags.concurrency,
    ...changeFlags,
  };

  async run(): Promise<number> {
    const { flags } = await this.parse(Pool);
    const { fill, size, ...settings } = flags;
    const loaded = await this.load(flags, { ...runSettings(settings), poolSize: size });
    const { pool } = await import('../../lifecycle/pool/pool.js');
    const report = fill
      ? await this.change(loaded, (project, control) => pool(project, { fill, ...control }))
      : await this.read(loaded, (project) => pool(project));
    this.remark(report.warnings);
    const exitCode =
      signalExitCode() ?? (report.busy ? EXIT.locked : report.failures.length > 0 ? EXIT.failed : EXIT.ok);
    return this.print(poolDocument(report), (context) => formatPool(report, fill, context), exitCode);
  }
}
