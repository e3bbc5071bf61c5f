import { lookOf, OUTCOMES, STATES } from './words.js';

/** @typedef {import('../types.js').FleetPage} FleetPage */

/**
 * The data of the page with what the parts of the page share: which tenant is chosen, and which ones are searched for.
 *
 * @typedef {object} Model
 * @property {FleetPage} data
 * @property {number} size tenants of the fleet; names after these are in the last run only
 * @property {Int32Array} cohortOf
 * @property {Int32Array} resultOf position in the results of the last run, or -1
 * @property {Int32Array} failureOf position in its failures, or -1
 * @property {(tenant: number) => import('./words.js').Look} stateLook
 * @property {(tenant: number) => import('./words.js').Look} outcomeLook
 * @property {number} chosen a tenant, or -1
 * @property {Set<number> | null} found tenants that match the search
 * @property {(tenant: number, from?: string) => void} choose
 * @property {(text: string) => void} search
 * @property {(listener: (from: string) => void) => void} onChange
 */

/**
 * @param {FleetPage} data
 * @returns {Model}
 */
export function createModel(data) {
  const { tenants, cohorts, lastRun } = data;
  const size = cohorts.reduce((sum, { count }) => sum + count, 0);
  const cohortOf = new Int32Array(tenants.length).fill(-1);
  cohorts.forEach(({ first, count }, index) => cohortOf.fill(index, first, first + count));
  const resultOf = new Int32Array(tenants.length).fill(-1);
  lastRun?.tenant.forEach((tenant, index) => (resultOf[tenant] = index));
  const failureOf = new Int32Array(tenants.length).fill(-1);
  lastRun?.failures.forEach((failure, index) => {
    for (const tenant of failure.tenants) failureOf[tenant] = index;
  });
  const lowered = tenants.map((name) => name.toLowerCase());
  /** @type {((from: string) => void)[]} */
  const listeners = [];
  const tell = (/** @type {string} */ from) => listeners.forEach((listener) => listener(from));
  /** @type {Model} */
  const model = {
    data,
    size,
    cohortOf,
    resultOf,
    failureOf,
    stateLook: (tenant) => lookOf(STATES, cohorts[cohortOf[tenant]]?.state ?? 'missing'),
    outcomeLook: (tenant) => lookOf(OUTCOMES, lastRun?.statuses[lastRun.status[resultOf[tenant]]] ?? ''),
    chosen: -1,
    found: null,
    choose: (tenant, from = '') => {
      model.chosen = tenant;
      tell(from);
    },
    search: (text) => {
      const wanted = text.trim().toLowerCase();
      model.found = wanted === '' ? null : new Set();
      if (wanted !== '') lowered.forEach((name, index) => name.includes(wanted) && model.found?.add(index));
      tell('search');
    },
    onChange: (listener) => void listeners.push(listener),
  };
  return model;
}

/**
 * The migrations of a cohort: what is applied, what is pending, and what has no file.
 *
 * @param {FleetPage} data
 * @param {number} index of the cohort
 */
export function migrationsOf({ types, cohorts }, index) {
  const { type, upTo, others, rows } = cohorts[index];
  const { migrations, files } = types[type];
  const done = new Set(others);
  const isApplied = (/** @type {number} */ position) => position < upTo || done.has(position);
  const all = migrations.map((name, position) => ({
    name,
    position,
    applied: isApplied(position),
    file: position < files,
  }));
  return {
    applied: all.filter(({ applied }) => applied),
    pending: rows ? [] : all.filter(({ applied, file }) => file && !applied),
  };
}

/**
 * @param {FleetPage} data
 * @param {number} index of the cohort
 */
export function typeName({ types, cohorts }, index) {
  return types[cohorts[index].type].type ?? 'default type';
}
