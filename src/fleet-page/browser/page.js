import { element, nameElement } from './elements.js';
import { failuresSection } from './failures.js';
import { mapSection } from './fleet-map.js';
import { lastRunSection } from './last-run.js';
import { createModel } from './model.js';
import { runsSection } from './runs.js';
import { staircaseSection } from './staircase.js';
import { counted, moment, plural } from './words.js';

const model = createModel(JSON.parse(document.getElementById('data')?.textContent ?? ''));
const { data } = model;

// On paper there is nothing to open: the tables go along, but for that of all tenants. This comes before the listeners of the
// parts, which draw with the colors that are in force then.
addEventListener('beforeprint', () => {
  document.documentElement.dataset['theme'] = 'light';
  for (const box of document.querySelectorAll('#staircase details, #last-run details')) box.setAttribute('open', '');
});
addEventListener('afterprint', () => delete document.documentElement.dataset['theme']);
document.title = `Fleet of ${data.database}, ${moment(data.createdAt)}`;
document
  .getElementById('page')
  ?.append(
    heading(),
    mapSection(model),
    staircaseSection(model),
    failuresSection(model),
    runsSection(model),
    lastRunSection(model),
    element('footer', {}, `Written by pg-tenants ${data.version ?? ''}. This file needs no network and loads nothing.`),
  );
model.onChange((from) => {
  if (from !== 'list') return;
  const map = document.getElementById('map');
  map?.scrollIntoView({ block: 'nearest' });
  document.querySelector('.details')?.scrollIntoView({ block: 'nearest' });
});

function heading() {
  const { counts, shared, lastRun } = data;
  const behindFiles = counts.total - counts.upToDate;
  const figures = [
    [counted(counts.total), counts.total === 1 ? 'tenant' : 'tenants'],
    [counted(counts.upToDate), 'up to date'],
    [counted(counts.pending), 'pending'],
    [counted(behindFiles - counts.pending), 'need attention'],
    [lastRun === null ? '–' : counted(lastRun.run.counts['failed'] ?? 0), 'failed in the last run'],
  ];
  const state = shared.state === undefined ? '' : shared.state === 'ahead' ? ', ahead of the files' : ', out of order';
  const pending =
    shared.pending.length === 0 ? 'nothing pending' : `${plural(shared.pending.length, 'migration')} pending`;
  return element(
    'header',
    {},
    element('h1', {}, 'Fleet of ', nameElement(data.database)),
    element(
      'p',
      { class: 'quiet' },
      `${moment(data.createdAt)} · shared schema: ${plural(shared.applied, 'migration')} applied, ${pending}${state}`,
    ),
    element(
      'ul',
      { class: 'figures' },
      ...figures.map(([value, label]) => element('li', {}, element('strong', {}, value), ` ${label}`)),
    ),
    element(
      'nav',
      { 'aria-label': 'Parts of this page' },
      ...[
        ['map', 'Tenants'],
        ['staircase', 'Migrations'],
        ['failures', 'Failures'],
        ['runs', 'Runs'],
        ['last-run', 'Last run'],
      ].map(([id, label]) => element('a', { href: `#${id}` }, label)),
    ),
  );
}
