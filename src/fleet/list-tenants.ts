import type { Project } from '../project/project.js';
import { assertRegistry } from '../registry/check.js';
import { readTenantsWithDomains } from '../registry/list.js';
import type { TenantWithDomains } from '../registry/types.js';
import { withSession } from '../session/control-session.js';

/** All tenants of the registry with their domains, the public tenant included. */
export async function listTenants(project: Project): Promise<TenantWithDomains[]> {
  return await withSession(project, 'list', async ({ client }) => {
    await assertRegistry(client, project.registry);
    return await readTenantsWithDomains(client, project.registry, { order: project.tenants.order });
  });
}
