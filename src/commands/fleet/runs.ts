import * as Args from '@oclif/core/args';
import * as Flags from '@oclif/core/flags';

import { BaseCommand } from '../../base-command.js';
import { runDocument, runsDocument } from '../../cli/documents.js';
import { tenantFlags } from '../../cli/flags.js';
import { outputOptions } from '../../cli/output.js';
import { parseAge, parseRunId } from '../../cli/run-arguments.js';
import { parseNames } from '../../cli/selection/names.js';
import { TenantsError } from '../../errors/tenants-error.js';
import { formatRun, formatRuns, runCsv } from '../../ui/summary/format-runs.js';
import { tenantsCommand } from '../../util/tenants-command.js';

export default class Runs extends BaseCommand {
  static override summary = 'Show the recorded runs, or one of them with the result of each tenant.';
  static override description =
    'Every migrate, rollback, create-, clone-, rename- and delete-tenant and doctor --fix is recorded in the journal, a schema of ' +
    'its own. Of each tenant there is what was done, how long it took, and the error with its statement; tenants that were up to ' +
    'date are only counted. A run whose process was killed is completed by the next migrate or rollback.';
  static override examples = [
    '<%= config.bin %> runs',
    { description: 'What failed in run 42', command: '<%= config.bin %> runs 42 --failed' },
    { description: 'For a spreadsheet', command: '<%= config.bin %> runs 42 --csv > run-42.csv' },
    { description: 'Forget runs that are older than 90 days', command: '<%= config.bin %> runs --prune 90d' },
  ];
  static override args = {
    id: Args.string({ ignoreStdin: true, description: 'Number of a run.' }),
  };
  static override flags = {
    limit: Flags.string({ helpValue: 'N', description: 'Maximum number of runs (default: 20).' }),
    prune: Flags.string({
      helpValue: 'AGE',
      description: 'First remove runs that ended longer ago than this: 12h, 90d, 6w, 3mo, 1y.',
    }),
    failed: Flags.boolean({ description: 'Only tenants that failed, were not executed or are missing.' }),
    tenant: tenantFlags.tenant,
    csv: Flags.boolean({ description: 'Print the results as CSV with a header row.' }),
  };

  async run(): Promise<number> {
    const { args, flags } = await this.parse(Runs);
    const id = parseRunId(args.id);
    const tenants = parseNames('--tenant', flags.tenant);
    const { limit, pruneMs } = listOptions(flags);
    if (id === undefined && (flags.failed || flags.csv || tenants !== undefined)) {
      throw new TenantsError('USAGE', '--failed, --tenant and --csv are about one run: give its number.', {
        suggestions: [`To see the numbers, run: ${tenantsCommand('runs')}`],
      });
    }
    if (id !== undefined && (flags.limit !== undefined || flags.prune !== undefined)) {
      throw new TenantsError('USAGE', '--limit and --prune are about all runs, not about one.');
    }
    if (flags.csv && outputOptions().json) throw new TenantsError('USAGE', '--csv and --json cannot be combined.');
    const { listRuns, readRun } = await import('../../journal/read/runs.js');
    const loaded = await this.load(flags);
    if (id === undefined) {
      const options = { ...(limit === undefined ? {} : { limit }), ...(pruneMs === undefined ? {} : { pruneMs }) };
      const report = await this.read(loaded, (project) => listRuns(project, options));
      return this.print(runsDocument(report), (context) => formatRuns(report, context));
    }
    const options = { failed: flags.failed, ...(tenants === undefined ? {} : { tenants }) };
    const report = await this.read(loaded, (project) => readRun(project, id, options));
    return this.print(runDocument(report), (context) => (flags.csv ? runCsv(report) : formatRun(report, context)));
  }
}

function listOptions({ limit, prune }: { limit?: string | undefined; prune?: string | undefined }) {
  if (limit !== undefined && !/^[1-9]\d{0,6}$/.test(limit)) {
    throw new TenantsError('USAGE', `--limit must be a positive integer (got ${limit}).`);
  }
  return {
    limit: limit === undefined ? undefined : Number(limit),
    pruneMs: prune === undefined ? undefined : parseAge(prune),
  };
}
