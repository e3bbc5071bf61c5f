import { formatCount } from '../../util/format-count.js';
import { redact } from '../../util/redact.js';
import { clean } from '../text/clean.js';
import { stoppingLine } from '../text/reasons.js';
import { createStyle } from '../text/style.js';
import { doneLine, failureLine, limitFailures, phaseTitle, sharedTitle, surveyedTitle } from './phase-titles.js';
import { Screen } from './screen.js';
import { Tally } from './tally.js';
import type { Progress, ProgressOptions } from './types.js';

/** How often the counter is printed: while it changes, and while it does not, to show in a log that the run is alive. */
const COUNTER_MS = 5_000;
const STANDSTILL_MS = 60_000;

/** Plain lines, for pipes and logs: phases, failures as they happen, a counter every few seconds. */
export function createLineProgress(options: ProgressOptions): Progress {
  const now = options.now ?? Date.now;
  const style = createStyle(options.color);
  const screen = new Screen(options.stream);
  const quiet = options.json === true;
  const chat = (line: string) => {
    if (!quiet) screen.print(clean(redact(line)));
  };
  const fail = limitFailures((line) => screen.print(`${style.red('failed')} ${line}`));
  let tally: Tally | undefined;
  let last = { at: 0, done: -1 };

  const counter = (force = false) => {
    if (!tally || quiet) return;
    const since = now() - last.at;
    const due = force || (tally.done === last.done ? since >= STANDSTILL_MS : since >= COUNTER_MS);
    if (!due || (force && tally.done === last.done)) return;
    last = { at: now(), done: tally.done };
    chat(`tenants ${tally.counters(now())}`);
  };
  const timer = quiet ? undefined : setInterval(counter, COUNTER_MS, false);
  timer?.unref();

  return {
    handle(event) {
      switch (event.type) {
        case 'phase':
          counter(true);
          tally = event.phase === 'tenants' ? new Tally(event.total, now()) : undefined;
          last = { at: now(), done: 0 };
          chat(phaseTitle(event) + (event.total === undefined ? '' : ` (${formatCount(event.total)})`));
          break;
        case 'surveyed':
          chat(surveyedTitle(event));
          break;
        case 'shared':
          if (event.result.error) fail(failureLine('shared schema', undefined, event.result.error));
          else chat(sharedTitle(event.result));
          break;
        case 'tenant:start':
          tally?.start(event.tenant);
          break;
        case 'tenant:done': {
          const { result } = event;
          tally?.finish(result, now());
          if (result.status === 'failed') fail(failureLine(result.tenant, result.migration, result.error));
          else if (result.status === 'missing') fail(clean(`${result.tenant} · its schema does not exist`));
          const line = options.verbose ? doneLine(result) : undefined;
          if (line) chat(line);
          counter();
          break;
        }
        case 'waiting':
          chat(event.message);
          break;
        case 'stopping':
          chat(stoppingLine(event.reason));
          break;
        case 'warning':
          screen.print(`${style.yellow('warning')} ${clean(redact(event.message))}`);
          break;
      }
    },
    stop() {
      clearInterval(timer);
      counter(true);
      return Promise.resolve();
    },
  };
}
