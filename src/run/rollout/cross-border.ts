import { setTimeout as sleep } from 'node:timers/promises';

import { roughDuration } from '../../util/duration.js';
import { plural } from '../../util/format-count.js';
import type { Run } from '../run.js';
import type { WaveBorder } from './wave-border.js';
import { isTolerated } from './waves.js';

/**
 * Decides at the end of a wave whether this run begins the next one, and waits for the pause or the answer.
 *
 * @returns `cut` when the waiting was ended by a signal or because the run's time was over
 */
export async function crossBorder(
  { rollout, stop, record, options }: Run,
  border: WaveBorder,
): Promise<'begin' | 'end' | 'cut'> {
  const { current, of, failed, members, next } = border;
  const { pause, maxFailures } = rollout;
  if (stop.reason !== undefined) return 'end';
  if (!isTolerated(failed, members, maxFailures)) {
    const may = maxFailures === 0 ? 'none may' : `${maxFailures} may`;
    record.warn(
      `Wave ${current + 1} of ${of} was not begun: ${plural(failed, 'tenant')} failed in the waves before, and ${may}.`,
    );
    return 'end';
  }
  if (pause === undefined) return 'end';
  if (pause === 'ask') {
    const answer = await options.askNextWave?.(border, stop.signal);
    return stop.signal.aborted ? 'cut' : answer === true ? 'begin' : 'end';
  }
  const what = `Wave ${current} of ${of} is over; the next one, of ${plural(next, 'tenant')}, begins in ${roughDuration(pause)}.`;
  record.emit({ type: 'waiting', message: what });
  await sleep(pause, undefined, { signal: stop.signal }).catch(() => {});
  return stop.signal.aborted ? 'cut' : 'begin';
}
