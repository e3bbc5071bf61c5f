import { createTenant } from '../../lifecycle/create-tenant.js';
import { deleteTenant } from '../../lifecycle/delete-tenant.js';
import { findTenant } from '../../registry/list.js';
import { STATUS } from '../../registry/names.js';
import { readUnfinished, type Unfinished } from '../checks/unfinished.js';
import type { Repair } from '../types.js';
import type { DoctorOptions, Examination } from '../types.js';

/** Finishes the tenants that a killed `create-tenant` left behind, as the same command would. */
export async function finishCreations(exam: Examination, { drain, cancel }: DoctorOptions): Promise<Repair[]> {
  const { project } = exam;
  const { left } = await unfinished(exam, 'creations');
  return left.map((schema) => ({
    done: `finished the tenant "${schema}"`,
    undone: `the tenant "${schema}" was not finished`,
    run: async () => {
      const tenant = await findTenant(exam.client, project.registry, schema);
      // Another session was faster.
      if (tenant?.status !== STATUS.provisioning) return;
      await createTenant(project, {
        schema,
        domains: tenant.domains.map(({ domain }) => domain),
        // The schema may already exist, and with `adopt` its name need not follow the rules for new names.
        adopt: true,
        ...(drain === undefined ? {} : { drain }),
        ...(cancel === undefined ? {} : { cancel }),
      });
    },
  }));
}

/** Continues the deletions that a killed `delete-tenant` left behind; they were confirmed when they began. */
export async function finishDeletions(exam: Examination, { cancel }: DoctorOptions): Promise<Repair[]> {
  const { project } = exam;
  const { left } = await unfinished(exam, 'deletions');
  return left.map((schema) => ({
    done: `finished the deletion of "${schema}"`,
    undone: `the deletion of "${schema}" was not finished`,
    run: async () => {
      const tenant = await findTenant(exam.client, project.registry, schema);
      if (tenant?.status !== STATUS.deleting) return;
      await deleteTenant(project, {
        schema,
        ...(cancel === undefined ? {} : { cancel }),
      });
    },
  }));
}

async function unfinished(exam: Examination, which: 'creations' | 'deletions'): Promise<Unfinished> {
  if (exam.fleet === undefined) return { left: [], atWork: [] };
  return (await readUnfinished(exam, exam.fleet))[which];
}
