import * as Args from '@oclif/core/args';
import * as Flags from '@oclif/core/flags';

import { BaseCommand } from '../../base-command.js';
import { lintDocument } from '../../cli/documents.js';
import { outputOptions, printJsonOnly, printMessage, printResult } from '../../cli/output.js';
import type { LoadedProject } from '../../config/loaded-project.js';
import { EXIT } from '../../errors/codes.js';
import { isTenantsError, TenantsError } from '../../errors/tenants-error.js';
import type { LintOptions, LintReport } from '../../lint/types.js';
import { formatLint } from '../../ui/summary/lint/format-lint.js';
import { clean } from '../../ui/text/clean.js';
import { redact } from '../../util/redact.js';

export default class Lint extends BaseCommand {
  static override summary = 'Find what can go wrong in migration files.';
  static override description =
    'Looks for statements that lock or rewrite large tables, break the running application, or do not fit a schema for each tenant. ' +
    'Needs no database; with one that can be reached, findings say how large the tables are. JavaScript migrations are compiled, ' +
    'which calls their functions without a database. Exits with 3 if a finding is an error.';
  static override examples = [
    '<%= config.bin %> lint',
    {
      description: 'In a pull request: what it changes',
      command: '<%= config.bin %> lint --since origin/main --format github',
    },
    { description: 'Some files', command: '<%= config.bin %> lint migrations/tenant/0012_add-due-date.sql' },
  ];
  static override usage = 'lint [FILES…] [FLAGS]';
  static override args = {
    files: Args.string({ multiple: true, description: 'Files and folders to look at (default: all migrations).' }),
  };
  static override flags = {
    since: Flags.string({ helpValue: 'REV', description: 'Only files that differ from this git revision.' }),
    format: Flags.string({
      options: ['text', 'json', 'github', 'sarif'],
      helpValue: 'text|json|github|sarif',
      description: 'Form of the result: for people, scripts, GitHub Actions, or code scanning (default: text).',
    }),
    offline: Flags.boolean({ description: 'Do not ask the database how large tables are.' }),
  };

  async run(): Promise<number> {
    const { flags, args } = await this.parse(Lint);
    const format = flags.format ?? (outputOptions().json ? 'json' : 'text');
    if (format === 'json') printJsonOnly();
    else if (outputOptions().json) throw new TenantsError('USAGE', `--json and --format ${format} cannot be combined.`);
    const { since, offline } = flags;
    const report = await this.lint(await this.load(flags), {
      paths: args.files ?? [],
      cwd: process.cwd(),
      sizes: !offline,
      ...(since === undefined ? {} : { since }),
    });
    for (const warning of report.warnings) printMessage(clean(redact(warning)));
    const { hasLintErrors } = await import('../../lint/lint-migrations.js');
    const code = hasLintErrors(report) ? EXIT.notUpToDate : EXIT.ok;
    const repository = process.env['GITHUB_WORKSPACE'] || process.cwd();
    if (format === 'github') {
      const { githubAnnotations } = await import('../../ui/summary/lint/github-annotations.js');
      printResult(githubAnnotations(report.findings, repository));
      return code;
    }
    if (format === 'sarif') {
      const { sarifLog } = await import('../../ui/summary/lint/sarif.js');
      printResult(JSON.stringify(sarifLog(report.findings, repository)));
      return code;
    }
    const folder = process.cwd();
    return this.print(lintDocument(report, folder), (context) => formatLint(report, context, folder), code);
  }

  private async lint(loaded: LoadedProject, options: LintOptions): Promise<LintReport> {
    const { lintMigrations } = await import('../../lint/lint-migrations.js');
    const alone = async (warnings: string[]): Promise<LintReport> => {
      const report = await lintMigrations({ ...loaded, database: undefined }, options);
      return { ...report, warnings: [...warnings, ...report.warnings] };
    };
    if (options.sizes === false || !(await hasRunningDatabase(loaded))) return await alone([]);
    try {
      return await this.read(loaded, (project) => lintMigrations(project, options));
    } catch (error) {
      if (!isTenantsError(error) || error.exitCode !== EXIT.unreachable) throw error;
      return await alone([`Sizes of tables are left out: ${error.message}`]);
    }
  }
}

/** Whether there is a database to ask: one that is configured, or an embedded one that runs already. None is started for this. */
async function hasRunningDatabase({ database, root }: LoadedProject): Promise<boolean> {
  if (database !== 'embedded') return database !== undefined;
  const { embeddedUrl } = await import('../../embedded/keep-running.js');
  return (await embeddedUrl(root).catch(() => undefined))?.running === true;
}
