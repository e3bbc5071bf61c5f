import { BaseCommand } from '../../base-command.js';
import { alsoSharedFlag, runFlags, tenantFlags } from '../../cli/flags.js';
import { formatContext, printMessage, outputOptions } from '../../cli/output.js';
import { runSettings } from '../../cli/run-settings.js';
import type { ExecDocument } from '../../cli/schemas/document-types.js';
import { selectedTenants } from '../../cli/selection/selected-options.js';
import { signalExitCode } from '../../cli/signals.js';
import { usageError } from '../../cli/usage-error.js';
import { writeMessagePart, writeResultPart } from '../../cli/write-stream.js';
import { EXIT } from '../../errors/codes.js';
import { isTenantsError, TenantsError } from '../../errors/tenants-error.js';
import { formatExecSummary, prefixed } from '../../ui/summary/format-exec.js';
import { tenantsCommand } from '../../util/tenants-command.js';

export default class Exec extends BaseCommand {
  static override summary = 'Run a program for each selected tenant.';
  static override description =
    'TENANT_SCHEMA names the tenant. DATABASE_URL and the PG* variables give any PostgreSQL client the search path of the tenant. ' +
    'The program is started without a shell. Each line of output is prefixed with the name of the tenant. If the program ' +
    'fails for a tenant, the others continue, and failures are listed at the end.';
  static override usage = 'exec [FLAGS] -- COMMAND…';
  static override examples = [
    '<%= config.bin %> exec -- psql -c "SELECT count(*) FROM projects"',
    { description: 'Two tenants', command: '<%= config.bin %> exec --tenant acme,globex -- node scripts/reindex.js' },
    {
      description: 'With a shell',
      command: `<%= config.bin %> exec -- sh -c 'pg_dump -n "$TENANT_SCHEMA" > "$TENANT_SCHEMA.sql"'`,
    },
  ];
  static override flags = { ...tenantFlags, shared: alsoSharedFlag, concurrency: runFlags.concurrency };

  async run(): Promise<number> {
    // The parser would reorder words that occur twice, so it never sees what follows --.
    const end = this.argv.includes('--') ? this.argv.indexOf('--') : this.argv.length;
    const [program, ...args] = this.argv.slice(end + 1);
    const { flags } = await this.parse(Exec, this.argv.slice(0, end)).catch((error: unknown) => {
      throw end < this.argv.length ? error : withExample(error, this.argv);
    });
    if (program === undefined || program === '') {
      throw new TenantsError('USAGE', 'No program was given.', {
        suggestions: [`Put it after --, for example: ${tenantsCommand('exec', '--', 'psql', '-c', 'SELECT 1')}`],
      });
    }
    const selection = { ...(await selectedTenants(flags)), shared: flags.shared };
    const { exec } = await import('../../each-tenant/exec/exec.js');
    const loaded = await this.load(flags, runSettings(flags));
    const { json } = outputOptions();
    const report = await this.change(loaded, (project, { drain, cancel }) =>
      exec(project, {
        ...selection,
        command: [program, ...args],
        cwd: process.cwd(),
        env: process.env,
        drain,
        cancel,
        signal: () => (signalExitCode() === EXIT.sigint ? 'SIGINT' : 'SIGTERM'),
        onLines: async (tenant, stream, lines) => {
          const toStdout = stream === 'stdout' && !json;
          const context = formatContext(toStdout ? process.stdout : process.stderr);
          await (toStdout ? writeResultPart : writeMessagePart)(prefixed(tenant, lines, context));
        },
      }),
    );
    const failed = report.results.some(({ exitCode }) => exitCode !== 0);
    const code = (report.interrupted ? signalExitCode() : undefined) ?? (failed ? EXIT.failed : EXIT.ok);
    if (json) return this.print({ results: report.results } satisfies ExecDocument, () => '', code);
    printMessage(formatExecSummary(report, formatContext(process.stderr)));
    return code;
  }
}

/** What follows `exec` without `--` is usually the program. */
function withExample(error: unknown, argv: readonly string[]): unknown {
  const usage = usageError(error, { id: 'exec', flags: Object.keys({ ...Exec.baseFlags, ...Exec.flags }) });
  if (isTenantsError(usage)) {
    const program = argv[0]?.startsWith('-') === false ? argv : ['psql', '-c', 'SELECT 1'];
    usage.suggestions.unshift(`The program and its arguments follow --: ${tenantsCommand('exec', '--', ...program)}`);
  }
  return usage;
}
