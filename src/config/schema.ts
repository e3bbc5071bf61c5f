import { z } from 'zod';

import { LINT_LEVELS, LINT_RULE_NAMES } from '../lint/rule-names.js';
import { MIGRATIONS_FORMATS } from '../project/formats.js';
import { ROWS_TYPE } from '../registry/names.js';
import { orList } from '../util/format-count.js';
import { MODULE_PATH } from '../util/module-path.js';
import { databaseSchema } from './database/database-schema.js';
import {
  canary,
  choice,
  duration,
  identifier,
  numberOrShare,
  pause,
  text,
  toggle,
  waves,
  wholeNumber,
  window,
  tenantOrder,
} from './fields.js';
import { hooksSchema } from './hooks-schema.js';
import { registrySchema } from './registry-schema.js';
import { rowsSchema } from './rows-schema.js';

function formatName() {
  const names = MIGRATIONS_FORMATS.map((value) => `'${value}'`);
  const error = `expected ${orList([...names, 'the path of a module such as ./my-format.js'])}`;
  return z.union([z.enum(MIGRATIONS_FORMATS), z.string().regex(MODULE_PATH, { error })], { error });
}

function format() {
  return formatName().default('node-pg-migrate');
}

/** A type's directory; its format is that of the tenants where it has none of its own. */
const typeDirectory = z.union(
  [text('a path'), z.strictObject({ migrations: text('a path'), format: formatName().optional() })],
  { error: 'expected a path, or an object with `migrations` and `format`' },
);

