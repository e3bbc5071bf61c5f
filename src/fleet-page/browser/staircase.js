import { behind, drawAtWidth, drawn, element, nameElement, section, tableElement } from './elements.js';
import { migrationsOf, typeName } from './model.js';
import { counted, lookOf, plural, shortName, STATES } from './words.js';

/** @typedef {import('./model.js').Model} Model */

/** Cohorts of a type that are drawn; the table has all. */
const MOST = 40;
const ROW = 26;
const LABELS = 132;

/**
 * Which migrations each cohort has: the furthest on top, so that a fleet in the middle of a rollout looks like stairs.
 *
 * @param {Model} model
 */
export function staircaseSection(model) {
  const { data } = model;
  const pictures = data.types.flatMap(({ type, migrations }, index) => {
    const cohorts = data.cohorts
      .map((_cohort, number) => number)
      .filter((number) => data.cohorts[number].type === index);
    const own = cohorts.filter((number) => !data.cohorts[number].rows);
    if (own.length === 0 || migrations.length === 0) return [];
    const title = `${type === null ? 'Default type' : `Type ${type}`}: ${plural(migrations.length, 'migration')}, ${plural(own.length, 'cohort')}`;
    const shown = own.slice(0, MOST).sort((a, b) => progress(data, b) - progress(data, a));
    const box = element('div', { class: 'picture' });
    drawAtWidth(box, (width) => box.replaceChildren(stairs(model, shown, migrations, width, title)));
    const rest = own.length - shown.length;
    return [
      element('h3', {}, nameElement(title, 'text')),
      box,
      ...(rest > 0
        ? [element('p', { class: 'quiet' }, `${plural(rest, 'smaller cohort')} are in the table only.`)]
        : []),
    ];
  });
  const none = element('p', { class: 'quiet' }, 'There are no tenants with migrations of their own.');
  return section(
    'staircase',
    'Migrations by cohort',
    element(
      'p',
      { class: 'key' },
      keyMark('full', '--good'),
      ' applied ',
      keyMark('hollow', '--wait'),
      ' pending ',
      keyMark('odd', '--odd'),
      ' applied, without a file',
    ),
    ...(pictures.length === 0 ? [none] : pictures),
    behind('Cohorts as a table', () => cohortTable(model)),
  );
}

/**
 * @param {import('../types.js').FleetPage} data
 * @param {number} cohort
 */
function progress(data, cohort) {
  return data.cohorts[cohort].upTo + data.cohorts[cohort].others.length;
}

/**
 * @param {string} kind
 * @param {string} color
 */
function keyMark(kind, color) {
  const mark = drawn('svg', { width: 22, height: 12, 'aria-hidden': 'true' });
  mark.append(bar(0, 0, 22, 12, kind, color));
  return mark;
}

/**
 * @param {number} x
 * @param {number} y
 * @param {number} width
 * @param {number} height
 * @param {string} kind
 * @param {string} color
 */
function bar(x, y, width, height, kind, color) {
  if (kind === 'full') return drawn('rect', { x, y, width, height, fill: `var(${color})` });
  const dash = kind === 'odd' ? { 'stroke-dasharray': '3 2' } : {};
  return drawn('rect', {
    x: x + 0.75,
    y: y + 0.75,
    width: Math.max(0.5, width - 1.5),
    height: height - 1.5,
    fill: `var(${color})`,
    'fill-opacity': 0.18,
    stroke: `var(${color})`,
    'stroke-width': 1.5,
    ...dash,
  });
}

/**
 * @param {Model} model
 * @param {number[]} cohorts
 * @param {string[]} migrations
 * @param {number} width
 * @param {string} title
 */
