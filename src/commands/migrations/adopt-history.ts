import * as Flags from '@oclif/core/flags';

import { BaseCommand } from '../../base-command.js';
import { adoptHistoryDocument } from '../../cli/documents.js';
import { selectionFlags } from '../../cli/flags.js';
import { selectedOptions } from '../../cli/selection/selected-options.js';
import { signalExitCode } from '../../cli/signals.js';
import { formatAdoptHistory } from '../../ui/summary/format-adopt-history.js';

const { shared, 'tenants-only': tenantsOnly, tenant, exclude, type, where, schema } = selectionFlags;

export default class AdoptHistory extends BaseCommand {
  static override summary = 'Record what another migration tool has applied.';
  static override description =
    'Reads the bookkeeping of Drizzle, Prisma, dbmate, goose, golang-migrate, sqlx or Flyway in each schema, compares it with the ' +
    'migration files, and records in the migrations table what is applied. Runs no migration. A tenant whose history does not ' +
    'match the files is refused.';
  static override examples = [
    '<%= config.bin %> adopt-history --dry-run',
    { description: 'One tenant', command: '<%= config.bin %> adopt-history --tenant acme' },
  ];
  static override flags = {
    shared,
    'tenants-only': tenantsOnly,
    tenant,
    schema,
    exclude,
    type,
    where,
    from: Flags.string({
      helpValue: 'SCHEMA',
      description: "Schema of the other tool's table (default: that of each tenant).",
    }),
    'dry-run': Flags.boolean({ description: 'Show what would be recorded, and change nothing.' }),
  };

  async run(): Promise<number> {
    const { flags } = await this.parse(AdoptHistory);
    const loaded = await this.load(flags);
    const { selection } = await selectedOptions(flags, loaded.shared.schema);
    const { from, 'dry-run': dryRun } = flags;
    const { adoptHistory } = await import('../../run/adopt/adopt-history.js');
    const { exitCodeOf } = await import('../../run/report.js');
    const options = { selection, ...(from === undefined ? {} : { from }) };
    const report = dryRun
      ? await this.read(loaded, (project) => adoptHistory(project, { ...options, dryRun }))
      : await this.change(loaded, (project, control) => adoptHistory(project, { ...options, ...control }));
    const code = (report.interrupted ? signalExitCode() : undefined) ?? exitCodeOf(report);
    this.remark(report.warnings);
    return this.print(adoptHistoryDocument(report, code), (context) => formatAdoptHistory(report, context), code);
  }
}
