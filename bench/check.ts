import type { Scenario } from './options.js';
import type { BenchReport } from './report.js';

/** Scenarios whose round trips a check counts: the others go the same way. */
export const COUNTED_BY_CHECK: readonly Scenario[] = ['one'];

/** Says what a small run left out; nothing when it is complete. Figures themselves are not judged. */
export function missingFrom(report: BenchReport): string[] {
  const { options, measurements, costs } = report;
  const wrong = measurements.filter(
    ({ runs }) => runs.length !== options.repetitions || runs.some(({ ms }) => !(ms > 0)),
  );
  const lacking = options.scenarios.filter((scenario) =>
    ['floor', 'ours'].some((role) => !measurements.some((one) => one.scenario === scenario && one.role === role)),
  );
  const uncounted = COUNTED_BY_CHECK.filter(
    (scenario) =>
      options.scenarios.includes(scenario) &&
      !costs.some((cost) => cost.scenario === scenario && cost.counts.roundTrips > 0),
  );
  return [
    ...wrong.map(({ scenario, contender }) => `${scenario}: ${contender} was not measured as often as it should`),
    ...lacking.map((scenario) => `${scenario}: no floor, or nothing of ours beside it`),
    ...uncounted.map((scenario) => `${scenario}: its round trips were not counted`),
  ];
}
