import * as Flags from '@oclif/core/flags';

import { BaseCommand } from '../../base-command.js';
import { checksumsDocument } from '../../cli/documents.js';
import { parseNames } from '../../cli/selection/names.js';
import { EXIT } from '../../errors/codes.js';
import { formatChecksums } from '../../ui/summary/format-checksums.js';

export default class Checksums extends BaseCommand {
  static override summary = 'Show which migration files were edited after they were applied.';
  static override description =
    'Compares each file with the checksum that was recorded when it was first applied. In SQL, comments, white space and the case ' +
    'of keywords do not count. JavaScript migrations are compiled, which calls their up functions without a database, and their ' +
    'SQL is compared; where it differs from tenant to tenant, the text of the file is.';
  static override examples = [
    '<%= config.bin %> checksums',
    { description: 'In a pipeline: exit with 3 if a file was edited', command: '<%= config.bin %> checksums --check' },
    { description: 'Keep an edit', command: '<%= config.bin %> checksums --accept 0003_add-invoices' },
  ];
  static override flags = {
    accept: Flags.string({
      multiple: true,
      multipleNonGreedy: true,
      helpValue: 'NAME',
      description: 'Take these files, as they are now, for what was applied (NAME,NAME or repeated).',
    }),
    check: Flags.boolean({ description: 'Exit with 3 if a file was edited or renamed.' }),
  };

  async run(): Promise<number> {
    const { flags } = await this.parse(Checksums);
    const accept = parseNames('--accept', flags.accept);
    const { checksums } = await import('../../fleet/checksums/checksums.js');
    const loaded = await this.load(flags);
    const report = await this.read(loaded, (project) => checksums(project, accept === undefined ? {} : { accept }));
    const differs = report.changed.length + report.renamed.length > 0;
    const code = flags.check && differs ? EXIT.notUpToDate : EXIT.ok;
    return this.print(checksumsDocument(report), (context) => formatChecksums(report, context, process.cwd()), code);
  }
}
