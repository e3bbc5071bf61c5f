import { BaseCommand } from '../../base-command.js';
import { formatList } from '../../ui/summary/format-list.js';

export default class List extends BaseCommand {
  static override summary = 'List tenants with their type, status and domains.';
  static override description = 'An asterisk marks the primary domain of a tenant.';
  static override examples = [
    '<%= config.bin %> list',
    { description: 'Names only', command: "<%= config.bin %> list --json | jq -r '.tenants[].schema'" },
  ];

  async run(): Promise<number> {
    const { flags } = await this.parse(List);
    const { listTenants } = await import('../../fleet/list-tenants.js');
    const tenants = await this.read(await this.load(flags), (project) => listTenants(project));
    return this.print({ tenants }, (context) => formatList(tenants, context));
  }
}
