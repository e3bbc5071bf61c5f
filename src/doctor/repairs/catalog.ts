import { TenantsError } from '../../errors/tenants-error.js';
import { GROWING_CATALOGS, statisticsCheck } from '../checks/catalog.js';
import type { Repair } from '../types.js';
import type { Examination } from '../types.js';

/** Lets the server count its catalog anew. Without the right to, it only warns and passes over it. */
export function repairCatalog(exam: Examination): Promise<Repair[]> {
  const run = async (): Promise<void> => {
    await exam.client.query(`ANALYZE ${GROWING_CATALOGS.map((name) => `pg_catalog.${name}`).join(', ')}`);
    if ((await statisticsCheck(exam.client)).ok) return;
    throw new TenantsError('DATABASE_ERROR', 'only a superuser or the owner of the database may do that');
  };
  return Promise.resolve([{ done: 'had the catalog analyzed', undone: 'the catalog was not analyzed', run }]);
}
