/** One metric with its samples, as in OpenMetrics. */
export type Metric = {
  name: string;
  type: 'gauge' | 'info' | 'counter';
  help: string;
  unit?: 'seconds';
  samples: { labels?: Record<string, string>; value: number }[];
};

/**
 * Metrics in the OpenMetrics text format, version 1.0.0, which Prometheus and its node exporter read from a file. An `info` metric's
 * sample ends in `_info`, a counter's in `_total`.
 */
export function formatOpenMetrics(metrics: readonly Metric[]): string {
  return [...metrics.filter(({ samples }) => samples.length > 0).map(family), '# EOF'].join('\n');
}

function family({ name, type, help, unit, samples }: Metric): string {
  const suffix = { gauge: '', info: '_info', counter: '_total' }[type];
  return [
    `# TYPE ${name} ${type}`,
    ...(unit === undefined ? [] : [`# UNIT ${name} ${unit}`]),
    `# HELP ${name} ${escape(help)}`,
    ...samples.map(({ labels = {}, value }) => `${name}${suffix}${labelSet(labels)} ${value}`),
  ].join('\n');
}

function labelSet(labels: Record<string, string>): string {
  const pairs = Object.entries(labels).map(([label, value]) => `${label}="${escape(value)}"`);
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}

function escape(text: string): string {
  return text
    .replaceAll('\\', String.raw`\\`)
    .replaceAll('"', String.raw`\"`)
    .replaceAll('\n', String.raw`\n`);
}
