import path from 'node:path';

import type { MigrationsFormat, OtherFormat } from '../project/formats.js';
import type { Rollout } from '../project/rollout.js';
import { ROWS_TYPE, type RowsShape } from '../registry/names.js';
import { MODULE_PATH } from '../util/module-path.js';
import { orderBy } from '../util/tenant-order.js';
import { parseWaves } from '../util/wave-sizes.js';
import type { LoadedProject } from './loaded-project.js';
import type { ParsedConfig } from './schema.js';

/** Makes paths absolute, from `root`, and gives the settings the names that the rest of the product uses. */
export function toProject(
  config: ParsedConfig,
  root: string,
): Omit<LoadedProject, 'database' | 'databaseVariable' | 'configFile' | 'hooksOrigin' | 'warnings'> {
  const { shared, tenants, registry, tsconfigPaths, executor, lockTimeout, statementTimeout, lockWait } = config;
  const absolute = (file: string) => path.resolve(root, file);
  return {
    root,
    shared: { schema: shared.schema, migrations: absolute(shared.migrations), ...formatOf(shared.format, absolute) },
    tenants: {
      migrations: absolute(tenants.migrations),
      ...formatOf(tenants.format, absolute),
      extraSearchPath: tenants.extraSearchPath,
      types:
        tenants.types &&
        Object.fromEntries(
          Object.entries(tenants.types)
            .flatMap(([type, own]) => (own === ROWS_TYPE ? [] : [[type, own] as const]))
            .map(([type, own]) => [type, absolute(typeof own === 'string' ? own : own.migrations)]),
        ),
      ...typeFormats(tenants, absolute),
      order: tenants.order ?? orderBy(registry.tenants.columns.schemaName),
      distribute: tenants.distribute,
    },
    registry: { schema: shared.schema, ...registry, ...rowsOf(config) },
    migrationsTable: config.migrationsTable,
    checkOrder: config.checkOrder,
    ignorePattern: config.ignorePattern,
    decamelize: config.decamelize,
    tsconfigPaths: typeof tsconfigPaths === 'string' ? absolute(tsconfigPaths) : tsconfigPaths,
    executor: /^\.{0,2}[/\\]/.test(executor) ? absolute(executor) : executor,
    maxProcesses: config.maxProcesses,
    chunkSize: config.chunkSize,
    concurrency: config.concurrency,
    role: config.role,
    fallThrough: config.fallThrough,
    recycle: config.recycle,
    hooks: config.hooks,
    canary: config.canary,
    maxFailures: config.maxFailures,
    retries: config.retries,
    lockTimeoutMs: lockTimeout,
    statementTimeoutMs: statementTimeout,
    lockWaitMs: lockWait,
    connectWaitMs: config.connectWait,
    transaction: config.transaction,
    journal: config.journal,
    pool: config.pool,
    snapshot: config.snapshot.file === undefined ? {} : { file: absolute(config.snapshot.file) },
    checksums: config.checksums,
    lint: config.lint,
    rollout: rolloutOf(config.rollout),
  };
}

/** Durations are in ms, and what is not configured is absent. */
function rolloutOf({
  waves,
  pause,
  maxFailures,
  maxDuration,
  window,
  delay,
  ...limits
}: ParsedConfig['rollout']): Rollout {
  const { maxReplicaLag, maxLockWaits } = limits;
  return {
    ...(waves === undefined ? {} : { waves: parseWaves(waves) }),
    ...(pause === undefined ? {} : { pause }),
    ...(maxFailures === undefined ? {} : { maxFailures }),
    ...(maxDuration === undefined ? {} : { maxDurationMs: maxDuration }),
    ...(window === undefined ? {} : { window }),
    ...(delay === undefined ? {} : { delayMs: delay }),
    ...(maxReplicaLag === undefined ? {} : { maxReplicaLagMs: maxReplicaLag }),
    ...(maxLockWaits === undefined ? {} : { maxLockWaits }),
  };
}

/** The types that are kept as rows, and how; nothing where there are none. */
function rowsOf({ rows, shared, tenants, registry }: ParsedConfig): { rows?: RowsShape } {
  const types = Object.entries(tenants.types ?? {}).flatMap(([type, own]) => (own === ROWS_TYPE ? [type] : []));
  if (types.length === 0) return {};
  const { column, setting } = rows;
  const { key = registry.tenants.columns.id, schema = shared.schema } = rows;
  return { rows: { types, column, key, setting, schema } };
}

/** node-pg-migrate's own format is the absence of another. */
function formatOf(format: MigrationsFormat | undefined, absolute: (file: string) => string): { format?: OtherFormat } {
  if (format === undefined || format === 'node-pg-migrate') return {};
  return { format: MODULE_PATH.test(format) ? absolute(format) : format };
}

/** The formats of the types that have one of their own. */
function typeFormats(
  { types = {} }: ParsedConfig['tenants'],
  absolute: (file: string) => string,
): { typeFormats?: Record<string, MigrationsFormat> } {
  const own = Object.entries(types).flatMap(([type, value]) =>
    typeof value === 'string' || value.format === undefined
      ? []
      : [[type, formatOf(value.format, absolute).format ?? value.format] as const],
  );
  return own.length === 0 ? {} : { typeFormats: Object.fromEntries(own) };
}
