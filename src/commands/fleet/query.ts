import * as Args from '@oclif/core/args';
import * as Flags from '@oclif/core/flags';

import { BaseCommand } from '../../base-command.js';
import { alsoSharedFlag, runFlags, tenantFlags } from '../../cli/flags.js';
import { formatContext, printMessage } from '../../cli/output.js';
import { runSettings } from '../../cli/run-settings.js';
import { selectedTenants } from '../../cli/selection/selected-options.js';
import { signalExitCode } from '../../cli/signals.js';
import { EXIT } from '../../errors/codes.js';
import { TenantsError } from '../../errors/tenants-error.js';
import { formatQuerySummary } from '../../ui/summary/format-query.js';

export default class Query extends BaseCommand {
  static override summary = 'Run a statement in each selected tenant and show one table of results.';
  static override description =
    'Runs in a separate read-only transaction for each tenant. With --write, the statement may change data, and each tenant ' +
    'commits separately. The first column is "tenant". If the statement fails for a tenant, the others continue, and failures ' +
    'are listed at the end.\n\n' +
    'In JSON, booleans, floating-point numbers, JSON values, arrays of these, and integers up to 2^53 keep their type; all other ' +
    'values are strings as PostgreSQL prints them. In CSV, NULL is an empty field and an empty string is "".';
  static override examples = [
    '<%= config.bin %> query "SELECT count(*) FROM projects"',
    {
      description: 'Write any number of rows to a file',
      command: '<%= config.bin %> query "SELECT * FROM invoices" --csv > invoices.csv',
    },
    {
      description: 'Change data in two tenants',
      command: `<%= config.bin %> query --write --tenant acme,globex "UPDATE settings SET theme = 'dark'"`,
    },
  ];
  static override args = {
    sql: Args.string({ required: true, ignoreStdin: true, description: 'One SQL statement without parameters.' }),
  };
  static override flags = {
    ...tenantFlags,
    shared: alsoSharedFlag,
    write: Flags.boolean({ description: 'Allow the statement to change data.' }),
    csv: Flags.boolean({ description: 'Print CSV with a header row.' }),
    ndjson: Flags.boolean({ description: 'Print one JSON object per line for each row.' }),
    concurrency: runFlags.concurrency,
    'statement-timeout': runFlags['statement-timeout'],
    'lock-timeout': runFlags['lock-timeout'],
  };

  async run(): Promise<number> {
    const { args, flags } = await this.parse(Query);
    if ([flags.csv, flags.ndjson, flags.json].filter(Boolean).length > 1) {
      throw new TenantsError('USAGE', '--csv, --ndjson and --json cannot be combined.');
    }
    const selection = { ...(await selectedTenants(flags)), shared: flags.shared };
    const format = flags.csv ? 'csv' : flags.ndjson ? 'ndjson' : flags.json ? 'json' : 'table';
    const { createQueryOutput } = await import('../../cli/query-output.js');
    const output = createQueryOutput(format, { readerMayLeave: !flags.write });
    const { query } = await import('../../each-tenant/query/query.js');
    const loaded = await this.load(flags, runSettings(flags));
    const report = await this.change(loaded, (project, { drain, cancel }) => {
      const options = { ...selection, sql: args.sql, write: flags.write, onRows: output.rows, drain, cancel };
      return query(project, options).catch((error: unknown) => output.leave(error));
    });
    if (report === undefined) return EXIT.ok;
    await output.end(report);
    if (format !== 'json') printMessage(formatQuerySummary(report, formatContext(process.stderr)));
    const code = report.failed.length > 0 ? EXIT.failed : EXIT.ok;
    return (report.interrupted ? signalExitCode() : undefined) ?? code;
  }
}
