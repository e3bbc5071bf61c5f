import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { basename, delimiter, dirname, join, sep } from 'node:path';

/** What decides how this program is called. */
export type Installation = {
  /** The package's folder. */
  root: string;
  cwd: string;
  env: Record<string, string | undefined>;
  /** Whether Yarn's Plug'n'Play resolves imports: there is no `node_modules` then. */
  pnp?: boolean;
  platform?: NodeJS.Platform;
};

type Manager = 'npm' | 'pnpm' | 'yarn' | 'bun';

const LOCAL: Record<Manager, string> = {
  npm: 'npx tenants',
  pnpm: 'pnpm exec tenants',
  yarn: 'yarn tenants',
  bun: 'bunx tenants',
};

/** The package's name: outside a project, `npx tenants` would download another package. */
const ONE_OFF: Record<Manager, string> = {
  npm: 'npx pg-tenants',
  pnpm: 'pnpm dlx pg-tenants',
  yarn: 'yarn dlx pg-tenants',
  bun: 'bunx pg-tenants',
};

const LOCK_FILES: readonly [string, Manager][] = [
  ['pnpm-lock.yaml', 'pnpm'],
  ['yarn.lock', 'yarn'],
  ['bun.lock', 'bun'],
  ['bun.lockb', 'bun'],
  ['package-lock.json', 'npm'],
];

/**
 * What a user types to call this program again from the same shell: `tenants` where that is on the user's own PATH, or
 * what the package manager needs in front of it. A checkout of the repository answers `tenants`.
 */
export function findInvocation(installation: Installation): string {
  const { root, cwd, env, pnp = false } = installation;
  if (!pnp && !root.split(/[\\/]/).includes('node_modules')) return 'tenants';
  const caller = callingManager(env);
  const temporary = temporaryInstallation(root, caller);
  if (temporary !== undefined) return ONE_OFF[temporary];
  if (isOnPath(installation)) return 'tenants';
  return LOCAL[caller ?? (pnp ? 'yarn' : lockedManager(cwd))];
}

/** All package managers announce themselves to what they start: `pnpm/9.1.0 npm/? node/v20.11.0 linux x64`. */
function callingManager(env: Installation['env']): Manager | undefined {
  const [, name] = /^(npm|pnpm|yarn|bun)\//.exec(env['npm_config_user_agent'] ?? '') ?? [];
  return name as Manager | undefined;
}

/** `npx`, `pnpm dlx`, `yarn dlx` and `bunx` install what a project does not have into a folder of their own. */
function temporaryInstallation(root: string, caller: Manager | undefined): Manager | undefined {
  const folders = root.split(/[\\/]/);
  if (folders.includes('_npx')) return 'npm';
  if (folders.some((name) => name.startsWith('bunx-'))) return 'bun';
  if (folders.some((name) => name === 'dlx' || name.startsWith('dlx-'))) return caller === 'yarn' ? 'yarn' : 'pnpm';
  return undefined;
}

function isOnPath({ root, env, platform = process.platform }: Installation): boolean {
  const names = platform === 'win32' ? ['tenants.cmd', 'tenants.exe', 'tenants.ps1'] : ['tenants'];
  const path = Object.entries(env).find(([name]) => name.toUpperCase() === 'PATH')?.[1] ?? '';
  // A package manager puts folders in front of the PATH that its caller does not have.
  const injects = callingManager(env) !== undefined || env['NODE_RUN_SCRIPT_NAME'] !== undefined;
  return path
    .split(delimiter)
    .filter((folder) => folder !== '' && !(injects && isInjected(folder)))
    .some((folder) => names.some((name) => isOurs(join(folder, name), root)));
}

/** npm and pnpm add `node_modules/.bin`; Yarn writes its wrappers into `xfs-…` in the folder for temporary files. */
function isInjected(folder: string): boolean {
  return folder.endsWith(join('node_modules', '.bin')) || basename(folder).startsWith('xfs-');
}

/** Another program may have that name: a link must lead here, and a script that starts Node.js must name the package. */
function isOurs(file: string, root: string): boolean {
  try {
    if (!existsSync(file)) return false;
    const real = realpathSync(file);
    const home = root.endsWith(sep) ? root : root + sep;
    return real.startsWith(home) || (real === file && readFileSync(file, 'utf8').includes('pg-tenants'));
  } catch {
    return false;
  }
}

/** The package manager of the project that `cwd` lies in, by its lock file. */
function lockedManager(cwd: string): Manager {
  for (let folder = cwd; ; folder = dirname(folder)) {
    const found = LOCK_FILES.find(([name]) => existsSync(join(folder, name)));
    if (found !== undefined) return found[1];
    if (dirname(folder) === folder) return 'npm';
  }
}
