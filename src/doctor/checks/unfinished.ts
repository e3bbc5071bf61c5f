import { tenantLock } from '../../db/locks.js';
import type { SurveyedFleet } from '../../fleet/read-fleet.js';
import { creationLock } from '../../lifecycle/creation-lock.js';
import { STATUS } from '../../registry/names.js';
import { plural } from '../../util/format-count.js';
import { tenantsCommand } from '../../util/tenants-command.js';
import { right, wrong } from '../results.js';
import type { Check, CheckGroup, CheckName, Examination } from '../types.js';
import { readLockHolders } from './advisory-locks.js';

/** Tenants that someone began to create or to delete, and does not go on with. */
export const UNFINISHED_CHECKS: CheckGroup = {
  names: ['unfinished-creations', 'unfinished-deletions'],
  needs: 'fleet',
  run: async (exam) => {
    const { fleet } = exam;
    if (fleet === undefined) return [];
    if (exam.project.registry.tenants.columns.status === null) {
      const actual = 'not recorded: there is no status column';
      return [right('unfinished-creations', actual), right('unfinished-deletions', actual)];
    }
    const { creations, deletions } = await readUnfinished(exam, fleet);
    return [
      check('unfinished-creations', creations, 'create-tenant'),
      check('unfinished-deletions', deletions, 'delete-tenant'),
    ];
  },
};

/** Names of unfinished tenants: left behind, or with a process working on them. */
export type Unfinished = { left: string[]; atWork: string[] };

/** Reads the locks of all unfinished tenants in one query. */
export async function readUnfinished(
  { client }: Pick<Examination, 'client'>,
  { registered }: Pick<SurveyedFleet, 'registered'>,
): Promise<{ creations: Unfinished; deletions: Unfinished }> {
  const holders = await readLockHolders(client);
  const divide = (status: string): Unfinished => {
    const schemas = registered.filter((tenant) => tenant.status === status).map(({ schema }) => schema);
    const isAtWork = (schema: string): boolean =>
      [tenantLock(schema), creationLock(schema)].some((key) => holders.has(key));
    return {
      left: schemas.filter((schema) => !isAtWork(schema)),
      atWork: schemas.filter((schema) => isAtWork(schema)),
    };
  };
  return { creations: divide(STATUS.provisioning), deletions: divide(STATUS.deleting) };
}

function check(name: CheckName, { left, atWork }: Unfinished, command: string): Check {
  const working = atWork.length === 0 ? {} : { items: atWork.map((schema) => `${schema}: in progress`) };
  if (left.length === 0) {
    return right(name, atWork.length === 0 ? 'none' : `${plural(atWork.length, 'tenant')} in progress`, working);
  }
  return wrong(name, `${plural(left.length, 'tenant')} left behind`, {
    items: left,
    suggestions: [
      `To finish them, run: ${tenantsCommand('doctor', '--fix')}`,
      `Or one by one: ${tenantsCommand(command, 'NAME')}`,
    ],
  });
}
