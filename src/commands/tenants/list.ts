import * as Flags from '@oclif/core/flags';

import { BaseCommand } from '../../base-command.js';
import { tenantFlags } from '../../cli/flags.js';
import { printResult } from '../../cli/output.js';
import type { ListDocument } from '../../cli/schemas/document-types.js';
import { parseNames } from '../../cli/selection/names.js';
import { selectedTenants } from '../../cli/selection/selected-options.js';
import { EXIT } from '../../errors/codes.js';
import { TenantsError } from '../../errors/tenants-error.js';
import { formatList, formatListCsv } from '../../ui/summary/format-list.js';

export default class List extends BaseCommand {
  static override summary = 'List tenants with their type, status and domains.';
  static override description =
    'Shows tenants in any state, the public tenant included. An asterisk marks the primary domain of a tenant.';
  static override examples = [
    '<%= config.bin %> list',
    { description: 'Names only', command: "<%= config.bin %> list --json | jq -r '.tenants[].schema'" },
    {
      description: 'Some of them, the newest first',
      command: "<%= config.bin %> list --tenant 'eu_*' --sort 'created desc'",
    },
    { description: 'How many have a status', command: '<%= config.bin %> list --status provisioning --count' },
  ];
  static override flags = {
    ...tenantFlags,
    status: Flags.string({
      multiple: true,
      multipleNonGreedy: true,
      helpValue: 'S',
      description: 'Only tenants with these statuses.',
    }),
    sort: Flags.string({
      helpValue: 'COLUMN',
      description: "Columns of the tenant table to sort by: 'created desc, schema'.",
    }),
    migrations: Flags.boolean({ description: 'Show the state of the migrations of each tenant.' }),
    count: Flags.boolean({ description: 'Print the number of tenants only.' }),
    csv: Flags.boolean({ description: 'Print CSV with a header row.' }),
  };

  async run(): Promise<number> {
    const { flags } = await this.parse(List);
    if ([flags.csv, flags.count].filter(Boolean).length > 1 || (flags.csv && flags.json)) {
      throw new TenantsError('USAGE', '--csv, --count and --json cannot be combined, except for --count with --json.');
    }
    const statuses = parseNames('--status', flags.status);
    const selection = await selectedTenants(flags);
    const options = {
      ...selection,
      ...(statuses === undefined ? {} : { statuses }),
      ...(flags.sort === undefined ? {} : { sort: flags.sort }),
      migrations: flags.migrations,
    };
    const { listTenants } = await import('../../fleet/list-tenants.js');
    const tenants = await this.read(await this.load(flags), (project) => listTenants(project, options));
    if (flags.csv) {
      printResult(formatListCsv(tenants));
      return EXIT.ok;
    }
    if (flags.count) return this.print({ count: tenants.length } satisfies ListDocument, () => String(tenants.length));
    const filtered = statuses !== undefined || Object.keys(selection).length > 0;
    return this.print({ tenants } satisfies ListDocument, (context) => formatList(tenants, context, { filtered }));
  }
}
