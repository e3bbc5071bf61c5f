import { costLines } from './costs.js';
import type { Scenario } from './options.js';
import type { BenchReport, Measurement } from './report.js';
import { summarize } from './statistics.js';

const TITLES: Record<Scenario, string> = {
  noop: 'Nothing pending',
  one: 'One small migration pending',
  all: 'Everything pending',
  create: 'A new tenant',
  status: 'Status',
  plan: 'Plan',
  startup: 'Starting',
};

/** The report for people: where it was taken, then a table for each scenario, size and latency. */
export function toMarkdown(report: BenchReport): string {
  return [
    ...heading(report),
    ...groups(report.measurements).flatMap((rows) => table(report, rows)),
    ...costLines(report.costs),
  ].join('\n');
}

function heading({ date, machine, versions, server, options, fleets, roundTrips }: BenchReport): string[] {
  const { settings, embedded } = server;
  const { migrations, tables } = options.shape;
  const named = (entries: Record<string, string>): string =>
    Object.entries(entries)
      .map(([name, value]) => `${name} ${value === '' ? '(empty)' : value}`)
      .join(', ');
  return [
    `${date.slice(0, 10)}; ${machine}.`,
    `Versions: ${named(versions)}.`,
    `Server${embedded ? ' (embedded)' : ''}: ${named(settings)}.`,
    `Tenants of ${migrations} migrations with ${tables} tables each; ${options.connections} connections; ${options.repetitions} repetitions, contenders in turn.`,
    ...fleets.map(
      (fleet) =>
        `Fleet of ${count(fleet.tenants)}: ${fleet.relationsPerTenant} relations a tenant, built in ${(fleet.buildMs / 1000).toFixed(1)} s.`,
    ),
    ...roundTrips.map(
      ({ latencyMs, measuredMs }) => `Round trip with ${latencyMs} ms added: ${measuredMs.toFixed(2)} ms measured.`,
    ),
    'Times are those of whole programs, from their start to their end; "inside" is without starting and loading. CPU and memory are those of the program (all its processes) and of the server.',
    '',
  ];
}

function table(report: BenchReport, rows: readonly Measurement[]): string[] {
  const [first] = rows;
  if (first === undefined) return [];
  const { scenario, tenants, latencyMs } = first;
  const title = [
    TITLES[scenario],
    ...(scenario === 'create' ? [`with ${report.options.createMigrations} migrations`] : []),
    ...(scenario === 'startup' ? [] : [`${count(tenants)} tenants`]),
    ...(latencyMs > 0 ? [`${latencyMs} ms of round-trip time added`] : []),
  ].join(', ');
  const floor = least(rows.filter(({ role }) => role === 'floor'));
  const psql = least(rows.filter(({ contender }) => contender.endsWith('psql')));
  const isPeer = ({ contender }: Measurement, word: string): boolean =>
    contender.includes('node-pg-migrate') && contender.includes(word);
  const runner = least(rows.filter((row) => isPeer(row, 'runner')));
  const commandLine = least(rows.filter((row) => isPeer(row, 'up')));
  const perTenant = ['noop', 'one', 'all'].includes(scenario);
  const columns = [
    'contender',
    'ms (median)',
    'min–max',
    ...(perTenant ? ['ms per tenant'] : []),
    'inside, ms',
    'to the floor',
    ...(scenario === 'startup'
      ? ['more than it, ms']
      : ['to psql', "to node-pg-migrate's runner", 'to its command line', 'server CPU, ms']),
    'CPU, ms',
    'memory, MiB',
  ];
  const lines = rows.map((row) => {
    const ms = summarize(row.runs.map((run) => run.ms));
    const middle = ms?.median;
    const cells = [
      row.contender + (row.sample === undefined || row.sample >= tenants ? '' : ` (from ${row.sample} tenants)`),
      digits(middle),
      `${digits(ms?.min)}–${digits(ms?.max)}`,
      ...(perTenant ? [digits(middle === undefined ? undefined : middle / tenants)] : []),
      digits(summarize(row.runs.map((run) => run.workMs))?.median),
      times(middle, floor),
      ...(scenario === 'startup'
        ? [digits(middle === undefined || floor === undefined ? undefined : middle - floor)]
        : [
            times(middle, psql),
            times(middle, runner),
            times(middle, commandLine),
            digits(summarize(row.runs.map((run) => run.serverCpuMs))?.median),
          ]),
      digits(summarize(row.runs.map((run) => run.cpuMs))?.median),
      digits(
        summarize(row.runs.map((run) => (run.maxRssKiB === undefined ? undefined : run.maxRssKiB / 1024)))?.median,
      ),
    ];
    return `| ${cells.join(' | ')} |`;
  });
  return [
    `**${title}**`,
    '',
    `| ${columns.join(' | ')} |`,
    `|${columns.map((_, index) => (index === 0 ? '---|' : '--:|')).join('')}`,
    ...lines,
    '',
  ];
}

/** The best median among some contenders. */
function least(rows: readonly Measurement[]): number | undefined {
  return summarize(rows.map(({ runs }) => summarize(runs.map(({ ms }) => ms))?.median))?.min;
}

function times(value: number | undefined, base: number | undefined): string {
  return value === undefined || base === undefined ? '' : `${digits(value / base)}×`;
}

/** Three digits that count. */
function digits(value: number | undefined): string {
  if (value === undefined) return '';
  return value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0);
}

function count(value: number): string {
  return value.toLocaleString('en');
}

function groups(measurements: readonly Measurement[]): Measurement[][] {
  const found = new Map<string, Measurement[]>();
  for (const one of measurements) {
    const key = `${one.scenario} ${one.tenants} ${one.latencyMs}`;
    found.set(key, [...(found.get(key) ?? []), one]);
  }
  return [...found.values()];
}
