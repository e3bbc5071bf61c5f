import type { DoctorReport } from '../doctor/types.js';
import type { ChecksumsReport } from '../fleet/checksums/checksums.js';
import type { StatusReport } from '../fleet/types.js';
import type { RunReport, RunsReport } from '../journal/read/runs.js';
import type { ChangedTenant } from '../lifecycle/changed-tenant.js';
import type { DistributeReport } from '../lifecycle/citus/distribute-tenants.js';
import type { MovedTenant } from '../lifecycle/citus/move-tenant.js';
import type { CreatedTenant } from '../lifecycle/create-types.js';
import type { CreateTenantsReport } from '../lifecycle/many/types.js';
import type { PoolReport } from '../lifecycle/pool/types.js';
import type { SnapshotReport } from '../lifecycle/snapshot/types.js';
import type { LintFinding, LintReport } from '../lint/types.js';
import type { AdoptHistoryReport } from '../run/adopt/types.js';
import type { DryRunReport } from '../run/dry-run/types.js';
import type { MigrateReport, PlanReport, RollbackReport } from '../run/types.js';
import type { SquashReport } from '../structure/squash.js';
import type { DriftReport } from '../structure/types.js';
import { shownPath } from '../ui/summary/lint/shown-path.js';

/**
 * The documents of `--json`, key by key: scripts rely on them, so a new field of a report must not end up in them by
 * accident. All pure.
 */
export function migrateDocument(
  command: 'migrate' | 'rollback',
  report: MigrateReport | RollbackReport,
  exitCode: number,
) {
  const {
    durationMs,
    executor,
    processes,
    concurrency,
    shared,
    tenants,
    results,
    run = null,
    wave,
    phase,
    heldBackMs,
    hookFailures,
  } = report;
  return {
    command,
    exitCode,
    durationMs,
    executor,
    processes,
    concurrency,
    run,
    ...(wave === undefined ? {} : { wave: { current: wave.current, of: wave.of } }),
    ...phaseDocument(phase),
    ...(heldBackMs === undefined ? {} : { heldBackMs }),
    ...(hookFailures === undefined ? {} : { hookFailures }),
    shared,
    tenants,
    results,
  };
}

/** That of `migrate` or `rollback`, where `applied` or `rolledBack` counts tenants that would succeed, with what was tried of each cohort. */
export function dryRunDocument(command: 'migrate' | 'rollback', report: DryRunReport, exitCode: number) {
  const { durationMs, executor, processes, concurrency, shared, results, cohorts, phase } = report;
  const { total, applied, ...counts } = report.tenants;
  const tenants = { total, [command === 'migrate' ? 'applied' : 'rolledBack']: applied, ...counts };
  const how = { dryRun: true, durationMs, executor, processes, concurrency, run: null };
  return { command, exitCode, ...how, ...phaseDocument(phase), shared, tenants, results, cohorts };
}

function phaseDocument(phase: MigrateReport['phase']) {
  return phase === undefined ? {} : { phase: { name: phase.name, waiting: phase.waiting, heldBack: phase.heldBack } };
}

/** That of `migrate`, and whether anything was recorded at all. */
export function adoptHistoryDocument(report: AdoptHistoryReport, exitCode: number) {
  const { dryRun, durationMs, run = null, shared, tenants, results } = report;
  return { command: 'adopt-history', exitCode, dryRun, durationMs, run, shared, tenants, results };
}

export function statusDocument(
  { shared, tenants, cohorts, nodes, details, runs, edited }: StatusReport,
  drift?: DriftReport,
) {
  return {
    shared: {
      applied: shared.applied,
      pending: shared.pending,
      ...(shared.post === undefined ? {} : { post: shared.post }),
      ...(shared.state === undefined ? {} : { state: shared.state }),
    },
    tenants,
    cohorts: cohorts.map((cohort) => cohortDocument(cohort)),
    ...(nodes === undefined ? {} : { nodes }),
    ...(details === undefined ? {} : { details }),
    ...(runs === undefined ? {} : { lastRun: runs.lastRun, running: runs.running }),
    ...(edited === undefined ? {} : { edited: { changed: edited.changed, renamed: edited.renamed } }),
    ...(drift === undefined ? {} : { drift: { different: drift.tenants.different } }),
  };
}

/** @param folder paths of findings are relative to it */
export function planDocument(
  { shared, tenants, cohorts, nodes, findings, phase, rollout }: PlanReport,
  folder: string,
) {
  return {
    shared: {
      applied: shared.applied,
      pending: shared.pending,
      ...(shared.post === undefined ? {} : { post: shared.post }),
      ...(shared.sql === undefined ? {} : { sql: shared.sql }),
    },
    ...phaseDocument(phase),
    ...(rollout === undefined ? {} : { rollout: { current: rollout.current, of: rollout.of, waves: rollout.waves } }),
    tenants,
    cohorts: cohorts.map((cohort) => ({
      ...cohortDocument(cohort),
      mode: cohort.mode,
      ...(cohort.sql === undefined ? {} : { sql: cohort.sql }),
    })),
    ...(nodes === undefined ? {} : { nodes }),
    findings: findings.map((finding) => findingDocument(finding, folder)),
  };
}

