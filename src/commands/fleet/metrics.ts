import { BaseCommand } from '../../base-command.js';
import type { MetricsDocument } from '../../cli/schemas/document-types.js';
import { fleetMetrics } from '../../ui/metrics/fleet-metrics.js';
import { formatOpenMetrics } from '../../ui/metrics/open-metrics.js';

export default class Metrics extends BaseCommand {
  static override summary = 'Print the state of the fleet as OpenMetrics text.';
  static override description =
    'How many tenants are in which state, what is pending, and how the last run went, for Prometheus and other monitoring systems. ' +
    'No sample has the name of a tenant. Only reads, and runs no migration code.';
  static override examples = [
    '<%= config.bin %> metrics',
    {
      description: "For the node exporter's textfile collector",
      command:
        '<%= config.bin %> metrics > /var/lib/node_exporter/tenants.prom.new && mv /var/lib/node_exporter/tenants.prom.new /var/lib/node_exporter/tenants.prom',
    },
  ];

  async run(): Promise<number> {
    const { flags } = await this.parse(Metrics);
    const { status } = await import('../../fleet/status.js');
    const report = await this.read(await this.load(flags), (project) => status(project));
    const metrics = fleetMetrics(report, this.config.version);
    return this.print({ metrics } satisfies MetricsDocument, () => formatOpenMetrics(metrics));
  }
}
