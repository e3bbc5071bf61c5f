import { cpus, totalmem } from 'node:os';

/** One contender in one scenario: whole-process times in ms per tenant, one for each repetition. */
export type Measurement = {
  scenario: string;
  latencyMs: number;
  contender: string;
  tenants: number;
  perTenantMs: number[];
};

export type BenchReport = { machine: string; node: string; server: string; date: string; measurements: Measurement[] };

/** What the figures were taken on. */
export function machine(): string {
  const [cpu] = cpus();
  return `${cpus().length} × ${cpu?.model.trim() ?? 'unknown'}, ${Math.round(totalmem() / 2 ** 30)} GiB`;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const [low, high] = [sorted[middle - (sorted.length % 2 === 0 ? 1 : 0)] ?? NaN, sorted[middle] ?? NaN];
  return (low + high) / 2;
}

/** A Markdown table for each scenario and latency: medians, spread, and the ratio to the floor. */
export function toMarkdown(report: BenchReport): string {
  const groups = group(report.measurements);
  const lines = [`${report.machine}; Node.js ${report.node}; PostgreSQL ${report.server}; ${report.date}`, ''];
  for (const [title, rows] of groups) {
    const floor = median(rows.find(({ contender }) => contender.includes('floor'))?.perTenantMs ?? [NaN]);
    lines.push(
      `**${title}**`,
      '',
      '| contender | ms per tenant (median) | min–max | ratio to the floor |',
      '|---|---|---|---|',
    );
    for (const { contender, perTenantMs } of rows) {
      const middle = median(perTenantMs);
      lines.push(
        `| ${contender} | ${middle.toFixed(2)} | ${Math.min(...perTenantMs).toFixed(2)}–${Math.max(...perTenantMs).toFixed(2)} | ${(middle / floor).toFixed(2)} |`,
      );
    }
    lines.push('');
  }
  return lines.join('\n');
}

function keyOf({ scenario, tenants, latencyMs }: Measurement): string {
  const words: Record<string, string> = {
    noop: 'nothing pending',
    one: 'one small migration pending',
    all: 'everything pending',
  };
  return `${words[scenario] ?? scenario}, ${tenants.toLocaleString('en')} tenants${latencyMs > 0 ? `, ${latencyMs} ms of round-trip time added` : ''}`;
}

/** Node.js 20 has no Map.groupBy. */
function group(measurements: readonly Measurement[]): Map<string, Measurement[]> {
  const groups = new Map<string, Measurement[]>();
  for (const one of measurements) groups.set(keyOf(one), [...(groups.get(keyOf(one)) ?? []), one]);
  return groups;
}