export function checksumsDocument({ changed, renamed, recorded, accepted }: ChecksumsReport) {
  return {
    changed: changed.map(({ migration, schema, type, firstAppliedAt, firstAppliedBy, tenant, run, file, certain }) => ({
      migration,
      schema,
      type,
      firstAppliedAt,
      tenant,
      firstAppliedBy,
      run,
      file,
      certain,
    })),
    renamed,
    recorded,
    ...(accepted.length === 0 ? {} : { accepted }),
  };
}

export function squashDocument({ file, replaces, defaults, behind, deleted }: SquashReport) {
  return { file, replaces, defaults, behind, deleted };
}

export function driftDocument({ reference, tenants, groups, unreadable }: DriftReport) {
  return {
    reference: { kind: reference.kind, tenant: reference.tenant },
    tenants: { total: tenants.total, equal: tenants.equal, different: tenants.different },
    groups: groups.map(({ fingerprint, type, last, count, reference: isReference, tenants: names, differences }) => ({
      fingerprint,
      type,
      last,
      count,
      reference: isReference,
      tenants: names,
      differences: differences.map(({ kind, object, change, expected, actual, sql }) => ({
        kind,
        object,
        change,
        expected,
        actual,
        sql,
      })),
    })),
    unreadable: unreadable.map(({ tenant, reason }) => ({ tenant, reason })),
  };
}

/** The first eight fields of a finding are always present, the others only if they apply. @param folder paths are relative to it */
export function lintDocument({ findings, unread, ignored, files, tenants }: LintReport, folder: string) {
  return {
    findings: findings.map((finding) => findingDocument(finding, folder)),
    files,
    ignored,
    tenants,
    unread: unread.map(({ file, migration, reason }) => ({ file: shownPath(file, folder), migration, reason })),
  };
}

function findingDocument(finding: LintFinding, folder: string) {
  const { rule, severity, file, line, column, message, suggestion, docs, migration, schema, type, statement } = finding;
  const { lock, work, table } = finding;
  return {
    rule,
    severity,
    file: shownPath(file, folder),
    line,
    column,
    message,
    suggestion,
    docs,
    migration,
    schema,
    type,
    statement,
    ...(lock === undefined ? {} : { lock }),
    ...(work === undefined ? {} : { work }),
    ...(table === undefined ? {} : { table }),
  };
}

export function runsDocument({ runs, pruned }: RunsReport) {
  return { runs, ...(pruned === undefined ? {} : { pruned }) };
}

export function runDocument({ run, results }: RunReport) {
  return { run, results };
}

/** The first five fields are always present, the others only if they apply. */
export function doctorDocument({ checks }: DoctorReport) {
  return {
    checks: checks.map(({ name, ok, expected, actual, fixed, skipped, items, suggestions, done, failures }) => ({
      name,
      ok,
      expected,
      actual,
      fixed,
      ...(skipped === undefined ? {} : { skipped }),
      ...(items === undefined ? {} : { items }),
      ...(suggestions === undefined ? {} : { suggestions }),
      ...(done === undefined ? {} : { done }),
      ...(failures === undefined ? {} : { failures }),
    })),
  };
}

/** The document of every command that changes one tenant: that of `create-tenant`, and what else there is to say. */
export function tenantDocument({
  tenant,
  domains,
  migrations,
  durationMs,
  mentions,
}: CreatedTenant & Pick<ChangedTenant, 'mentions'>) {
  return { tenant, domains, migrations, durationMs, ...(mentions === undefined ? {} : { mentions }) };
}

/** `create-tenant --from`: a result for each line of the file. */
export function createTenantsDocument(report: CreateTenantsReport, exitCode: number) {
  const { durationMs, concurrency, run, tenants, results } = report;
  return { command: 'create-tenant', exitCode, durationMs, concurrency, run, tenants, results };
}

export function snapshotDocument({ durationMs, file, snapshots }: SnapshotReport) {
  return { durationMs, file, snapshots };
}

/** `busy` with `--fill` if another process was at it, and nothing was done. */
export function poolDocument({ durationMs, pools, failures, busy }: PoolReport) {
  return { durationMs, busy, pools, failures };
}

export function distributeDocument({ durationMs, results }: DistributeReport) {
  return { durationMs, results };
}

export function moveTenantDocument({ tenant, from, to, moved, durationMs }: MovedTenant) {
  return { tenant, from, to, moved, durationMs };
}

function cohortDocument({ type, last, applied, pending, post, count, tenants, rows }: StatusReport['cohorts'][number]) {
  return {
    type,
    last,
    applied,
    pending,
    ...(post === undefined ? {} : { post }),
    count,
    tenants,
    ...(rows === undefined ? {} : { rows }),
  };
}
