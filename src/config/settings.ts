/** How the text of a flag or a variable becomes a value; `toggleOrText` is for settings that take both. */
type Kind = 'text' | 'number' | 'toggle' | 'toggleOrText';

type Setting = { path: readonly string[]; kind: Kind; variables?: readonly string[] };

/**
 * The settings that flags and the environment can give, by the name of their flag in camel case, and where each stands
 * in the configuration. The variable is `TENANTS_` and the name in upper snake case. Nothing dangerous is among them:
 * confirmations, `--write`, `--fake`, targets and selections never come from a shell profile.
 */
export const SETTINGS = {
  /** `DATABASE_URL` is asked after `TENANTS_DATABASE`. */
  database: { path: ['database'], kind: 'text', variables: ['DATABASE_URL'] },
  sharedSchema: { path: ['shared', 'schema'], kind: 'text' },
  sharedFormat: { path: ['shared', 'format'], kind: 'text' },
  sharedMigrations: { path: ['shared', 'migrations'], kind: 'text' },
  tenantsFormat: { path: ['tenants', 'format'], kind: 'text' },
  tenantsMigrations: { path: ['tenants', 'migrations'], kind: 'text' },
  distribute: { path: ['tenants', 'distribute'], kind: 'toggleOrText' },
  tenantsOrder: { path: ['tenants', 'order'], kind: 'text' },
  migrationsTable: { path: ['migrationsTable'], kind: 'text' },
  checkOrder: { path: ['checkOrder'], kind: 'toggle' },
  ignorePattern: { path: ['ignorePattern'], kind: 'text' },
  decamelize: { path: ['decamelize'], kind: 'toggle' },
  tsconfigPaths: { path: ['tsconfigPaths'], kind: 'toggleOrText' },
  executor: { path: ['executor'], kind: 'text' },
  maxProcesses: { path: ['maxProcesses'], kind: 'number' },
  chunkSize: { path: ['chunkSize'], kind: 'number' },
  concurrency: { path: ['concurrency'], kind: 'number' },
  role: { path: ['role'], kind: 'text' },
  fallThrough: { path: ['fallThrough'], kind: 'text' },
  recycleTenants: { path: ['recycle', 'tenants'], kind: 'number' },
  canary: { path: ['canary'], kind: 'number' },
  maxFailures: { path: ['maxFailures'], kind: 'number' },
  retries: { path: ['retries'], kind: 'number' },
  lockTimeout: { path: ['lockTimeout'], kind: 'text' },
  statementTimeout: { path: ['statementTimeout'], kind: 'text' },
  lockWait: { path: ['lockWait'], kind: 'text' },
  connectWait: { path: ['connectWait'], kind: 'text' },
  transaction: { path: ['transaction'], kind: 'text' },
  waves: { path: ['rollout', 'waves'], kind: 'text' },
  pause: { path: ['rollout', 'pause'], kind: 'text' },
  rolloutMaxFailures: { path: ['rollout', 'maxFailures'], kind: 'number' },
  maxDuration: { path: ['rollout', 'maxDuration'], kind: 'text' },
  window: { path: ['rollout', 'window'], kind: 'text' },
  delay: { path: ['rollout', 'delay'], kind: 'text' },
  maxReplicaLag: { path: ['rollout', 'maxReplicaLag'], kind: 'text' },
  maxLockWaits: { path: ['rollout', 'maxLockWaits'], kind: 'number' },
  journal: { path: ['journal'], kind: 'toggle' },
  journalSchema: { path: ['journal', 'schema'], kind: 'text' },
  snapshotFile: { path: ['snapshot', 'file'], kind: 'text' },
  poolSize: { path: ['pool', 'size'], kind: 'number' },
  checksums: { path: ['checksums'], kind: 'text' },
} as const satisfies Record<string, Setting>;

export type SettingName = keyof typeof SETTINGS;

/** Settings as flags give them: raw, checked together with everything else. An absent flag is `undefined`. */
export type SettingOverrides = Partial<Record<SettingName, string | number | boolean | undefined>>;

export type Environment = Record<string, string | undefined>;

/** One setting that a flag or a variable gives, and the name a complaint about it carries. */
export type Override = { name: SettingName; path: readonly string[]; source: string; value: unknown };

export const SETTING_NAMES = Object.keys(SETTINGS) as SettingName[];

/** What flags and, where there is no flag, variables say. An empty variable counts as absent. */
export function collectOverrides(flags: SettingOverrides, env: Environment): Override[] {
  return SETTING_NAMES.flatMap((name) => {
    const setting: Setting = SETTINGS[name];
    const given = flags[name];
    if (given !== undefined) {
      return [{ name, path: setting.path, source: flagName(name), value: valueOf(given, setting.kind) }];
    }
    const source = [variableName(name), ...(setting.variables ?? [])].find((variable) => (env[variable] ?? '') !== '');
    if (source === undefined) return [];
    return [{ name, path: setting.path, source, value: valueOf(env[source] ?? '', setting.kind) }];
  });
}

/** `lockTimeout` → `TENANTS_LOCK_TIMEOUT`. */
export function variableName(name: SettingName): string {
  return `TENANTS_${words(name).join('_').toUpperCase()}`;
}

/** `lockTimeout` → `--lock-timeout`. */
export function flagName(name: SettingName): string {
  return `--${words(name).join('-')}`;
}

function words(name: string): string[] {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`).split('_');
}

const TOGGLES: Record<string, boolean> = {
  true: true,
  '1': true,
  yes: true,
  on: true,
  false: false,
  '0': false,
  no: false,
  off: false,
};

/** Text that does not have the form of its kind stays as it is, for the schema to complain about. */
function valueOf(given: string | number | boolean, kind: Kind): unknown {
  if (typeof given !== 'string') return given;
  if (kind === 'number' && /^[+-]?\d+$/.test(given.trim())) return Number(given);
  if (kind === 'toggle' || kind === 'toggleOrText') return TOGGLES[given.trim().toLowerCase()] ?? given;
  return given;
}
