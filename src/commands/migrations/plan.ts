import * as Flags from '@oclif/core/flags';

import { BaseCommand } from '../../base-command.js';
import { planDocument } from '../../cli/documents.js';
import { phaseFlag, rolloutFlags, runFlags, selectionFlags } from '../../cli/flags.js';
import { parsePhase } from '../../cli/run-arguments.js';
import { runSettings } from '../../cli/run-settings.js';
import { selectedOptions } from '../../cli/selection/selected-options.js';
import { formatPlan } from '../../ui/summary/format-plan.js';

export default class Plan extends BaseCommand {
  static override summary = 'Show what migrate would do.';
  static override description =
    'Tenants with the same applied migrations share one plan. Migrations are compiled, which calls their up functions; the ' +
    'database is only read.';
  static override examples = [
    '<%= config.bin %> plan',
    { description: 'With the SQL', command: '<%= config.bin %> plan --sql' },
    { description: 'With the waves of a rollout', command: '<%= config.bin %> plan --waves 1,5%,100%' },
    { description: 'For tenants of one type', command: '<%= config.bin %> plan --type shop' },
  ];
  static override flags = {
    sql: Flags.boolean({ description: 'Show the SQL of each plan.' }),
    ...selectionFlags,
    ...phaseFlag,
    waves: rolloutFlags.waves,
    canary: runFlags.canary,
    'max-failures': runFlags['max-failures'],
  };

  async run(): Promise<number> {
    const { flags } = await this.parse(Plan);
    const loaded = await this.load(flags, runSettings(flags));
    const options = { ...(await selectedOptions(flags, loaded.shared.schema)), ...parsePhase(flags), sql: flags.sql };
    const { plan } = await import('../../run/plan.js');
    const report = await this.read(loaded, (project) => plan(project, options));
    this.remark(report.warnings);
    return this.print(planDocument(report, process.cwd()), (context) => formatPlan(report, context));
  }
}
