import * as Args from '@oclif/core/args';
import * as Flags from '@oclif/core/flags';

import { BaseCommand } from '../base-command.js';
import { assignments } from '../cli/assignments.js';
import { tenantDocument } from '../cli/documents.js';
import { parseNames } from '../cli/selection.js';
import { signalExitCode } from '../cli/signals.js';
import { formatCreated } from '../ui/summary/format-created-tenant.js';

export default class CreateTenant extends BaseCommand {
  static override summary = 'Create a tenant: its row, domains and schema, with all migrations.';
  static override description =
    'All in one transaction: any error leaves nothing behind. NAME becomes the name of the schema. The first domain is the ' +
    'primary one. The name of the shared schema makes the public tenant, which has domains only.';
  static override examples = [
    '<%= config.bin %> create-tenant acme acme.example.com',
    {
      description: 'With a label and columns of your own',
      command: '<%= config.bin %> create-tenant acme --label "Acme Ltd." --set plan=gold --set seats=25',
    },
    { description: 'Take over a schema that exists', command: '<%= config.bin %> create-tenant legacy --adopt' },
  ];
  static override args = {
    name: Args.string({ required: true, ignoreStdin: true, description: 'Schema name of the tenant.' }),
    domain: Args.string({ ignoreStdin: true, description: 'Its primary domain.' }),
  };
  static override flags = {
    domain: Flags.string({
      multiple: true,
      multipleNonGreedy: true,
      helpValue: 'D',
      description: 'A domain (D,D or repeated).',
    }),
    label: Flags.string({ helpValue: 'TEXT', description: 'A name for people.' }),
    type: Flags.string({ helpValue: 'T', description: 'The type, which chooses the migrations.' }),
    set: Flags.string({
      multiple: true,
      multipleNonGreedy: true,
      helpValue: 'column=value',
      description: 'A further column of the tenant table.',
    }),
    'if-not-exists': Flags.boolean({ description: 'Succeed if the same tenant with the same domains is there.' }),
    adopt: Flags.boolean({ description: 'Take over a schema that exists but is not registered.' }),
    'no-migrate': Flags.boolean({ description: 'Apply no migrations.' }),
  };

  async run(): Promise<number> {
    const { args, flags } = await this.parse(CreateTenant);
    const domains = [
      ...(args.domain === undefined ? [] : [args.domain]),
      ...(parseNames('--domain', flags.domain) ?? []),
    ];
    const options = {
      schema: args.name,
      domains,
      set: assignments(flags.set),
      ifNotExists: flags['if-not-exists'],
      adopt: flags.adopt,
      noMigrate: flags['no-migrate'],
      ...(flags.label === undefined ? {} : { label: flags.label }),
      ...(flags.type === undefined ? {} : { type: flags.type }),
    };
    const { createTenant } = await import('../lifecycle/create-tenant.js');
    const loaded = await this.load(flags);
    const created = await this.change(loaded, (project, control) => createTenant(project, { ...options, ...control }));
    const verb = created.created ? 'Created' : 'Found';
    return this.print(tenantDocument(created), (context) => formatCreated(created, context, verb), signalExitCode());
  }
}