/** Every key with its type, default and documentation. Nothing else in the product has defaults. */
const settings = z.strictObject({
  database: databaseSchema
    .optional()
    .describe("A PostgreSQL URL, a node-postgres configuration object, or `'embedded'`."),
  shared: z
    .strictObject({
      schema: identifier()
        .default('public')
        .describe('Schema of the registry and of everything that all tenants share.'),
      migrations: text('a path').default('./migrations/shared').describe('Directory of the shared migrations.'),
      format: format().describe('Format of the shared migrations; the values are those of `tenants.format`.'),
    })
    .prefault({}),
  tenants: z
    .strictObject({
      migrations: text('a path').default('./migrations/tenant').describe('Directory of the tenant migrations.'),
      format: format().describe(
        'Format of the tenant migrations: `node-pg-migrate`, `drizzle`, `prisma`, `sql`, `knex`, `kysely`, `auto` to recognize it, or the path of a module.',
      ),
      extraSearchPath: z
        .array(identifier(), { error: 'expected a list of schema names' })
        .default([])
        .describe("Schemas that come after the tenant's and the shared one in the search path; no tenant's."),
      types: z
        .record(z.string().min(1), typeDirectory, {
          error: 'expected an object with the migrations directory of each type',
        })
        .optional()
        .describe(
          "Migrations directory of each value of the type column, `{ migrations, format }`, or `'rows'` for tenants that share tables.",
        ),
      order: tenantOrder()
        .optional()
        .describe('Columns of the tenant table, with directions, that give the order of hand-out.'),
      distribute: z
        .union([z.boolean(), z.literal('auto')], { error: "expected true, false, or 'auto'" })
        .default('auto')
        .describe("On Citus, place new schemas on its nodes: `true`, `false`, or `'auto'`, as most tenants are."),
    })
    .prefault({}),
  rows: rowsSchema,
  registry: registrySchema.prefault({}),
  migrationsTable: identifier()
    .default('pgmigrations')
    .describe('Bookkeeping table of node-pg-migrate, one in each schema.'),
  checkOrder: toggle()
    .default(true)
    .describe('Refuse tenants whose applied migrations are not in the order of the files.'),
  ignorePattern: text('a pattern').optional().describe('Pattern for the files of a migrations directory to ignore.'),
  decamelize: toggle()
    .default(false)
    .describe('Turn camel case names into snake case in JavaScript migrations, as in node-pg-migrate.'),
  tsconfigPaths: z
    .union([z.boolean(), text('a path')], { error: 'expected true, false, or the path of a tsconfig.json' })
    .default(false)
    .describe('Resolve the paths of tsconfig.json in TypeScript migrations: `true`, or its file.'),
  executor: text('standard, multiprocessing, worker-threads, or a module')
    .default('standard')
    .describe('`standard`, `multiprocessing`, `worker-threads`, or a module that exports an executor.'),
  maxProcesses: wholeNumber(1).default(2).describe('Worker processes or threads.'),
  chunkSize: wholeNumber(1).default(2).describe('Tenants that a worker is handed at once.'),
  concurrency: wholeNumber(1).optional().describe('Tenants migrated at once in each process.'),
  role: identifier().optional().describe('Role that owns what is created (`SET ROLE`).'),
  fallThrough: choice(['error', 'warn', 'off'])
    .default('error')
    .describe('When a tenant migration changes objects of another schema: `error`, `warn` or `off`.'),
  recycle: z
    .strictObject({ tenants: wholeNumber(1).default(500).describe('Tenants after which a connection is replaced.') })
    .prefault({}),
  hooks: hooksSchema
    .prefault({})
    .describe('Functions that are called around the migrations and the life of each tenant.'),
  canary: canary()
    .default(1)
    .describe('Tenants of each cohort that go first, alone: a number, a share such as `5%`, or a name; 0 means none.'),
  maxFailures: numberOrShare(1)
    .optional()
    .describe('Failed tenants after which no more are started: a number, or a share such as `2%`.'),
  retries: wholeNumber(0).default(3).describe('Number of retries after a transient error.'),
  lockTimeout: duration().prefault('5s').describe('Maximum time a statement waits for a lock; 0 means no limit.'),
  statementTimeout: duration().prefault('0').describe('Statement timeout; 0 means no limit.'),
  lockWait: duration().prefault('0s').describe('How long to wait while another run holds the fleet lock.'),
  connectWait: duration().prefault('0s').describe('How long to wait for a database that does not answer yet.'),
  transaction: choice(['tenant', 'migration'])
    .default('tenant')
    .describe('One transaction for each `tenant`, or one for each `migration`.'),
  rollout: z
    .strictObject({
      waves: waves()
        .optional()
        .describe('Sizes of the waves, each including those before: numbers or shares such as `1,5%,25%,100%`.'),
      pause: pause().optional().describe('Pause between two waves, or `ask`.'),
      maxFailures: numberOrShare(0)
        .optional()
        .describe('Failed tenants up to which the next wave begins: a number, or a share such as `2%`.'),
      maxDuration: duration().optional().describe('Time after which no more tenants are started.'),
      window: window().optional().describe('Times of day at which tenants are started: `22:00-05:00 Europe/Berlin`.'),
      delay: duration().optional().describe('Pause of a lane between two tenants.'),
      maxReplicaLag: duration().optional().describe('Lag of a replica up to which tenants are started.'),
      maxLockWaits: wholeNumber(0)
        .optional()
        .describe('Other sessions waiting for locks up to which tenants are started.'),
    })
    .prefault({}),
  journal: z
    .union(
      [
        z.literal(false),
        z.strictObject({
          schema: identifier()
            .default('tenants_journal')
            .describe('Schema that keeps the record of runs and the checksums; it is created when it is needed.'),
        }),
      ],
      { error: 'expected false, or an object with the name of the schema' },
    )
    .prefault({ schema: 'tenants_journal' })
    .describe('Where runs and checksums are recorded: `{ schema }`, or `false` for no record.'),
  pool: z
    .strictObject({
      size: wholeNumber(0)
        .default(0)
        .describe('Schemas to keep ready for new tenants, for each type; `migrate` makes them at its end.'),
    })
    .prefault({}),
  snapshot: z
    .strictObject({
      file: text('a path')
        .optional()
        .describe('File of the snapshot that new tenants start from; without it, the journal has it.'),
    })
    .prefault({}),
  checksums: choice(['error', 'warn', 'off'])
    .default('warn')
    .describe('When a migration file was edited after it was applied: `error`, `warn` or `off`.'),
  lint: z
    .strictObject({
      rules: z
        .partialRecord(z.enum(LINT_RULE_NAMES), choice(LINT_LEVELS).optional())
        .default({})
        .describe('Levels of rules of `lint`: `error`, `warning` or `off` by the name of the rule.'),
    })
    .prefault({}),
});

function hasRowTypes({ types = {} }: z.output<typeof settings>['tenants']): boolean {
  return Object.values(types).includes(ROWS_TYPE);
}

/** The configuration: every key, and what must fit together. */
export const configSchema = settings
  .refine(
    ({ migrationsTable, registry }) =>
      migrationsTable !== registry.tenants.table && migrationsTable !== registry.domains?.table,
    { path: ['migrationsTable'], error: 'is a table of the registry already' },
  )
  .refine(
    ({ journal, shared, tenants }) =>
      journal === false || ![shared.schema, ...tenants.extraSearchPath].includes(journal.schema),
    { path: ['journal', 'schema'], error: 'is the shared schema or one of tenants.extraSearchPath' },
  )
  .refine(({ registry, tenants }) => registry.tenants.columns.type !== null || !hasRowTypes(tenants), {
    path: ['tenants', 'types'],
    error: 'need a type column, which registry.tenants.columns maps to null',
  });

/** The configuration with its defaults, durations in ms, paths still as they were written. */
export type ParsedConfig = z.output<typeof configSchema>;
