import { parse, relative } from 'node:path';

import * as Args from '@oclif/core/args';
import * as Flags from '@oclif/core/flags';

import { BaseCommand } from '../../base-command.js';
import { migrationDirectory, migrationFormat } from '../../cli/migration-directory.js';
import type { CreatedMigration } from '../../cli/schemas/document-types.js';

export default class CreateMigration extends BaseCommand {
  static override summary = 'Create an empty migration file, numbered after the last one.';
  static override description = 'Prints the path of the file. Does not need a database.';
  static override examples = [
    '<%= config.bin %> create-migration add-invoices',
    { description: 'For the shared schema', command: '<%= config.bin %> create-migration add-plans --shared' },
    { description: 'In TypeScript', command: '<%= config.bin %> create-migration add-invoices --language ts' },
  ];
  static override args = {
    name: Args.string({ required: true, ignoreStdin: true, description: 'Short description, such as add-invoices.' }),
  };
  static override flags = {
    shared: Flags.boolean({ description: 'Create it for the shared schema.' }),
    type: Flags.string({ helpValue: 'T', description: 'Create it for tenants of this type.' }),
    language: Flags.option({
      options: ['sql', 'js', 'ts'] as const,
      helpValue: 'sql|js|ts',
      description: 'Language of the file (default: sql).',
    })(),
  };

  async run(): Promise<number> {
    const { args, flags } = await this.parse(CreateMigration);
    const project = await this.load(flags);
    const directory = migrationDirectory(project, flags);
    const [{ assertCreatable }, { createMigrationFile }] = await Promise.all([
      import('../../engine/formats/assert-creatable.js'),
      import('../../engine/new-migration.js'),
    ]);
    await assertCreatable({ directory, ignorePattern: project.ignorePattern }, migrationFormat(project, flags));
    const file = await createMigrationFile({ directory, name: args.name, language: flags.language ?? 'sql' });
    const path = relative(process.cwd(), file);
    return this.print({ name: parse(file).name, path } satisfies CreatedMigration, () => path);
  }
}
