import * as Flags from '@oclif/core/flags';

import { BaseCommand } from '../../base-command.js';
import { driftDocument } from '../../cli/documents.js';
import { tenantFlags } from '../../cli/flags.js';
import { outputOptions } from '../../cli/output.js';
import { selectedTenants } from '../../cli/selection/selected-options.js';
import { EXIT } from '../../errors/codes.js';
import { formatDrift } from '../../ui/summary/format-drift.js';

export default class Drift extends BaseCommand {
  static override summary = 'Find tenants whose tables are not what their migrations made.';
  static override description =
    'Compares the structure of tenants that should be equal, because they are of one type and have the same migrations: tables, ' +
    'columns, indexes, constraints, views, functions and so on, but no rows. The reference is what most of them have. Exits with 3 ' +
    'if a tenant differs. Only reads; with "--against files", migrations are run in a schema that is rolled back.';
  static override examples = [
    '<%= config.bin %> drift',
    {
      description: 'What the migration files make is the reference',
      command: '<%= config.bin %> drift --against files',
    },
    {
      description: 'Every difference, with statements to review',
      command: '<%= config.bin %> drift --tenant acme --against globex --details --sql',
    },
  ];
  static override flags = {
    against: Flags.string({
      helpValue: 'files|NAME',
      description: 'Reference: the migration files, or a tenant (default: the majority).',
    }),
    level: Flags.string({
      options: ['structure', 'owners'],
      helpValue: 'structure|owners',
      description: 'What is compared; "owners" adds owners and privileges (default: structure).',
    }),
    details: Flags.boolean({ description: 'Show each difference and all names.' }),
    sql: Flags.boolean({ description: 'Show statements, for review, that would remove the differences.' }),
    ...tenantFlags,
  };

  async run(): Promise<number> {
    const { flags } = await this.parse(Drift);
    const { against, level, details, sql } = flags;
    const options = {
      ...(await selectedTenants(flags)),
      ...(against === undefined ? {} : { against: referenceOf(against) }),
      ...(level === undefined ? {} : { level: level as 'structure' | 'owners' }),
    };
    const { drift, isWithoutDrift } = await import('../../structure/drift.js');
    const report = await this.read(await this.load(flags), (project) => drift(project, options));
    const shown = { details: details || outputOptions().verbose, sql };
    const code = isWithoutDrift(report) ? EXIT.ok : EXIT.notUpToDate;
    return this.print(driftDocument(report), (context) => formatDrift(report, shown, context), code);
  }
}

function referenceOf(against: string): { kind: 'files' } | { kind: 'tenant'; tenant: string } {
  return against === 'files' ? { kind: 'files' } : { kind: 'tenant', tenant: against };
}
