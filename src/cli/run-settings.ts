import type { SettingOverrides } from '../config/settings.js';
import { TenantsError } from '../errors/tenants-error.js';

/** Flags of `migrate` that are settings. */
const SETTINGS = {
  executor: 'executor',
  concurrency: 'concurrency',
  'max-processes': 'maxProcesses',
  'chunk-size': 'chunkSize',
  canary: 'canary',
  'max-failures': 'maxFailures',
  retries: 'retries',
  'lock-timeout': 'lockTimeout',
  'statement-timeout': 'statementTimeout',
  'lock-wait': 'lockWait',
  transaction: 'transaction',
  waves: 'waves',
  pause: 'pause',
  'max-duration': 'maxDuration',
  window: 'window',
  delay: 'delay',
  'max-replica-lag': 'maxReplicaLag',
  'max-lock-waits': 'maxLockWaits',
} as const;

type Given = Record<string, unknown>;

/**
 * The settings among the flags, as text; the configuration's schema checks them together with everything else. Pure.
 *
 * @throws TenantsError USAGE for flags that contradict each other.
 */
export function runSettings(flags: Given): SettingOverrides {
  if (flags['fail-fast'] === true && flags['max-failures'] !== undefined) {
    throw new TenantsError('USAGE', '--fail-fast and --max-failures cannot be combined.');
  }
  const settings: SettingOverrides = {};
  for (const [flag, name] of Object.entries(SETTINGS)) {
    const value = flags[flag];
    if (typeof value === 'string') settings[name] = value;
  }
  // Of both limits the flag is meant; a wrong value is complained about once.
  const failures = String(settings.maxFailures);
  if (/^\d+(\.\d+)?%?$/.test(failures)) settings.rolloutMaxFailures = failures;
  if (flags['no-check-order'] === true) settings.checkOrder = false;
  return settings;
}

const SELECTING = ['shared', 'tenants-only', 'tenant', 'schema', 'exclude', 'type', 'where'];

/** Flags that a suggested command repeats. Not `--fake` and the like, which must be chosen each time. */
const WORTH_REPEATING = [
  'config',
  'env-file',
  'to',
  'count',
  'phase',
  'skip-shared-check',
  'no-check-order',
  ...Object.keys(SETTINGS),
];

/**
 * The flags that the command to continue with repeats, as given. Never `--database`, which may contain a password. Pure.
 */
export function repeatedFlags(flags: Given): { selection: string[]; flags: string[] } {
  return { selection: words(flags, SELECTING), flags: words(flags, WORTH_REPEATING) };
}

function words(flags: Given, names: readonly string[]): string[] {
  return names.flatMap((name) => {
    const value = flags[name];
    if (value === true) return [`--${name}`];
    if (Array.isArray(value)) return [`--${name}`, value.join(',')];
    return typeof value === 'string' ? [`--${name}`, value] : [];
  });
}
