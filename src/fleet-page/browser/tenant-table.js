import { element, nameElement, tableElement } from './elements.js';
import { migrationsOf, typeName } from './model.js';
import { counted, duration } from './words.js';

/**
 * All tenants by name, 500 at a time.
 *
 * @param {import('./model.js').Model} model
 */
export function tenantTable(model) {
  const { data } = model;
  const { lastRun } = data;
  const box = element('div', {});
  const more = element('button', { type: 'button' }, 'Show more');
  const sorted = data.tenants.map((_name, index) => index).sort((a, b) => (data.tenants[a] < data.tenants[b] ? -1 : 1));
  let shown = 0;
  const row = (/** @type {number} */ tenant) => {
    const cohort = model.cohortOf[tenant];
    const known = cohort !== -1;
    const migrations = known ? migrationsOf(data, cohort) : undefined;
    const result = model.resultOf[tenant];
    return [
      nameElement(data.tenants[tenant]),
      known ? nameElement(typeName(data, cohort)) : '–',
      known ? model.stateLook(tenant).label : 'not in the fleet any more',
      counted(migrations?.applied.length ?? 0),
      counted(migrations?.pending.length ?? 0),
      result === -1 ? '–' : model.outcomeLook(tenant).label,
      result === -1 || lastRun === null ? '–' : duration(lastRun.durationMs[result]),
    ];
  };
  const extend = () => {
    const part = sorted.slice(shown, shown + 500);
    shown += part.length;
    const caption = `Tenants ${counted(shown - part.length + 1)} to ${counted(shown)} of ${counted(sorted.length)}`;
    more.before(
      tableElement(
        caption,
        ['Tenant', 'Type', 'State', 'Applied', 'Pending', 'Last run', 'Took'],
        part.map(row),
        [3, 4, 6],
      ),
    );
    more.hidden = shown === sorted.length;
  };
  more.addEventListener('click', extend);
  box.append(more);
  extend();
  return box;
}
