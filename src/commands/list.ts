import { BaseCommand } from '../base-command.js';
import { formatList } from '../ui/summary/format-list.js';

export default class List extends BaseCommand {
  static override summary = 'List the tenants with their type, status and domains.';
  static override description = 'The primary domain of a tenant is marked with *.';
  static override examples = [
    '<%= config.bin %> list',
    { description: 'Only the names', command: "<%= config.bin %> list --json | jq -r '.tenants[].schema'" },
  ];

  async run(): Promise<number> {
    const { flags } = await this.parse(List);
    const { listTenants } = await import('../fleet/list-tenants.js');
    const tenants = await this.read(await this.load(flags), (project) => listTenants(project));
    return this.print({ tenants }, (context) => formatList(tenants, context));
  }
}
