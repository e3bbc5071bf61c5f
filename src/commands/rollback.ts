import * as Flags from '@oclif/core/flags';

import { BaseCommand } from '../base-command.js';
import { confirm } from '../cli/confirm.js';
import { migrateDocument } from '../cli/documents.js';
import { runFlags, selectionFlags, tenantFlags } from '../cli/flags.js';
import { repeatedFlags, runSettings } from '../cli/run-settings.js';
import { selectedOptions } from '../cli/selection.js';
import { signalExitCode } from '../cli/signals.js';
import { formatRollbackSummary } from '../ui/summary/format-migrate.js';

export default class Rollback extends BaseCommand {
  static override summary = 'Undo the last migration of tenants, or several; or of the shared schema.';
  static override description =
    'Without a selection the tenants are meant, all of them, which must be confirmed with --confirm all. The shared schema is ' +
    'rolled back only with --shared, because tenants rely on it; that needs --confirm all only if the registry would go. ' +
    'Each tenant is rolled back in one transaction. Migrations without a down, or whose file is gone, are refused before ' +
    'anything is changed.';
  static override examples = [
    { description: 'The last migration of one tenant', command: '<%= config.bin %> rollback --tenant acme' },
    {
      description: 'What came after a migration, in the whole fleet',
      command: '<%= config.bin %> rollback --tenants-only --to 0007_add-invoices --confirm all',
    },
    { description: 'The last shared migration', command: '<%= config.bin %> rollback --shared' },
  ];
  static override flags = {
    shared: selectionFlags.shared,
    'tenants-only': selectionFlags['tenants-only'],
    ...tenantFlags,
    schema: selectionFlags.schema,
    to: Flags.string({ helpValue: 'NAME', description: 'Undo what came after this migration; it stays.' }),
    count: Flags.string({ helpValue: 'N', description: 'Undo N migrations of each schema; 1 if nothing is said.' }),
    fake: Flags.boolean({ description: 'Only remove the records of the migrations.' }),
    confirm: Flags.string({ helpValue: 'all', description: 'Confirms that the whole fleet is meant.' }),
    'fail-fast': Flags.boolean({ description: 'Stop handing out tenants after the first failure.' }),
    ...runFlags,
  };

  async run(): Promise<number> {
    const { flags } = await this.parse(Rollback);
    const loaded = await this.load(flags, runSettings(flags));
    const { selection: chosen, target } = selectedOptions(flags, loaded.shared.schema);
    const selection = chosen.kind === 'all' ? ({ kind: 'tenants' } as const) : chosen;
    const { isWholeFleet, rollback } = await import('../run/rollback.js');
    const { exitCodeOf } = await import('../run/report.js');
    const asks = isWholeFleet({ selection });
    const confirmed =
      (asks || flags.confirm !== undefined) &&
      (await confirm('all', flags.confirm, 'This rolls back all tenants of the fleet.'));
    const options = {
      selection,
      ...(target === undefined ? {} : { target }),
      fake: flags.fake,
      failFast: flags['fail-fast'],
      confirmed,
    };
    const report = await this.change(loaded, (project, control) => rollback(project, { ...options, ...control }));
    const code = (report.interrupted ? signalExitCode() : undefined) ?? exitCodeOf(report);
    this.remark(report.warnings);
    return this.print(
      migrateDocument('rollback', report, code),
      (context) => formatRollbackSummary(report, { ...context, ...repeatedFlags(flags) }),
      code,
    );
  }
}
