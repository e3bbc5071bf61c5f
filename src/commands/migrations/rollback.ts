import * as Flags from '@oclif/core/flags';

import { BaseCommand } from '../../base-command.js';
import { confirm } from '../../cli/confirm.js';
import { dryRunDocument, migrateDocument } from '../../cli/documents.js';
import { dryRunFlags, paceFlags, runFileFlags, runFlags, selectionFlags, tenantFlags } from '../../cli/flags.js';
import { dryRunSample, parseRunId } from '../../cli/run-arguments.js';
import { repeatedFlags, runSettings } from '../../cli/run-settings.js';
import { selectedOptions } from '../../cli/selection/selected-options.js';
import type { LoadedProject } from '../../config/loaded-project.js';
import { TenantsError } from '../../errors/tenants-error.js';
import { formatDryRun } from '../../ui/summary/format-dry-run.js';
import { formatRollbackSummary } from '../../ui/summary/format-migrate.js';

export default class Rollback extends BaseCommand {
  static override summary = 'Undo the last migrations of tenants or of the shared schema.';
  static override description =
    'Without a selection, every tenant is rolled back; this requires --confirm all. The shared schema is rolled back only with ' +
    '--shared, because tenants rely on it; --confirm all is then required only if the registry would be dropped. Each tenant is ' +
    'rolled back in one transaction. A migration that has no down or whose file is missing is refused before anything is changed.';
  static override examples = [
    { description: 'The last migration of one tenant', command: '<%= config.bin %> rollback --tenant acme' },
    {
      description: 'Everything after a migration, in the whole fleet',
      command: '<%= config.bin %> rollback --to 0007_add-invoices --confirm all',
    },
    { description: 'What one run applied', command: '<%= config.bin %> rollback --run 42' },
    { description: 'The last shared migration', command: '<%= config.bin %> rollback --shared' },
  ];
  static override flags = {
    shared: selectionFlags.shared,
    'tenants-only': selectionFlags['tenants-only'],
    ...tenantFlags,
    schema: selectionFlags.schema,
    to: Flags.string({ helpValue: 'NAME', description: 'Undo all migrations after this one.' }),
    count: Flags.string({ helpValue: 'N', description: 'Number of migrations to undo in each schema (default: 1).' }),
    run: Flags.string({
      helpValue: 'ID',
      description: 'Undo exactly what this run applied; a tenant with newer migrations fails.',
    }),
    ...dryRunFlags,
    fake: Flags.boolean({ description: 'Remove the records of the migrations without undoing them.' }),
    confirm: Flags.string({ helpValue: 'all', description: 'Confirm that the whole fleet is rolled back.' }),
    'fail-fast': Flags.boolean({ description: 'Start no more tenants after the first failure.' }),
    ...paceFlags,
    ...runFlags,
    ...runFileFlags,
  };

  async run(): Promise<number> {
    const { flags } = await this.parse(Rollback);
    const loaded = await this.load(flags, runSettings(flags));
    const chosen = await selectedOptions(flags, loaded.shared.schema, 'tenants');
    const { target } = chosen;
    const selection = chosen.selection.kind === 'all' ? ({ kind: 'tenants' } as const) : chosen.selection;
    const { rollback } = await import('../../run/rollback.js');
    const { isWholeFleet } = await import('../../run/assert-options.js');
    const { exitCodeOf } = await import('../../run/report.js');
    const run = parseRunId(flags.run);
    if (run !== undefined && target !== undefined) {
      throw new TenantsError('USAGE', '--run cannot be combined with --to or --count: a run is undone as a whole.');
    }
    const sample = dryRunSample(flags);
    if (sample !== undefined) {
      const given = {
        selection,
        ...(target === undefined ? {} : { target }),
        ...(run === undefined ? {} : { run }),
        ...sample,
      };
      const { dryRunRollback } = await import('../../run/dry-run/dry-run.js');
      return await this.changeAndPrint(loaded, flags, async (project, control) => {
        const how = { fake: flags.fake, failFast: flags['fail-fast'] };
        const report = await dryRunRollback(project, { ...given, ...how, ...control });
        return {
          report,
          exitCode: exitCodeOf(report),
          document: (code) => dryRunDocument('rollback', report, code),
          format: (context) => formatDryRun(report, 'rollback', context),
        };
      });
    }
    const asks = isWholeFleet({ selection }) && (run === undefined || (await this.#wasWholeFleet(loaded, run)));
    const confirmed = (asks || flags.confirm !== undefined) && (await confirm('all', flags.confirm, WARNING));
    const options = {
      selection,
      ...(target === undefined ? {} : { target }),
      ...(run === undefined ? {} : { run }),
      fake: flags.fake,
      failFast: flags['fail-fast'],
      confirmed,
    };
    return await this.changeAndPrint(loaded, flags, async (project, control) => {
      const report = await rollback(project, { ...options, ...control });
      const shown = { ...repeatedFlags(flags), fake: flags.fake, undoes: flags.run };
      return {
        report,
        exitCode: exitCodeOf(report),
        document: (code) => migrateDocument('rollback', report, code),
        format: (context) => formatRollbackSummary(report, { ...context, ...shown }),
      };
    });
  }

  /** Asked only where the answer decides about a question: `rollback` itself looks again. */
  async #wasWholeFleet(loaded: LoadedProject, run: number): Promise<boolean> {
    const { readRun } = await import('../../journal/read/runs.js');
    const report = await this.read(loaded, (project) => readRun(project, run, { tenants: [] }));
    return report.run.wholeFleet;
  }
}

const WARNING = 'This rolls back all tenants of the fleet.';
