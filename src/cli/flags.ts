import * as Flags from '@oclif/core/flags';

/** Flags have no defaults of their own: defaults are in the configuration's schema, which knows where a value came from. */
const list = { multiple: true, multipleNonGreedy: true } as const;

/** Flags of every command. */
export const globalFlags = {
  config: Flags.string({
    helpGroup: 'global',
    helpValue: 'FILE',
    description: 'Configuration file (default: the nearest tenants.config.*).',
  }),
  database: Flags.string({
    helpGroup: 'global',
    helpValue: 'URL|embedded',
    description: 'Database (default: DATABASE_URL, then the configuration).',
  }),
  'env-file': Flags.string({
    helpGroup: 'global',
    helpValue: 'FILE',
    description: 'Read environment variables from this file.',
  }),
  'connect-wait': Flags.string({
    helpGroup: 'global',
    helpValue: 'D',
    description: 'Maximum time to wait for a database that is starting (default: 0s).',
  }),
  json: Flags.boolean({ helpGroup: 'global', description: 'Print the result as one JSON document.' }),
  verbose: Flags.boolean({ helpGroup: 'global', description: 'Verbose output, including error stack traces.' }),
  'no-color': Flags.boolean({
    helpGroup: 'global',
    description: 'Disable colors (or set NO_COLOR; FORCE_COLOR enables them in a pipe).',
  }),
  help: Flags.boolean({ helpGroup: 'global', description: 'Show help (-h).' }),
};

/** Which tenants a command applies to. */
export const tenantFlags = {
  tenant: Flags.string({
    ...list,
    helpValue: 'NAME',
    description: "Only these tenants: NAME,NAME or repeated, patterns ('eu_*'), @FILE.",
  }),
  exclude: Flags.string({
    ...list,
    helpValue: 'NAME',
    description: 'Exclude these tenants; patterns and @FILE as well.',
  }),
  type: Flags.string({ ...list, helpValue: 'T', description: 'Only tenants of these types.' }),
  where: Flags.string({
    ...list,
    helpValue: 'SQL',
    description: `Only tenants whose row meets this condition: "plan = 'pro'".`,
  }),
};

/** For commands that do something in each schema. */
export const alsoSharedFlag = Flags.boolean({ description: 'Include the shared schema, before the tenants.' });

/** Which schemas a run migrates, and how far. */
export const selectionFlags = {
  shared: Flags.boolean({ description: 'Only the shared schema.' }),
  'tenants-only': Flags.boolean({ description: 'Only tenants, without the shared schema.' }),
  ...tenantFlags,
  schema: Flags.string({
    ...list,
    helpValue: 'SCHEMA',
    description: 'Same as --tenant; the name of the shared schema means --shared.',
  }),
  to: Flags.string({ helpValue: 'NAME', description: 'Apply up to and including this migration (default: the last).' }),
  count: Flags.string({ helpValue: 'N', description: 'Maximum number of migrations in each schema (default: all).' }),
  'create-missing': Flags.boolean({ description: 'Create missing schemas of tenants.' }),
  'skip-missing': Flags.boolean({ description: 'Skip tenants whose schema is missing.' }),
  'skip-shared-check': Flags.boolean({ description: 'Continue although shared migrations are pending.' }),
  'no-check-order': Flags.boolean({ description: 'Do not check the order of migrations.' }),
};

/** Which half of a change. No setting: it is chosen each time. */
export const phaseFlag = {
  phase: Flags.string({
    helpValue: 'pre|post',
    description: 'Only what may run before the new code starts, or also what waits for it (default: everything).',
  }),
};

/** How a run works. All are settings, which can also be set with `TENANTS_…` variables and in the configuration. */
export const runFlags = {
  executor: Flags.string({
    helpValue: 'E',
    description: 'standard, multiprocessing, worker-threads, or a module (default: standard).',
  }),
  concurrency: Flags.string({
    helpValue: 'N',
    description: 'Tenants at a time in each process (default: 4; 2 in each worker).',
  }),
  'max-processes': Flags.string({
    helpValue: 'N',
    description: 'Maximum number of worker processes or threads (default: 2).',
  }),
  'chunk-size': Flags.string({ helpValue: 'N', description: 'Tenants that a worker receives at a time (default: 2).' }),
  canary: Flags.string({
    helpValue: 'N|N%|NAME',
    description: 'Tenants of each cohort to migrate first, alone, or one tenant; 0 disables (default: 1).',
  }),
  'max-failures': Flags.string({
    helpValue: 'N|N%',
    description: 'Start no more tenants after so many failures, or so large a share (default: no limit).',
  }),
  retries: Flags.string({
    helpValue: 'N',
    description: 'Retries after a transient error such as a deadlock (default: 3).',
  }),
  'lock-timeout': Flags.string({
    helpValue: 'D',
    description: 'Maximum time a statement waits for a lock (default: 5s).',
  }),
  'statement-timeout': Flags.string({
    helpValue: 'D',
    description: 'Statement timeout; 0 means no limit (default: 0).',
  }),
  'lock-wait': Flags.string({
    helpValue: 'D',
    description: 'Maximum time to wait for another run to end (default: 0s).',
  }),
  transaction: Flags.string({
    helpValue: 'tenant|migration',
    description: 'One transaction per tenant or per migration (default: tenant).',
  }),
};

/** Trying instead of doing. */
export const dryRunFlags = {
  'dry-run': Flags.boolean({ description: 'Run the migrations and roll everything back; nothing is changed.' }),
  sample: Flags.string({
    helpValue: 'N|all',
    description: 'With --dry-run: tenants to try in each cohort, largest and newest first (default: the canary).',
  }),
};

/** Files that a run writes beside its result. */
export const runFileFlags = {
  report: Flags.string({
    helpValue: 'FILE.json|FILE.html',
    description: 'Also write the result to a file, as a document with what the journal records, or as a page.',
  }),
  events: Flags.string({
    helpValue: 'FILE',
    description: 'Write what happens as lines of JSON; - writes them to stdout, in place of the result.',
  }),
};

/** How a run is spread over time. Settings as well. */
export const paceFlags = {
  'max-duration': Flags.string({
    helpValue: 'D',
    description: 'Start no more tenants after this time (default: no limit).',
  }),
  delay: Flags.string({ helpValue: 'D', description: 'Pause of each lane between two tenants (default: none).' }),
  'max-replica-lag': Flags.string({
    helpValue: 'D',
    description: 'Hold tenants back while a replica lags more (default: replicas are not looked at).',
  }),
  'max-lock-waits': Flags.string({
    helpValue: 'N',
    description: 'Hold tenants back while more other sessions wait for locks (default: not looked at).',
  }),
};

/** How a change reaches the fleet. Settings as well. */
export const rolloutFlags = {
  waves: Flags.string({
    helpValue: '1,5%,100%',
    description: 'Waves of tenants, each size including those before; every run continues (default: one).',
  }),
  pause: Flags.string({
    helpValue: 'D|ask',
    description: 'Begin the next wave after a pause, or ask (default: the next run begins it).',
  }),
  window: Flags.string({
    helpValue: 'HH:MM-HH:MM ZONE',
    description: "Start tenants at this time of day only, such as '22:00-05:00 Europe/Berlin' (default: always).",
  }),
  ...paceFlags,
};

/** How long a change of one tenant waits, and how long its statements may take. Settings, as for `migrate`. */
export const changeFlags = {
  'lock-timeout': runFlags['lock-timeout'],
  'statement-timeout': runFlags['statement-timeout'],
};
