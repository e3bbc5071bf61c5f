import { behind, drawAtWidth, drawn, element, nameElement, section, tableElement } from './elements.js';
import { withoutRuns } from './runs.js';
import { counted, duration, moment, plural, rate } from './words.js';

/** @typedef {import('./model.js').Model} Model */
/** @typedef {{ from: number, to: number, count: number }} Bucket */

const SLOWEST = 12;

/**
 * The last run: its throughput in time, how long tenants took, and the slowest ones.
 *
 * @param {Model} model
 */
export function lastRunSection(model) {
  const { lastRun } = model.data;
  const title = 'The last run';
  if (lastRun === null) return section('last-run', title, withoutRuns(model) ?? '');
  const { run, tenant, durationMs, startedAt } = lastRun;
  const took = durationMs.flatMap((ms) => (ms === null ? [] : [ms])).sort((a, b) => a - b);
  const about = element('p', {}, `Run ${run.id}, ${run.command}, ${moment(run.startedAt)}: ${run.outcome}.`);
  if (took.length === 0) {
    return section(
      'last-run',
      title,
      about,
      element('p', { class: 'quiet' }, 'It has no tenants with a recorded duration.'),
    );
  }
  const ends = startedAt.flatMap((start, index) => {
    const ms = durationMs[index];
    return start === null || ms === null ? [] : [start + ms];
  });
  const slowest = tenant
    .map((one, index) => ({ one, ms: durationMs[index] ?? -1 }))
    .filter(({ ms }) => ms >= 0)
    .sort((a, b) => b.ms - a.ms)
    .slice(0, SLOWEST);
  const at = (/** @type {number} */ share) =>
    duration(took[Math.min(took.length - 1, Math.floor(took.length * share))]);
  const longest = slowest[0]?.ms ?? 1;
  return section(
    'last-run',
    title,
    about,
    element(
      'div',
      { class: 'columns' },
      figure(
        'How long tenants took',
        `Half of them took ${at(0.5)} or less, 95% took ${at(0.95)} or less, the longest ${duration(took.at(-1) ?? 0)}.`,
        byDuration(took),
        duration,
        'Tenants by duration',
      ),
      figure(
        'Tenants finished in each part of the run',
        `At most ${rate(peak(ends))}.`,
        byTime(ends),
        duration,
        'Tenants by when they were finished',
      ),
    ),
    element('h3', {}, `The slowest ${plural(slowest.length, 'tenant')}`),
    element(
      'ol',
      { class: 'slowest' },
      ...slowest.map(({ one, ms }) => {
        const share = Math.max(0.5, (ms / Math.max(1, longest)) * 100);
        const line = drawn('svg', {
          class: 'line',
          'aria-hidden': 'true',
          preserveAspectRatio: 'none',
          viewBox: '0 0 100 10',
        });
        line.append(drawn('rect', { width: share, height: 10, fill: 'var(--good)' }));
        const button = element(
          'button',
          { type: 'button', click: () => model.choose(one, 'list') },
          nameElement(model.data.tenants[one]),
        );
        return element('li', {}, button, line, element('span', { class: 'number' }, duration(ms)));
      }),
    ),
  );
}

/**
 * @param {string} title
 * @param {string} words
 * @param {Bucket[]} buckets
 * @param {(value: number) => string} unit
 * @param {string} caption
 */
function figure(title, words, buckets, unit, caption) {
  const box = element('div', { class: 'picture' });
  drawAtWidth(box, (width) => box.replaceChildren(bars(buckets, width, unit, caption)));
  const rows = buckets.map(({ from, to, count }) => [`${unit(from)} to ${unit(to)}`, counted(count)]);
  return element(
    'div',
    {},
    element('h3', {}, title),
    element('p', { class: 'quiet' }, words),
    box,
    behind('As a table', () => tableElement(caption, ['Between', 'Tenants'], rows, [1])),
  );
}

/**
 * @param {Bucket[]} buckets
 * @param {number} width
 * @param {(value: number) => string} unit
 * @param {string} caption
 */
function bars(buckets, width, unit, caption) {
  const [height, left, top, bottom] = [170, 46, 8, 22];
  const highest = Math.max(1, ...buckets.map(({ count }) => count));
  const step = (width - left - 4) / buckets.length;
  const picture = drawn('svg', {
    width,
    height,
    role: 'img',
    'aria-label': `${caption}. The table below has the same.`,
  });
  for (const value of new Set([0, highest])) {
    const y = height - bottom - (value / highest) * (height - top - bottom);
    picture.append(
      drawn('line', { x1: left, x2: width, y1: y, y2: y, class: 'grid' }),
      drawn('text', { x: left - 6, y: y + 4, class: 'small', 'text-anchor': 'end' }, counted(value)),
    );
  }
  buckets.forEach(({ from, to, count }, index) => {
    const tall = (count / highest) * (height - top - bottom);
    const shown = count === 0 ? 0 : Math.max(1.5, tall);
    const mark = drawn('rect', {
      x: left + index * step + 1,
      y: height - bottom - shown,
      width: Math.max(1, Math.min(60, step - 2)),
      height: shown,
      fill: 'var(--good)',
    });
    mark.append(drawn('title', {}, `${unit(from)} to ${unit(to)}: ${plural(count, 'tenant')}`));
    picture.append(mark);
  });
  picture.append(
    drawn('text', { x: left, y: height - 5, class: 'small' }, unit(buckets[0].from)),
    drawn('text', { x: width, y: height - 5, class: 'small', 'text-anchor': 'end' }, unit(buckets.at(-1)?.to ?? 0)),
  );
  return picture;
}

/**
 * In steps of a quarter more, because durations differ by factors.
 *
 * @param {number[]} took sorted
 * @returns {Bucket[]}
 */
function byDuration(took) {
  const step = 1.25;
  const index = (/** @type {number} */ ms) => Math.floor(Math.log(Math.max(1, ms)) / Math.log(step) + 1e-9);
  const [first, last] = [index(took[0]), index(took.at(-1) ?? 1)];
  const buckets = Array.from({ length: last - first + 1 }, (_, number) => ({
    from: step ** (first + number),
    to: step ** (first + number + 1),
    count: 0,
  }));
  for (const ms of took) buckets[index(ms) - first].count += 1;
  return buckets;
}

/**
 * @param {number[]} ends
 * @returns {Bucket[]}
 */
function byTime(ends) {
  const last = ends.reduce((latest, end) => Math.max(latest, end), 1);
  const parts = Math.max(1, Math.min(40, ends.length));
  const width = last / parts;
  const buckets = Array.from({ length: parts }, (_, number) => ({
    from: number * width,
    to: (number + 1) * width,
    count: 0,
  }));
  for (const end of ends) buckets[Math.min(parts - 1, Math.max(0, Math.floor(end / width)))].count += 1;
  return buckets;
}

/** @param {number[]} ends */
function peak(ends) {
  return Math.max(0, ...byTime(ends).map(({ from, to, count }) => (count * 1000) / Math.max(1, to - from)));
}
