import { detailsPanel, tenantButtons } from './details.js';
import { behind, drawAtWidth, element, nameElement, section } from './elements.js';
import { layOut, positionAfter, positionAt } from './map-layout.js';
import { migrationsOf, typeName } from './model.js';
import { paintMap, paintSample } from './paint-map.js';
import { tenantTable } from './tenant-table.js';
import { counted, OUTCOMES, plural, STATES } from './words.js';

/** @typedef {import('./model.js').Model} Model */
/** @typedef {import('./map-layout.js').Group} Group */
/** @typedef {import('./words.js').Look} Look */

/** Groups with a block of their own; the others share one. */
const MOST_GROUPS = 30;
/**
 * The map of the fleet: a cell for each tenant.
 *
 * @param {Model} model
 */
export function mapSection(model) {
  const { data } = model;
  let by = 'cohort';
  const hasRun = data.lastRun !== null;
  const looks = () => (by === 'outcome' ? OUTCOMES : STATES);
  const lookAt = (/** @type {number} */ tenant) =>
    by === 'outcome' ? model.outcomeLook(tenant) : model.stateLook(tenant);
  /** @type {import('./map-layout.js').Layout | undefined} */
  let layout;
  /** @type {Map<number, number>} */
  let positions = new Map();
  const canvas = element('canvas', {
    tabindex: 0,
    role: 'application',
    'aria-roledescription': 'map of tenants',
    'aria-label': `Map of ${plural(model.size, 'tenant')}. Arrow keys move from tenant to tenant, Page Up and Page Down from group to group.`,
  });
  const box = element('div', { class: 'map' }, canvas);
  const tip = element('div', { class: 'tip', hidden: true });
  const legend = element('ul', { class: 'legend' });

  const arrange = (/** @type {number} */ width) => {
    layout = layOut(groupsOf(model, by), width);
    positions = new Map(layout.order.map((tenant, position) => [tenant, position]));
    paint();
  };
  const paint = () => layout !== undefined && paintMap(canvas, layout, model, lookAt);
  const regroup = () => {
    fillLegend(legend, model, lookAt, looks());
    if (box.clientWidth > 0) arrange(Math.floor(box.clientWidth));
  };

  canvas.addEventListener('click', (event) => {
    const position = layout === undefined ? -1 : positionAt(layout, event.offsetX, event.offsetY);
    if (position !== -1) model.choose(layout?.order[position] ?? -1, 'map');
  });
  canvas.addEventListener('pointermove', (event) => {
    const position = layout === undefined ? -1 : positionAt(layout, event.offsetX, event.offsetY);
    tip.hidden = position === -1;
    if (layout === undefined || position === -1) return;
    const tenant = layout.order[position];
    tip.replaceChildren(nameElement(data.tenants[tenant]), `: ${lookAt(tenant).label}`);
    tip.style.left = `${Math.min(event.offsetX + 14, canvas.clientWidth - 190)}px`;
    tip.style.top = `${event.offsetY + 18}px`;
  });
  canvas.addEventListener('pointerleave', () => (tip.hidden = true));
  canvas.addEventListener('keydown', (event) => {
    if (layout === undefined || event.altKey || event.ctrlKey || event.metaKey) return;
    const next = positionAfter(layout, positions.get(model.chosen) ?? -1, event.key);
    if (next === undefined) return;
    event.preventDefault();
    model.choose(layout.order[next], 'map');
  });
  model.onChange(paint);
  for (const query of ['(prefers-color-scheme: dark)', 'print']) matchMedia(query).addEventListener('change', paint);
  addEventListener('beforeprint', paint);
  addEventListener('afterprint', paint);
  drawAtWidth(box, arrange);
  box.append(tip);
  const select = element(
    'select',
    { id: 'group-by', change: () => ((by = select.value), regroup()) },
    element('option', { value: 'cohort' }, 'cohort'),
    element('option', { value: 'type' }, 'type'),
    element(
      'option',
      { value: 'outcome', disabled: !hasRun },
      hasRun ? 'outcome of the last run' : 'outcome (no run recorded)',
    ),
  );
  regroup();
  return section(
    'map',
    'Tenants',
    element(
      'div',
      { class: 'controls' },
      element('label', { for: 'group-by' }, 'Group by'),
      select,
      ...searchField(model),
    ),
    searchResults(model),
    legend,
    element('div', { class: 'beside' }, box, detailsPanel(model)),
    behind('All tenants as a table', () => tenantTable(model)),
  );
}

