import type { Client } from 'pg';

import { assertTransactions } from '../db/own-session.js';
import type { ServerInfo } from '../db/server.js';
import { TenantsError } from '../errors/tenants-error.js';
import type { Cohort } from '../fleet/cohorts.js';
import { readFleet, type SurveyedFleet } from '../fleet/read-fleet.js';
import { chooseTenants } from '../fleet/selection.js';
import type { Project } from '../project/project.js';
import { assertRegistry } from '../registry/check.js';
import { isRowTenant } from '../registry/list.js';
import { withSession } from '../session/control-session.js';
import { didYouMean, nearestNames } from '../util/nearest.js';
import { compareItems } from './compare.js';
import { buildExpected } from './expected.js';
import { type Fingerprint, readFingerprints, readItems } from './read-structure.js';
import type { Difference, DriftGroup, DriftOptions, DriftReport, Item, Level } from './types.js';

/** Connections that are used at once unless the configuration says otherwise. */
const CONNECTIONS = 4;

/**
 * Groups tenants that should be equal, because they are of one type and have the same migrations, by the structure that they really
 * have, and says how each group differs from the reference.
 *
 * Reads only, and the structure itself only once for each group. With `against: { kind: 'files' }` migrations are run in a schema
 * that is rolled back.
 *
 * @throws TenantsError UNKNOWN_TENANT; MIGRATION_REFUSED or MIGRATION_FAILED when the files cannot be run; the errors of the connection.
 */
export async function drift(project: Project, options: DriftOptions = {}): Promise<DriftReport> {
  const { against, level = 'structure', ...selection } = options;
  return await withSession(project, 'drift', async ({ client, server, session }) => {
    if (session !== 'own') await assertTransactions(client);
    await assertRegistry(client, project.registry);
    const choose = chooseTenants(project, selection);
    const fleet = await readFleet(client, project, { choose });
    const connections = project.concurrency ?? CONNECTIONS;
    const context: Context = { client, server, project, level, connections };
    switch (against?.kind) {
      case undefined:
        return await compareClasses(context, fleet, 'majority', byMajority(context));
      case 'files':
        return await compareClasses(context, fleet, 'files', byFiles(context, fleet));
      case 'tenant':
        return await compareWithTenant(context, fleet, against.tenant);
    }
  });
}

/** Whether every tenant is as it should be. */
export function isWithoutDrift(report: DriftReport): boolean {
  return report.tenants.different === 0;
}

type Context = { client: Client; server: ServerInfo; project: Project; level: Level; connections: number };

/** Tenants that should be equal, sorted by what they are, the most frequent first. */
type Class = { cohort: Cohort; byFingerprint: Map<string, string[]> };

/** Which group of a class is the reference, if one is, and the objects that the others are compared with. */
type Reference = { fingerprint: string | null; items: () => Promise<Item[]> };

type Unreadable = DriftReport['unreadable'];

async function compareClasses(
  context: Context,
  { cohorts }: SurveyedFleet,
  kind: 'majority' | 'files',
  referenceOf: (one: Class) => Promise<Reference>,
): Promise<DriftReport> {
  const { classes, unreadable } = await sortByFingerprint(context, cohorts);
  const groups: DriftGroup[] = [];
  for (const one of classes) {
    const reference = await referenceOf(one);
    for (const [fingerprint, tenants] of one.byFingerprint) {
      groups.push(await groupOf(context, one, { fingerprint, tenants }, reference));
    }
  }
  return reportOf({ kind, tenant: null }, groups, unreadable);
}

function byMajority(context: Context): (one: Class) => Promise<Reference> {
  return ({ byFingerprint }) => {
    const [fingerprint = null, tenants = []] = [...byFingerprint][0] ?? [];
    return Promise.resolve({ fingerprint, items: once(() => itemsIn(context, tenants)) });
  };
}

function byFiles(
  { client, project, server, level }: Context,
  { files }: SurveyedFleet,
): (one: Class) => Promise<Reference> {
  return async ({ cohort }) => {
    const own = files.get(cohort.type) ?? [];
    const items = await buildExpected(client, project, server, { cohort, files: own }, level);
    return { fingerprint: null, items: () => Promise.resolve(items) };
  };
}

