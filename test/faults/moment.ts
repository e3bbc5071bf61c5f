import { setTimeout as sleep } from 'node:timers/promises';

import { Client } from 'pg';

import type { RunningCli } from '../support/run-cli.js';
import type { Random } from './random.js';

/** What can be seen of a command from the outside, as a number that only grows. */
export type Progress = 'migrate' | 'rollback' | 'create' | 'change';

/** How a command went when nothing disturbed it, in ms from its start. */
export type Timeline = {
  /** `steps[n]`: when progress was at n for the first time; `steps[0]` is 0. */
  steps: number[];
  end: number;
};

/** A moment of a run. */
export type Moment = { step: number; afterMs: number };

const POLL_MS = 8;

/** 1 once a command has connected, and still when it has ended: then progress does not matter any more. */
const CONNECTED = `(SELECT least(1, count(*)) FROM pg_stat_activity
  WHERE datname = current_database() AND application_name LIKE 'tenants: %')`;

const PROGRESS: Record<Progress, string> = {
  migrate: `SELECT count(*)::int AS step FROM pg_class WHERE relname = 'quick'`,
  rollback: `SELECT (SELECT count(*) FROM tenants)::int - (SELECT count(*) FROM pg_class WHERE relname = 'last')::int AS step`,
  create: `SELECT (${CONNECTED} + (SELECT count(*) FROM pg_class WHERE relnamespace = to_regnamespace('newcomer')
    AND relname IN ('quick', 'projects_by_name', 'projects_by_id', 'last')))::int AS step`,
  change: `SELECT (${CONNECTED} + (SELECT count(*) FROM tenants WHERE status = 'deleting'))::int AS step`,
};

/** Watches a command to its end. */
export async function measure(url: string, running: RunningCli, progress: Progress): Promise<Timeline> {
  const started = performance.now();
  const steps = [0];
  await watch(url, running, progress, (step) => {
    while (steps.length <= step) steps.push(performance.now() - started);
    return false;
  });
  const { code, stdout, stderr } = await running.outcome;
  if (code !== 0) throw new Error(`The run that was to be measured failed:\n${stdout}\n${stderr}`);
  return { steps, end: performance.now() - started };
}

/**
 * One moment in ten lies before the first sign of work. Of the others half are spread over the time, and half over the steps,
 * of which the short ones would hardly ever be hit.
 */
export function drawMoment({ steps, end }: Timeline, random: Random): Moment {
  const first = steps[1] ?? 0;
  if (steps.length > 1 && random.chance(0.45)) {
    const step = 1 + random.below(steps.length - 1);
    return { step, afterMs: random.fraction() * ((steps[step + 1] ?? end) - (steps[step] ?? 0)) };
  }
  const at = random.chance(0.2) ? random.fraction() * first : first + random.fraction() * (end - first);
  const step = steps.findLastIndex((time) => time <= at);
  return { step, afterMs: at - (steps[step] ?? 0) };
}

/**
 * Resolves at the moment; a machine that is slower than when it was measured comes later to the same point of the run.
 *
 * @returns where in the run that was, as far as it can be seen from the outside.
 */
export async function until(
  url: string,
  running: RunningCli,
  progress: Progress,
  moment: Moment,
): Promise<'before' | 'middle' | 'after'> {
  if (moment.step > 0) await watch(url, running, progress, (step) => step >= moment.step);
  const over = await Promise.race([sleep(moment.afterMs).then(() => false), running.outcome.then(() => true)]);
  if (over) return 'after';
  return moment.step === 0 ? 'before' : 'middle';
}

/** Looks at the progress again and again until `see` says that it is enough, or the command has ended. */
async function watch(
  url: string,
  running: RunningCli,
  progress: Progress,
  see: (step: number) => boolean,
): Promise<void> {
  const client = new Client({ connectionString: url, application_name: 'watcher' });
  client.on('error', () => undefined);
  await client.connect();
  const { child } = running;
  try {
    while (child.exitCode === null && child.signalCode === null) {
      const { rows } = await client.query<{ step: number }>(PROGRESS[progress]);
      if (see(rows[0]?.step ?? 0)) return;
      await sleep(POLL_MS);
    }
  } finally {
    await client.end();
  }
}
