import { tenantButtons } from './details.js';
import { element, nameElement, section } from './elements.js';
import { withoutRuns } from './runs.js';
import { plural } from './words.js';

/** @typedef {import('./model.js').Model} Model */

/**
 * What failed in the last run, grouped by migration, SQLSTATE and place.
 *
 * @param {Model} model
 */
export function failuresSection(model) {
  const { lastRun } = model.data;
  if (lastRun === null) return section('failures', 'Failures', withoutRuns(model) ?? '');
  const { failures, leftOut, run } = lastRun;
  const groups = failures.map((failure) => {
    const { migration, code, file, line, statement, messages, tenants } = failure;
    const place =
      file === null ? [] : [element('p', { class: 'quiet' }, nameElement(line === null ? file : `${file}:${line}`))];
    const title = [
      ...(migration === null ? [] : [nameElement(migration), ' · ']),
      element('code', {}, code),
      ` · ${plural(tenants.length, 'tenant')}`,
    ];
    return element(
      'article',
      { class: 'failure' },
      element('h3', {}, '✕ ', ...title),
      ...place,
      ...messages.map((message) => element('p', {}, nameElement(message, 'text'))),
      ...(statement === null ? [] : [element('pre', { tabindex: 0 }, statement)]),
      tenantButtons(model, tenants),
    );
  });
  const others = leftOut.map(({ reason, tenants }) =>
    element(
      'article',
      {},
      element('h3', {}, `${plural(tenants.length, 'tenant')} not executed, because ${reason}`),
      tenantButtons(model, tenants),
    ),
  );
  const none = element('p', {}, `No tenant failed in run ${run.id}.`);
  return section('failures', 'Failures', ...(groups.length + others.length === 0 ? [none] : [...groups, ...others]));
}
