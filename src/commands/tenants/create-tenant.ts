import * as Args from '@oclif/core/args';
import * as Flags from '@oclif/core/flags';

import { BaseCommand } from '../../base-command.js';
import { assignments } from '../../cli/assignments.js';
import { createTenantsDocument, tenantDocument } from '../../cli/documents.js';
import { changeFlags } from '../../cli/flags.js';
import { parsePhase } from '../../cli/run-arguments.js';
import { runSettings } from '../../cli/run-settings.js';
import { parseNames } from '../../cli/selection/names.js';
import { signalExitCode } from '../../cli/signals.js';
import { formatCreated } from '../../ui/summary/format-created-tenant.js';
import { formatCreatedTenants } from '../../ui/summary/new-tenants/format-created-tenants.js';

export default class CreateTenant extends BaseCommand {
  static override summary = 'Create a tenant: row, domains and schema, with all migrations applied.';
  static override description =
    'Runs in one transaction: an error leaves nothing behind. NAME is the name of the new schema. The first domain is the primary ' +
    'domain. The name of the shared schema creates the public tenant, which has domains only.';
  static override examples = [
    '<%= config.bin %> create-tenant acme acme.example.com',
    {
      description: 'With a display name and columns of your own',
      command: '<%= config.bin %> create-tenant acme --label "Acme Ltd." --set plan=gold --set seats=25',
    },
    {
      description: 'Many at once, from a file with the header schema,domain,label,type or columns of your own',
      command: '<%= config.bin %> create-tenant --from tenants.csv',
    },
    {
      description: 'Register an existing schema, and apply the migrations that it lacks',
      command: '<%= config.bin %> create-tenant legacy --adopt',
    },
    {
      description: 'Register an existing schema as it is',
      command: '<%= config.bin %> create-tenant legacy --adopt --no-migrate',
    },
  ];
  static override args = {
    name: Args.string({ required: true, ignoreStdin: true, description: 'Schema name of the tenant.' }),
    domain: Args.string({ ignoreStdin: true, description: 'Primary domain of the tenant.' }),
  };
  static override flags = {
    domain: Flags.string({
      multiple: true,
      multipleNonGreedy: true,
      helpValue: 'D',
      description: 'Domains of the tenant (D,D or repeated).',
    }),
    label: Flags.string({ helpValue: 'TEXT', description: 'Display name (default: none).' }),
    type: Flags.string({ helpValue: 'T', description: 'Tenant type, which selects the migrations (default: none).' }),
    set: Flags.string({
      multiple: true,
      multipleNonGreedy: true,
      helpValue: 'column=value',
      description: 'Value for another column of the tenant table.',
    }),
    'if-not-exists': Flags.boolean({ description: 'Succeed if this tenant already exists with these domains.' }),
    adopt: Flags.boolean({ description: 'Register an existing schema, and migrate it.' }),
    'no-migrate': Flags.boolean({ description: 'Do not apply migrations.' }),
    phase: Flags.string({
      helpValue: 'pre|post',
      description: 'Leave out, or apply, what waits for the new code (default: as the other tenants).',
    }),
    snapshot: Flags.boolean({
      allowNo: true,
      description: 'Start from the snapshot of the migrations (default: if it is valid).',
    }),
    distribute: Flags.boolean({
      allowNo: true,
      description:
        'On Citus, place the schema on one of its nodes (default: tenants.distribute, or as most tenants are).',
    }),
    from: Flags.string({
      helpValue: 'FILE.csv',
      exclusive: ['domain', 'label', 'type', 'set', 'if-not-exists', 'adopt'],
      description: 'Create all tenants of a CSV file; - reads standard input.',
    }),
    concurrency: Flags.string({
      helpValue: 'N',
      dependsOn: ['from'],
      description: 'Tenants of the file to create at a time (default: 4).',
    }),
    ...changeFlags,
  };

  async run(): Promise<number> {
    // Before the parser asks for a name: a file has them all.
    if (this.argv.some((word) => word === '--from' || word.startsWith('--from='))) return await this.#fromFile();
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
      ...parsePhase(flags),
      ...(flags.snapshot === undefined ? {} : { snapshot: flags.snapshot }),
      ...(flags.label === undefined ? {} : { label: flags.label }),
      ...(flags.type === undefined ? {} : { type: flags.type }),
    };
    const { createTenant } = await import('../../lifecycle/create-tenant.js');
    const loaded = await this.load(flags, { ...runSettings(flags), distribute: flags.distribute });
    const created = await this.change(loaded, (project, control) => createTenant(project, { ...options, ...control }));
    const verb = created.created ? 'Created' : 'Found';
    return this.print(tenantDocument(created), (context) => formatCreated(created, context, verb), signalExitCode());
  }

  async #fromFile(): Promise<number> {
    const { flags } = await this.parse({ flags: CreateTenant.flags, baseFlags: CreateTenant.baseFlags, args: {} });
    const { readInput } = await import('../../cli/read-input.js');
    const tenants = { csv: await readInput('--from', flags.from ?? '') };
    const { createTenants, createTenantsExitCode } = await import('../../lifecycle/many/create-tenants.js');
    const loaded = await this.load(flags, { ...runSettings(flags), distribute: flags.distribute });
    const noMigrate = flags['no-migrate'];
    const phase = parsePhase(flags);
    const start = flags.snapshot === undefined ? {} : { snapshot: flags.snapshot };
    const report = await this.change(loaded, (project, control) =>
      createTenants(project, { tenants, noMigrate, ...phase, ...start, ...control }),
    );
    this.remark(report.warnings);
    const exitCode = signalExitCode() ?? createTenantsExitCode(report);
    const document = createTenantsDocument(report, exitCode);
    return this.print(document, (context) => formatCreatedTenants(report, context), exitCode);
  }
}
