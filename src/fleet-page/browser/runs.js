import { drawAtWidth, drawn, element, section, tableElement } from './elements.js';
import { counted, duration, moment, rate } from './words.js';

/** @typedef {import('./model.js').Model} Model */
/** @typedef {import('../types.js').PageRun} PageRun */

/** What a page without runs says instead of a picture. */
const WITHOUT = {
  off: 'There is nothing about runs here, because the journal is switched off: the configuration says journal: false.',
  absent: 'There is nothing about runs here, because there is no journal yet. The next migrate makes it.',
  ready: 'No migrate or rollback is recorded yet. The next one records itself.',
};

/**
 * @param {Model} model
 * @returns {HTMLElement | undefined} in place of what needs recorded runs
 */
export function withoutRuns({ data }) {
  return data.lastRun === null ? element('p', { class: 'quiet' }, WITHOUT[data.journal.state]) : undefined;
}

/**
 * The last runs in time, with how many tenants a second each of them did.
 *
 * @param {Model} model
 */
export function runsSection(model) {
  const { runs, journal } = model.data;
  if (runs.length === 0) {
    return section('runs', 'Runs', element('p', { class: 'quiet' }, WITHOUT[journal.state]));
  }
  const box = element('div', { class: 'picture' });
  drawAtWidth(box, (width) => box.replaceChildren(timeline(runs, width)));
  const rows = runs.map((run) => [
    counted(run.id),
    moment(run.startedAt),
    run.command,
    run.outcome,
    run.finishedAt === null ? '–' : duration(tookMs(run)),
    throughput(run) === undefined ? '–' : rate(throughput(run) ?? 0),
    run.by,
  ]);
  return section(
    'runs',
    'Runs',
    element(
      'p',
      { class: 'key' },
      'Tenants per second of the last runs: ● all succeeded, ✕ something failed, ▲ ended from outside or still running.',
    ),
    box,
    tableElement(
      'The last runs of migrate and rollback, the newest first',
      ['Run', 'Started', 'Command', 'Result', 'Took', 'Tenants', 'By'],
      rows,
      [0, 4, 5],
    ),
  );
}

/** @param {PageRun} run */
function tookMs({ startedAt, finishedAt }) {
  return finishedAt === null ? 0 : Math.max(0, Date.parse(finishedAt) - Date.parse(startedAt));
}

/** @param {PageRun} run */
function throughput(run) {
  const { applied = 0, rolledBack = 0, failed = 0 } = run.counts;
  const took = tookMs(run);
  const done = applied + rolledBack + failed;
  return took === 0 || done === 0 ? undefined : (done * 1000) / took;
}

/**
 * @param {PageRun[]} runs
 * @param {number} width
 */
function timeline(runs, width) {
  const [height, left, right, top, bottom] = [190, 52, 14, 14, 30];
  const picture = drawn('svg', {
    width,
    height,
    role: 'img',
    'aria-label': 'Timeline of the last runs. The table below has the same.',
  });
  const times = runs.map(({ startedAt }) => Date.parse(startedAt));
  const [from, to] = [Math.min(...times), Math.max(...times)];
  const highest = Math.max(1, ...runs.map((run) => throughput(run) ?? 0));
  const x = (/** @type {number} */ time) =>
    left + 8 + (to === from ? 0.5 : (time - from) / (to - from)) * (width - left - right - 16);
  const y = (/** @type {number} */ value) => height - bottom - (value / highest) * (height - top - bottom);
  for (const share of [0, 0.5, 1]) {
    const at = y(highest * share);
    picture.append(
      drawn('line', { x1: left, x2: width - right, y1: at, y2: at, class: 'grid' }),
      drawn(
        'text',
        { x: left - 6, y: at + 4, class: 'small', 'text-anchor': 'end' },
        share === 0 ? '0' : rate(highest * share),
      ),
    );
  }
  runs.forEach((run, index) => {
    const [at, value] = [x(times[index]), throughput(run) ?? 0];
    const mark = drawn(
      'g',
      {},
      drawn('line', { x1: at, x2: at, y1: y(0), y2: y(value), class: 'stem' }),
      markOf(run, at, y(value)),
    );
    mark.append(
      drawn(
        'title',
        {},
        `Run ${run.id}, ${moment(run.startedAt)}: ${run.command}, ${run.outcome}, ${duration(tookMs(run))}`,
      ),
    );
    picture.append(mark);
  });
  picture.append(
    drawn('text', { x: left, y: height - 8, class: 'small' }, moment(runs[times.indexOf(from)].startedAt)),
  );
  if (to !== from) {
    picture.append(
      drawn(
        'text',
        { x: width - right, y: height - 8, class: 'small', 'text-anchor': 'end' },
        moment(runs[times.indexOf(to)].startedAt),
      ),
    );
  }
  return picture;
}

/**
 * @param {PageRun} run
 * @param {number} x
 * @param {number} y
 */
function markOf({ state, exitCode }, x, y) {
  const peak = `M${x - 6} ${y + 5}L${x} ${y - 6}L${x + 6} ${y + 5}Z`;
  if (state !== 'finished') return drawn('path', { d: peak, fill: 'var(--wait)' });
  if (exitCode === 0) return drawn('circle', { cx: x, cy: y, r: 5, fill: 'var(--good)' });
  return drawn('path', {
    d: `M${x - 5} ${y - 5}L${x + 5} ${y + 5}M${x + 5} ${y - 5}L${x - 5} ${y + 5}`,
    stroke: 'var(--bad)',
    'stroke-width': 3,
  });
}
