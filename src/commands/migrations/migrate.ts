import * as Flags from '@oclif/core/flags';

import { BaseCommand } from '../../base-command.js';
import { askNextWave, canAsk } from '../../cli/ask.js';
import { dryRunDocument, migrateDocument } from '../../cli/documents.js';
import { dryRunFlags, phaseFlag, rolloutFlags, runFileFlags, runFlags, selectionFlags } from '../../cli/flags.js';
import { dryRunSample, failedRun, parsePhase } from '../../cli/run-arguments.js';
import { repeatedFlags, runSettings } from '../../cli/run-settings.js';
import { selectedOptions } from '../../cli/selection/selected-options.js';
import { formatDryRun } from '../../ui/summary/format-dry-run.js';
import { formatMigrateSummary } from '../../ui/summary/format-migrate.js';

export default class Migrate extends BaseCommand {
  static override summary = 'Apply pending migrations: the shared schema first, then every tenant.';
  static override description =
    'Each tenant is migrated in one transaction. A tenant that fails is rolled back, and the others continue. Ctrl-C lets running ' +
    'tenants finish; a second Ctrl-C cancels them. Running the command again continues where it stopped.';
  static override examples = [
    '<%= config.bin %> migrate',
    { description: 'Selected tenants', command: '<%= config.bin %> migrate --tenant acme,globex' },
    {
      description: 'Try it in every tenant, and change nothing',
      command: '<%= config.bin %> migrate --dry-run --sample all',
    },
    { description: 'Those that failed the last time', command: '<%= config.bin %> migrate --failed' },
    {
      description: 'One tenant, then 5% of them, then all, each run one step',
      command: '<%= config.bin %> migrate --waves 1,5%,100%',
    },
    {
      description: 'Before a deployment, without the migrations that wait for the new code',
      command: '<%= config.bin %> migrate --phase pre',
    },
    {
      description: 'All tenants, up to a migration, ten at a time',
      command: '<%= config.bin %> migrate --tenants-only --to 0007_add-invoices --concurrency 10',
    },
  ];
  static override flags = {
    ...selectionFlags,
    ...phaseFlag,
    failed: Flags.boolean({ description: 'Only tenants that failed or were not executed in the last migrate.' }),
    run: Flags.string({ helpValue: 'ID', description: 'With --failed: in this run instead of the last one.' }),
    ...dryRunFlags,
    fake: Flags.boolean({ description: 'Record migrations as applied without running them.' }),
    'fail-fast': Flags.boolean({ description: 'Start no more tenants after the first failure.' }),
    ...rolloutFlags,
    ...runFlags,
    ...runFileFlags,
  };

  async run(): Promise<number> {
    const { flags } = await this.parse(Migrate);
    const loaded = await this.load(flags, runSettings(flags));
    const failedOf = failedRun(flags);
    const sample = dryRunSample(flags);
    const selected = await selectedOptions(
      failedOf === undefined ? flags : { ...flags, 'tenants-only': true },
      loaded.shared.schema,
    );
    const options = {
      ...selected,
      ...parsePhase(flags),
      fake: flags.fake,
      failFast: flags['fail-fast'],
      ...(failedOf === undefined ? {} : { failedOf }),
    };
    const { exitCodeOf } = await import('../../run/report.js');
    if (sample !== undefined) {
      const { dryRunMigrate } = await import('../../run/dry-run/dry-run.js');
      return await this.changeAndPrint(loaded, flags, async (project, control) => {
        const report = await dryRunMigrate(project, { ...options, ...sample, ...control });
        return {
          report,
          exitCode: exitCodeOf(report),
          document: (code) => dryRunDocument('migrate', report, code),
          format: (context) => formatDryRun(report, 'migrate', context),
        };
      });
    }
    const { migrate } = await import('../../run/migrate.js');
    const summary = { command: 'migrate', fake: flags.fake, ...repeatedFlags(flags) } as const;
    return await this.changeAndPrint(loaded, flags, async (project, control, suspend) => {
      const ask = canAsk() ? { askNextWave: askNextWave(suspend) } : {};
      const report = await migrate(project, { ...options, ...control, ...ask });
      return {
        report,
        exitCode: exitCodeOf(report),
        document: (code) => migrateDocument('migrate', report, code),
        format: (context) => formatMigrateSummary(report, { ...context, ...summary }),
      };
    });
  }
}