/** @param {Model} model */
function searchField(model) {
  const field = element('input', {
    id: 'search',
    type: 'search',
    autocomplete: 'off',
    spellcheck: 'false',
    placeholder: 'part of a name',
  });
  field.addEventListener('input', () => model.search(field.value));
  field.addEventListener('keydown', (event) => {
    const [first] = model.found ?? [];
    if (event.key === 'Enter' && first !== undefined) model.choose(first, 'list');
  });
  return [element('label', { for: 'search' }, 'Search'), field];
}

/** @param {Model} model */
function searchResults(model) {
  const results = element('div', { class: 'found', 'aria-live': 'polite' });
  model.onChange((from) => {
    if (from !== 'search') return;
    const { found } = model;
    const said =
      found === null
        ? []
        : [
            element(
              'p',
              {},
              found.size === 0 ? 'No tenant has such a name.' : `Found ${plural(found.size, 'tenant')}.`,
            ),
          ];
    results.replaceChildren(...said, ...(found === null || found.size === 0 ? [] : [tenantButtons(model, [...found])]));
  });
  return results;
}

/**
 * @param {Model} model
 * @param {string} by
 * @returns {Group[]}
 */
function groupsOf(model, by) {
  const { data, size } = model;
  /** @type {Map<string, Group>} */
  const groups = new Map();
  for (let tenant = 0; tenant < size; tenant += 1) {
    const cohort = model.cohortOf[tenant];
    const key =
      by === 'cohort' ? String(cohort) : by === 'type' ? typeName(data, cohort) : model.outcomeLook(tenant).label;
    const group = groups.get(key);
    if (group !== undefined) group.members.push(tenant);
    else groups.set(key, { label: by === 'cohort' ? cohortLabel(model, cohort) : key, note: '', members: [tenant] });
  }
  const sorted = [...groups.values()].sort((a, b) => b.members.length - a.members.length);
  if (sorted.length > MOST_GROUPS) {
    const others = sorted.splice(MOST_GROUPS - 1);
    sorted.push({
      label: `${counted(others.length)} smaller groups`,
      note: '',
      members: others.flatMap(({ members }) => members),
    });
  }
  for (const group of sorted) group.note = counted(group.members.length);
  return sorted;
}

/**
 * @param {Model} model
 * @param {number} cohort
 */
function cohortLabel({ data }, cohort) {
  const last = migrationsOf(data, cohort).applied.at(-1);
  const { rows, state } = data.cohorts[cohort];
  const at = rows ? 'shared tables' : last === undefined ? 'nothing applied' : `at ${last.name}`;
  const look = STATES.find(({ key }) => key === state);
  return [data.types.length > 1 ? typeName(data, cohort) : '', at, look?.label].filter(Boolean).join(' · ');
}

/**
 * @param {HTMLElement} legend
 * @param {Model} model
 * @param {(tenant: number) => Look} lookAt
 * @param {readonly Look[]} looks
 */
function fillLegend(legend, model, lookAt, looks) {
  /** @type {Map<string, { look: Look, count: number }>} */
  const counts = new Map();
  for (let tenant = 0; tenant < model.size; tenant += 1) {
    const look = lookAt(tenant);
    const entry = counts.get(look.key);
    if (entry === undefined) counts.set(look.key, { look, count: 1 });
    else entry.count += 1;
  }
  const rank = (/** @type {string} */ key) => looks.findIndex((look) => look.key === key);
  const entries = [...counts.values()].sort((a, b) => rank(a.look.key) - rank(b.look.key));
  legend.replaceChildren(
    ...entries.map(({ look, count }) => {
      const sample = element('canvas', { class: 'sample', 'aria-hidden': 'true' });
      requestAnimationFrame(() => paintSample(sample, look));
      return element('li', {}, sample, `${look.letter} ${look.label}: ${counted(count)}`);
    }),
  );
}