async function compareWithTenant(context: Context, fleet: SurveyedFleet, name: string): Promise<DriftReport> {
  const found = fleet.registered.find(({ schema }) => schema === name);
  if (found === undefined) {
    const names = fleet.registered.map(({ schema }) => schema);
    throw new TenantsError('UNKNOWN_TENANT', `There is no tenant "${name}" to compare with.`, {
      tenant: name,
      suggestions: didYouMean(nearestNames(name, names)),
    });
  }
  if (isRowTenant(context.project.registry, found)) {
    throw new TenantsError(
      'USAGE',
      `The tenant "${name}" has no schema to compare with: it shares tables with others.`,
      {
        tenant: name,
      },
    );
  }
  const own = await readFingerprints(context.client, context.project.database, [name], {
    level: context.level,
    version: context.server.version,
    connections: 1,
  });
  const reference = own.get(name);
  if (reference === undefined || 'reason' in reference) {
    const why = reference === undefined ? 'its schema does not exist' : reference.reason;
    throw new TenantsError('TENANT_UNREADABLE', `The tenant "${name}" of --against cannot be read: ${why}.`, {
      tenant: name,
    });
  }
  const items = await readItems(context.client, name, context.level, context.server.version);
  const cohorts = fleet.cohorts.filter(({ type }) => type === found.type);
  const { classes, unreadable } = await sortByFingerprint(context, cohorts);
  const groups: DriftGroup[] = [];
  for (const one of classes) {
    for (const [fingerprint, tenants] of one.byFingerprint) {
      const as = { fingerprint: reference.fingerprint, items: () => Promise.resolve(items) };
      groups.push(await groupOf(context, one, { fingerprint, tenants }, as));
    }
  }
  return reportOf({ kind: 'tenant', tenant: name }, groups, unreadable);
}

async function sortByFingerprint(
  { client, server, project, level, connections }: Context,
  cohorts: readonly Cohort[],
): Promise<{ classes: Class[]; unreadable: Unreadable }> {
  const unreadable: Unreadable = [];
  const readable = cohorts.filter((cohort) => {
    // They have nothing of their own that could differ.
    if (cohort.rows === true) return false;
    const reason = whyNot(cohort);
    if (reason !== undefined) for (const { schema } of cohort.members) unreadable.push({ tenant: schema, reason });
    return reason === undefined;
  });
  const schemas = readable.flatMap(({ members }) => members.map(({ schema }) => schema));
  const { version } = server;
  const found = await readFingerprints(client, project.database, schemas, { level, version, connections });
  const classes = readable.map((cohort) => {
    const groups = new Map<string, string[]>();
    for (const { schema } of cohort.members) {
      const one: Fingerprint = found.get(schema) ?? { reason: 'its schema does not exist any more' };
      if ('reason' in one) unreadable.push({ tenant: schema, reason: one.reason });
      else if (groups.get(one.fingerprint)?.push(schema) === undefined) groups.set(one.fingerprint, [schema]);
    }
    const largest = [...groups].sort(([, a], [, b]) => b.length - a.length);
    return { cohort, byFingerprint: new Map(largest) };
  });
  return { classes, unreadable };
}

function whyNot({ state }: Cohort): string | undefined {
  switch (state.kind) {
    case 'missing':
      return 'its schema does not exist';
    case 'unreadable':
      return state.error.message;
    case 'unknownType':
      return `its type "${state.type}" is not in the configuration`;
    default:
      return undefined;
  }
}

async function groupOf(
  context: Context,
  { cohort }: Class,
  { fingerprint, tenants }: { fingerprint: string; tenants: string[] },
  reference: Reference,
): Promise<DriftGroup> {
  const isReference = fingerprint === reference.fingerprint;
  const differences: Difference[] = isReference
    ? []
    : compareItems(await reference.items(), await itemsIn(context, tenants));
  const group = { type: cohort.type, last: cohort.applied.at(-1) ?? null, count: tenants.length, tenants };
  return { fingerprint, ...group, reference: isReference, differences };
}

/** The objects of a group: those of its first tenant. */
async function itemsIn({ client, server, level }: Context, tenants: readonly string[]): Promise<Item[]> {
  const [first] = tenants;
  return first === undefined ? [] : await readItems(client, first, level, server.version);
}

function reportOf(
  reference: DriftReport['reference'],
  groups: readonly DriftGroup[],
  unreadable: Unreadable,
): DriftReport {
  const count = (some: readonly DriftGroup[]): number => some.reduce((sum, group) => sum + group.count, 0);
  const total = count(groups) + unreadable.length;
  const equal = count(groups.filter((group) => group.reference || group.differences.length === 0));
  return { reference, tenants: { total, equal, different: total - equal }, groups: [...groups], unreadable };
}

function once<T>(read: () => Promise<T>): () => Promise<T> {
  let answer: Promise<T> | undefined;
  return () => (answer ??= read());
}
