import * as Flags from '@oclif/core/flags';

import { BaseCommand } from '../../base-command.js';
import { squashDocument } from '../../cli/documents.js';
import { formatSquash } from '../../ui/summary/format-squash.js';

export default class Squash extends BaseCommand {
  static override summary = 'Write one migration that replaces all up to another.';
  static override description =
    'Runs the migrations of tenants in a schema that is rolled back, writes what they have made as SQL, and proves that the file makes ' +
    'the same: structure, owners, privileges and rows. New tenants run the file; for a tenant that has all of the replaced migrations ' +
    'it counts as applied, and migrate records that. A tenant that has only some of them is refused.';
  static override examples = [
    { description: 'Everything up to a migration', command: '<%= config.bin %> squash --to 0150_rename-plans' },
    {
      description: 'For tenants of a type, and delete the replaced files',
      command: '<%= config.bin %> squash --to 0040_orders --type shop --delete',
    },
  ];
  static override flags = {
    to: Flags.string({ required: true, helpValue: 'NAME', description: 'The last migration that is replaced.' }),
    type: Flags.string({
      helpValue: 'T',
      description: 'Migrations of this tenant type (default: those of tenants without one).',
    }),
    name: Flags.string({
      helpValue: 'NAME',
      description: 'Name of the new file, after the number (default: squashed).',
    }),
    delete: Flags.boolean({ description: 'Delete the replaced files.' }),
  };

  async run(): Promise<number> {
    const { flags } = await this.parse(Squash);
    const { to, type, name } = flags;
    const options = {
      to,
      ...(type === undefined ? {} : { type }),
      ...(name === undefined ? {} : { name }),
      deleteReplaced: flags.delete,
    };
    const { squash } = await import('../../structure/squash.js');
    const report = await this.read(await this.load(flags), (project) => squash(project, options));
    return this.print(squashDocument(report), (context) => formatSquash(report, context, process.cwd()));
  }
}
