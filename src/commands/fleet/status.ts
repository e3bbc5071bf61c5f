import * as Flags from '@oclif/core/flags';

import { BaseCommand } from '../../base-command.js';
import { statusDocument } from '../../cli/documents.js';
import { tenantFlags } from '../../cli/flags.js';
import { parsePhase } from '../../cli/run-arguments.js';
import { selectedTenants } from '../../cli/selection/selected-options.js';
import { EXIT } from '../../errors/codes.js';
import { TenantsError } from '../../errors/tenants-error.js';
import type { OpenProject } from '../../open-project.js';
import { driftLine } from '../../ui/summary/format-drift.js';
import { formatStatus } from '../../ui/summary/format-status.js';
import type { FormatContext } from '../../ui/text/format-context.js';

export default class Status extends BaseCommand {
  static override summary = 'Show which tenants are up to date and which are behind.';
  static override description =
    'Groups tenants by their applied migrations, and lists those that are missing, ahead or out of order. Only reads, and ' +
    'runs no migration code.';
  static override examples = [
    '<%= config.bin %> status',
    {
      description: 'In a pipeline: exit with 3 if anything is pending',
      command: '<%= config.bin %> status --check',
    },
    { description: 'One tenant', command: '<%= config.bin %> status --tenant acme' },
  ];
  static override flags = {
    check: Flags.boolean({ description: 'Exit with 3 unless everything is up to date.' }),
    phase: Flags.string({
      helpValue: 'pre|post',
      description: 'With --check: with pre, what waits for the new code may be pending (default: nothing may).',
    }),
    drift: Flags.boolean({
      description: 'Also compare the structure of tenants; with --check, exit with 3 if one differs.',
    }),
    html: Flags.string({
      helpValue: 'FILE',
      description: 'Also write the page about the whole fleet, as report does.',
    }),
    ...tenantFlags,
  };

  async run(): Promise<number> {
    const { flags } = await this.parse(Status);
    const selection = await selectedTenants(flags);
    const { phase } = parsePhase(flags);
    if (phase !== undefined && !flags.check) {
      throw new TenantsError('USAGE', '--phase belongs to --check, which is missing.');
    }
    const { isUpToDate, status } = await import('../../fleet/status.js');
    const writePage = flags.html === undefined ? undefined : await pageWriter(flags.html);
    const { report, drifted } = await this.read(await this.load(flags), async (project) => {
      const fleet = await status(project, selection);
      await writePage?.(project);
      if (!flags.drift) return { report: fleet };
      const { drift } = await import('../../structure/drift.js');
      return { report: fleet, drifted: await drift(project, selection) };
    });
    const isAsItShouldBe = isUpToDate(report, phase) && (drifted?.tenants.different ?? 0) === 0;
    const code = flags.check && !isAsItShouldBe ? EXIT.notUpToDate : EXIT.ok;
    const text = (context: FormatContext): string =>
      [formatStatus(report, context), ...(drifted === undefined ? [] : ['', driftLine(drifted, context)])].join('\n');
    return this.print(statusDocument(report, drifted), text, code);
  }
}

/** Checks the path before the database is asked. */
async function pageWriter(file: string): Promise<(project: OpenProject) => Promise<unknown>> {
  const { pageFile, writeFleetPage } = await import('../../fleet-page/write-fleet-page.js');
  const path = await pageFile(file);
  return (project) => writeFleetPage(project, path);
}