function stairs({ data }, cohorts, migrations, width, title) {
  const labels = width < 500 ? 92 : LABELS;
  const step = Math.min(64, (width - labels - 4) / migrations.length);
  const named = step >= 20;
  const longest = Math.max(...migrations.map((name) => Math.min(18, [...name].length)));
  const foot = named ? 22 + longest * 5.6 : 20;
  const height = cohorts.length * ROW + foot;
  const picture = drawn('svg', { width, height, role: 'img', 'aria-label': `${title}. The table below has the same.` });
  cohorts.forEach((number, row) => {
    const { count, state } = data.cohorts[number];
    const y = row * ROW;
    const { applied, pending } = migrationsOf(data, number);
    const look = lookOf(STATES, state);
    picture.append(
      drawn(
        'text',
        { x: labels - 10, y: y + 15, class: 'label', 'text-anchor': 'end' },
        `${counted(count)} ${look.letter}`,
        drawn('title', {}, `${plural(count, 'tenant')}, ${look.label}`),
      ),
    );
    const put = (
      /** @type {{ name: string, position: number, file: boolean }[]} */ some,
      /** @type {string} */ kind,
      /** @type {string} */ color,
    ) => {
      for (const [from, to] of stretches(some.map(({ position }) => position))) {
        const mark = bar(labels + from * step, y + 2, (to - from + 1) * step, ROW - 6, kind, color);
        const names =
          from === to ? migrations[from] : `${migrations[from]} … ${migrations[to]} (${counted(to - from + 1)})`;
        mark.append(drawn('title', {}, `\u2068${names}\u2069`));
        picture.append(mark);
      }
    };
    put(
      applied.filter(({ file }) => file),
      'full',
      '--good',
    );
    put(
      applied.filter(({ file }) => !file),
      'odd',
      '--odd',
    );
    put(pending, 'hollow', '--wait');
  });
  const bottom = cohorts.length * ROW;
  if (step >= 6) {
    for (let column = 1; column < migrations.length; column += 1) {
      const x = labels + column * step;
      picture.append(drawn('line', { x1: x, x2: x, y1: 0, y2: bottom - 2, class: 'grid' }));
    }
  }
  if (named) {
    migrations.forEach((name, column) => {
      const x = labels + (column + 0.5) * step + 4;
      const turn = `rotate(-50 ${x} ${bottom + 10})`;
      picture.append(
        drawn(
          'text',
          { x, y: bottom + 10, class: 'small', 'text-anchor': 'end', transform: turn },
          shortName(name, 18),
          drawn('title', {}, name),
        ),
      );
    });
  } else {
    const room = Math.max(8, Math.floor((width - labels) / 14));
    picture.append(
      drawn('text', { x: labels, y: bottom + 13, class: 'small' }, shortName(migrations[0], room)),
      drawn(
        'text',
        { x: labels + step * migrations.length, y: bottom + 13, class: 'small', 'text-anchor': 'end' },
        shortName(migrations.at(-1) ?? '', room),
      ),
    );
  }
  return picture;
}

/**
 * Numbers in a row, as pairs of the first and the last.
 *
 * @param {number[]} numbers sorted
 * @returns {[number, number][]}
 */
function stretches(numbers) {
  /** @type {[number, number][]} */
  const found = [];
  for (const number of numbers) {
    const last = found.at(-1);
    if (last !== undefined && last[1] === number - 1) last[1] = number;
    else found.push([number, number]);
  }
  return found;
}

/** @param {Model} model */
function cohortTable({ data }) {
  const rows = data.cohorts.map(({ count, state, rows: shares }, number) => {
    const { applied, pending } = migrationsOf(data, number);
    const shown = pending
      .slice(0, 5)
      .map(({ name }) => name)
      .join(', ');
    const rest = pending.length > 5 ? ` and ${counted(pending.length - 5)} more` : '';
    return [
      nameElement(typeName(data, number)),
      counted(count),
      shares ? 'shares tables' : lookOf(STATES, state).label,
      counted(applied.length),
      nameElement(applied.at(-1)?.name ?? '–'),
      counted(pending.length),
      nameElement(`${shown}${rest}`, 'text'),
    ];
  });
  return tableElement(
    'Cohorts, the largest first',
    ['Type', 'Tenants', 'State', 'Applied', 'Last applied', 'Pending', 'Names of these'],
    rows,
    [1, 3, 5],
  );
}
