import * as Flags from '@oclif/core/flags';

/** No flag here has a default: the configuration's schema has them, and knows which value came from where. */
const list = { multiple: true, multipleNonGreedy: true } as const;

/** Flags of every command. */
export const globalFlags = {
  config: Flags.string({ helpGroup: 'global', helpValue: 'FILE', description: 'The configuration file.' }),
  database: Flags.string({
    helpGroup: 'global',
    helpValue: 'URL|embedded',
    description: 'The database; otherwise DATABASE_URL, or what the configuration says.',
  }),
  'env-file': Flags.string({
    helpGroup: 'global',
    helpValue: 'FILE',
    description: 'Read environment variables from a file.',
  }),
  json: Flags.boolean({ helpGroup: 'global', description: 'Print one JSON document.' }),
  verbose: Flags.boolean({ helpGroup: 'global', description: 'Say more, and show the stack of an error.' }),
  'no-color': Flags.boolean({ helpGroup: 'global', description: 'No colours; so does NO_COLOR.' }),
  help: Flags.boolean({ helpGroup: 'global', description: 'Show this help; so does -h.' }),
};

/** Which tenants a command that only looks is about. */
export const tenantFlags = {
  tenant: Flags.string({ ...list, helpValue: 'NAME', description: 'Only these tenants (NAME,NAME or repeated).' }),
  exclude: Flags.string({ ...list, helpValue: 'NAME', description: 'All tenants but these.' }),
  type: Flags.string({ ...list, helpValue: 'T', description: 'Only tenants of these types.' }),
};

/** Which schemas a run is about, and how far it goes. */
export const selectionFlags = {
  shared: Flags.boolean({ description: 'Only the shared schema.' }),
  'tenants-only': Flags.boolean({ description: 'Only tenants, not the shared schema.' }),
  ...tenantFlags,
  schema: Flags.string({
    ...list,
    helpValue: 'SCHEMA',
    description: 'As --tenant; the shared schema here means --shared.',
  }),
  to: Flags.string({ helpValue: 'NAME', description: 'Up to and including this migration.' }),
  count: Flags.string({ helpValue: 'N', description: 'At most N migrations in each schema.' }),
  'create-missing': Flags.boolean({ description: 'Create the schemas of tenants that have none.' }),
  'skip-missing': Flags.boolean({ description: 'Leave out tenants without a schema.' }),
  'skip-shared-check': Flags.boolean({ description: 'Go on although shared migrations are pending.' }),
  'no-check-order': Flags.boolean({ description: 'Accept migrations out of order.' }),
};

/** How a run goes about it. All are settings: `TENANTS_…` and the configuration have them too. */
export const runFlags = {
  executor: Flags.string({ helpValue: 'E', description: 'standard, multiprocessing, worker-threads, or a module.' }),
  concurrency: Flags.string({ helpValue: 'N', description: 'Tenants at once in each process.' }),
  'max-processes': Flags.string({ helpValue: 'N', description: 'Worker processes or threads.' }),
  'chunk-size': Flags.string({ helpValue: 'N', description: 'Tenants that a worker is handed at once.' }),
  canary: Flags.string({ helpValue: 'N', description: 'Tenants of each cohort that go first, alone; 0 for none.' }),
  'max-failures': Flags.string({ helpValue: 'N', description: 'Stop handing out tenants after N failures.' }),
  retries: Flags.string({ helpValue: 'N', description: 'Attempts after a passing error, such as a deadlock.' }),
  'lock-timeout': Flags.string({ helpValue: 'D', description: 'How long a statement waits for a lock: 5s, 250ms.' }),
  'statement-timeout': Flags.string({ helpValue: 'D', description: 'How long a statement may take; 0 for ever.' }),
  'lock-wait': Flags.string({ helpValue: 'D', description: 'How long to wait while another run is at work.' }),
  transaction: Flags.string({
    helpValue: 'tenant|migration',
    description: 'One transaction for each tenant, or for each migration.',
  }),
};

/** How long a change of one tenant waits, and how long its statements may take. Settings, as for `migrate`. */
export const changeFlags = {
  'lock-timeout': runFlags['lock-timeout'],
  'statement-timeout': runFlags['statement-timeout'],
};
