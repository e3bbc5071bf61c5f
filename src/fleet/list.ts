import { assertRegistry, listTenantsWithDomains, type TenantWithDomains } from '../registry/index.js';
import type { Project } from './project.js';
import { withSession } from './session.js';

/** All tenants of the registry with their domains, the public tenant included. */
export async function list(project: Project): Promise<TenantWithDomains[]> {
  return await withSession(project, 'list', async ({ client }) => {
    await assertRegistry(client, project.registry);
    return await listTenantsWithDomains(client, project.registry, { order: project.tenants.order });
  });
}
