import * as Flags from '@oclif/core/flags';

import { BaseCommand } from '../../base-command.js';
import { snapshotDocument } from '../../cli/documents.js';
import { signalExitCode } from '../../cli/signals.js';
import { formatSnapshot } from '../../ui/summary/new-tenants/format-snapshot.js';

export default class Snapshot extends BaseCommand {
  static override summary = 'Store what the migrations make of an empty schema, for new tenants.';
  static override description =
    'Structure and rows, computed in schemas that are rolled back, for each type. create-tenant uses it as long as the files are the ' +
    'same, and applies what came after it. Kept in the journal, or in a file that the project commits.';
  static override examples = [
    '<%= config.bin %> snapshot',
    { description: 'Into a file', command: '<%= config.bin %> snapshot --file migrations/snapshot.json' },
  ];
  static override flags = {
    file: Flags.string({
      helpValue: 'FILE',
      description: 'File to write (default: snapshot.file; without it, the journal).',
    }),
  };

  async run(): Promise<number> {
    const { flags } = await this.parse(Snapshot);
    const { snapshot } = await import('../../lifecycle/snapshot/take.js');
    const loaded = await this.load(flags);
    const { file } = flags;
    const report = await this.change(loaded, (project, { onEvent }) =>
      snapshot(project, { onEvent, ...(file === undefined ? {} : { file }) }),
    );
    return this.print(snapshotDocument(report), (context) => formatSnapshot(report, context), signalExitCode());
  }
}
