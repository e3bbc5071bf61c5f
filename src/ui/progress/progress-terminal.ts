import type { FleetEvent } from '../../fleet/types.js';
import { formatDuration } from '../../util/duration.js';
import { redact } from '../../util/redact.js';
import { clean } from '../text/clean.js';
import { truncate } from '../text/display-width.js';
import { stoppingLine } from '../text/reasons.js';
import { createStyle } from '../text/style.js';
import { wrap } from '../text/wrap.js';
import { bar } from './bar.js';
import {
  doneLine,
  failureLine,
  limitFailures,
  type PhaseName,
  phaseTitle,
  sharedTitle,
  surveyedTitle,
} from './phase-titles.js';
import { Screen } from './screen.js';
import { Tally } from './tally.js';
import type { Progress, ProgressOptions } from './types.js';

type PhaseBegin = Extract<FleetEvent, { type: 'phase' }>;

/** The running phase: the text of its line, and how to end it. */
type Current = {
  phase: PhaseName;
  name: string;
  title: string;
  note: string | undefined;
  failed: boolean;
  tally: Tally | undefined;
  startedAt: number;
  end: (good: boolean) => void;
};

/** Redrawn lines: one for each finished phase, two for the running one, failures above them. */
export function createTerminalProgress(options: ProgressOptions): Progress {
  const now = options.now ?? Date.now;
  const style = createStyle(options.color);
  const screen = new Screen(options.stream);
  const fit = (line: string) => truncate(line, screen.columns - 3);
  // Up to two terminal lines, because at 80 columns a single line would cut off the server's message.
  const fail = limitFailures((line) => screen.print(`${style.red('✖')} ${truncate(line, screen.columns * 2 - 3)}`));
  const say = (text: string) => {
    for (const line of wrap(`${style.yellow('!')} ${text}`, screen.columns, '  ')) screen.print(line);
  };
  let current: Current | undefined;
  let drawn = Promise.resolve();

  const begin = (event: PhaseBegin) => {
    const { phase, total } = event;
    let end: Current['end'] = () => undefined;
    const finished = new Promise<boolean>((resolve) => {
      end = resolve;
    });
    const tally = phase === 'tenants' ? new Tally(total, now()) : undefined;
    const begun: Current = {
      phase,
      name: phaseTitle(event),
      title: phaseTitle(event),
      note: undefined,
      failed: false,
      tally,
      startedAt: now(),
      end,
    };
    const frame = {
      title: (columns: number) => titleOf(begun, columns),
      detail: () => detailOf(begun, now()),
      finished,
    };
    current = begun;
    drawn = drawn.then(async () => {
      const { drawPhase } = await import('./phase-frame.js');
      await drawPhase(frame, screen, style);
    });
  };

  const finish = (outcome: 'done' | 'failed' | undefined) => {
    if (!current) return;
    const { tally, name } = current;
    const good = outcome !== 'failed' && !current.failed && (!tally || (tally.complete && tally.failed === 0));
    if (tally) {
      const took = formatDuration(now() - current.startedAt);
      current.title = `${name} ${tally.counts()} (${took})`;
      current.tally = undefined;
    }
    current.end(good);
    current = undefined;
  };

  return {
    handle(event) {
      switch (event.type) {
        case 'phase':
          finish(undefined);
          begin(event);
          break;
        case 'surveyed':
          if (current) current.title = surveyedTitle(event);
          break;
        case 'shared':
          if (event.result.error) fail(failureLine('shared schema', undefined, event.result.error));
          if (current?.phase === 'shared') {
            current.title = sharedTitle(event.result);
            current.failed = event.result.status === 'failed';
          }
          break;
        case 'tenant:start':
          current?.tally?.start(event.tenant);
          break;
        case 'tenant:done': {
          const { result } = event;
          current?.tally?.finish(result, now());
          if (result.status === 'failed') fail(failureLine(result.tenant, result.migration, result.error));
          else if (result.status === 'missing') fail(clean(`${result.tenant} · its schema does not exist`));
          const line = options.verbose ? doneLine(result) : undefined;
          if (line) screen.print(`${style.green('✔')} ${fit(line)}`);
          break;
        }
        case 'waiting':
          if (current) current.note = clean(redact(event.message));
          else screen.print(fit(clean(redact(event.message))));
          break;
        case 'stopping':
          say(stoppingLine(event.reason));
          break;
        case 'warning':
          say(clean(redact(event.message)));
          break;
      }
    },
    async stop(outcome) {
      finish(outcome);
      await drawn;
    },
  };
}

/** The title, with a bar while tenants are being counted: a third of the line, at most 40 columns. */
function titleOf({ tally, title }: Current, columns: number): string {
  if (tally?.share === undefined) return title;
  const percent = `${Math.floor(tally.share * 100)}%`;
  return `${title} ${bar(tally.share, Math.min(40, Math.floor(columns / 3)), '·')} ${percent}`;
}

function detailOf({ tally, note }: Current, now: number): string | undefined {
  if (!tally) return note;
  const names = tally.current.map(clean).join(', ');
  return [tally.counters(now), names, note].filter(Boolean).join(' · ');
}
