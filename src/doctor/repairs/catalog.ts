import { TenantsError } from '../../errors/tenants-error.js';
import { GROWING_CATALOGS, statisticsCheck } from '../checks/catalog.js';
import type { Repair } from '../types.js';
import type { Examination } from '../types.js';

/** Analyzes the catalog. Without the privilege to do so, the server only warns and skips it, so the result is checked. */
export function repairCatalog(exam: Examination): Promise<Repair[]> {
  const run = async (): Promise<void> => {
    await exam.client.query(`ANALYZE ${GROWING_CATALOGS.map((name) => `pg_catalog.${name}`).join(', ')}`);
    if ((await statisticsCheck(exam.client)).ok) return;
    throw new TenantsError('DATABASE_ERROR', 'only a superuser or the owner of the database may do this');
  };
  return Promise.resolve([{ done: 'analyzed the catalog', undone: 'the catalog was not analyzed', run }]);
}
