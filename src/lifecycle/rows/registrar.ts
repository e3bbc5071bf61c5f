import type { Client } from 'pg';

import { closeClient, openClient } from '../../db/connect.js';
import type { Project } from '../../project/project.js';
import type { NewTenant } from '../../registry/registration.js';
import { oneAtATime } from '../../util/one-at-a-time.js';
import type { CreateTenantOptions } from '../create-types.js';
import { registerRowTenant } from './create.js';

/** Registers tenants that share tables, one after the other on a connection of their own; `close` ends it. */
export function rowRegistrar(
  project: Project,
  options: Pick<CreateTenantOptions, 'hooks' | 'cancel'>,
): ((registration: NewTenant) => Promise<void>) & { close(): Promise<void> } {
  let client: Promise<Client> | undefined;
  const alone = oneAtATime();
  const register = (registration: NewTenant): Promise<void> =>
    alone(async () => {
      client ??= openClient(project.database, 'create-tenant --from');
      await registerRowTenant(await client, project, registration, options);
    });
  const close = async (): Promise<void> => {
    const open = await client?.catch(() => undefined);
    if (open !== undefined) await closeClient(open);
  };
  return Object.assign(register, { close });
}
