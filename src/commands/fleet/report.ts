import * as Flags from '@oclif/core/flags';

import { BaseCommand } from '../../base-command.js';
import type { ReportDocument } from '../../cli/schemas/document-types.js';
import { clean } from '../../ui/text/clean.js';
import { formatBytes } from '../../util/format-bytes.js';

export default class Report extends BaseCommand {
  static override summary = 'Write a page about the fleet: one HTML file that needs no network.';
  static override description =
    'The page has a map of all tenants, migrations against cohorts, the last runs with their throughput, and how long tenants took and ' +
    'what failed in the last run. It can be opened from the disk, sent by mail or kept by CI. Only reads, and runs no migration code.';
  static override examples = [
    '<%= config.bin %> report --html fleet.html',
    {
      description: 'After each deployment, one file a day',
      command: '<%= config.bin %> report --html "reports/$(date +%F).html"',
    },
  ];
  static override flags = {
    html: Flags.string({
      required: true,
      helpValue: 'FILE',
      description: 'File to write; one that is there is replaced.',
    }),
  };

  async run(): Promise<number> {
    const { flags } = await this.parse(Report);
    const { pageFile, writeFleetPage } = await import('../../fleet-page/write-fleet-page.js');
    await pageFile(flags.html);
    const written = await this.read(await this.load(flags), (project) => writeFleetPage(project, flags.html));
    return this.print(
      written satisfies ReportDocument,
      () => `Wrote ${clean(written.file)} (${formatBytes(written.bytes)}).`,
    );
  }
}
