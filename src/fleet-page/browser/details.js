import { element, nameElement } from './elements.js';
import { migrationsOf, typeName } from './model.js';
import { counted, duration, plural } from './words.js';

/** Names that are listed before "show all". */
const FEW = 24;

/**
 * What is known about the chosen tenant.
 *
 * @param {import('./model.js').Model} model
 */
export function detailsPanel(model) {
  const panel = element('div', { class: 'details', role: 'status', 'aria-live': 'polite' });
  const show = () => {
    panel.replaceChildren(
      ...(model.chosen === -1
        ? [element('p', { class: 'quiet' }, 'Choose a tenant to see where it stands.')]
        : [element('h3', {}, nameElement(model.data.tenants[model.chosen])), factsOf(model, model.chosen)]),
    );
  };
  model.onChange((from) => from !== 'search' && show());
  show();
  return panel;
}

/**
 * @param {import('./model.js').Model} model
 * @param {number} tenant
 */
function factsOf(model, tenant) {
  const { data, cohortOf, resultOf, failureOf } = model;
  const { lastRun } = data;
  const cohort = cohortOf[tenant];
  /** @type {[string, (Node | string)[]][]} */
  const facts = [];
  if (cohort === -1) facts.push(['State', ['not in the fleet any more']]);
  else {
    const { applied, pending } = migrationsOf(data, cohort);
    const last = applied.at(-1);
    facts.push([
      'State',
      [data.cohorts[cohort].rows ? 'up to date, shares tables with others' : model.stateLook(tenant).label],
    ]);
    facts.push(['Type', [nameElement(typeName(data, cohort))]]);
    facts.push([
      'Applied',
      [counted(applied.length), ...(last === undefined ? [] : [', last ', nameElement(last.name)])],
    ]);
    if (pending.length > 0) facts.push(['Pending', listed(pending.map(({ name }) => name))]);
  }
  const result = resultOf[tenant];
  if (lastRun !== null && result !== -1) {
    const took = lastRun.durationMs[result];
    facts.push([
      `In run ${lastRun.run.id}`,
      [`${model.outcomeLook(tenant).label}${took === null ? '' : `, ${duration(took)}`}`],
    ]);
    const failure = lastRun.failures[failureOf[tenant]];
    if (failure !== undefined) {
      const where = failure.migration === null ? [] : [nameElement(failure.migration), ' · '];
      const message = failure.messages.length === 1 ? [' · ', nameElement(failure.messages[0], 'text')] : [];
      facts.push(['Failure', [...where, failure.code, ...message]]);
    }
    const left = lastRun.leftOut.find(({ tenants }) => tenants.includes(tenant));
    if (left !== undefined) facts.push(['Because', [left.reason]]);
  }
  return element('dl', {}, ...facts.flatMap(([term, value]) => [element('dt', {}, term), element('dd', {}, ...value)]));
}

/** @param {string[]} names */
function listed(names) {
  const shown = names.slice(0, 5).flatMap((name, index) => [...(index === 0 ? [] : [', ']), nameElement(name)]);
  return names.length > 5 ? [...shown, ` and ${counted(names.length - 5)} more`] : shown;
}

/**
 * Buttons that choose tenants.
 *
 * @param {import('./model.js').Model} model
 * @param {readonly number[]} tenants
 */
export function tenantButtons(model, tenants) {
  const box = element('div', { class: 'names' });
  const button = (/** @type {number} */ tenant) =>
    element(
      'button',
      { type: 'button', click: () => model.choose(tenant, 'list') },
      nameElement(model.data.tenants[tenant]),
    );
  box.append(...tenants.slice(0, FEW).map(button));
  const rest = tenants.slice(FEW);
  if (rest.length > 0) {
    const more = element('button', { type: 'button', class: 'more' }, `and ${plural(rest.length, 'more tenant')}`);
    more.addEventListener('click', () =>
      more.replaceWith(...rest.splice(0, 2000).map(button), ...(rest.length > 0 ? [more] : [])),
    );
    box.append(more);
  }
  return box;
}
