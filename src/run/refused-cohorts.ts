import { serializeError } from '../errors/serialize.js';
import { TenantsError } from '../errors/tenants-error.js';
import type { TenantResult } from '../executors/types.js';
import type { Cohort } from '../fleet/cohorts.js';

/** The results of a cohort that cannot be migrated because of where it stands; empty when it can. */
export function resultsOfRefused(cohort: Cohort, missing: 'report' | 'create' | 'skip'): TenantResult[] {
  if (cohort.state.kind === 'missing') {
    if (missing !== 'report') return [];
    return cohort.members.map(({ schema }) => ({ tenant: schema, status: 'missing' }));
  }
  return cohort.members.flatMap(({ schema }) => {
    const error = refusal(cohort, schema);
    return error === undefined
      ? []
      : [{ tenant: schema, status: 'failed', committed: [], error: serializeError(error) } as const];
  });
}

function refusal({ state }: Cohort, tenant: string): TenantsError | undefined {
  switch (state.kind) {
    case 'ahead': {
      const list = state.unknown.slice(0, 3).join(', ') + (state.unknown.length > 3 ? ', …' : '');
      return new TenantsError('TENANT_AHEAD', `The tenant is ahead of the files: ${list} is applied but not on disk.`, {
        tenant,
        suggestions: ['Deploy the code that has these migrations, or lift the check with --no-check-order.'],
      });
    }
    case 'outOfOrder':
      return new TenantsError(
        'TENANT_OUT_OF_ORDER',
        `The tenant is out of order: ${state.found} is applied where the files have ${state.expected}.`,
        {
          tenant,
          suggestions: [
            'Rename the new file so that it sorts after the applied ones, or lift the check with --no-check-order.',
          ],
        },
      );
    case 'unreadable':
      return new TenantsError(
        'TENANT_UNREADABLE',
        `The tenant's migrations table cannot be read: ${state.error.message}`,
        {
          tenant,
          ...(state.error.sqlstate === undefined ? {} : { sqlstate: state.error.sqlstate }),
          ...(state.error.suggestions === undefined ? {} : { suggestions: state.error.suggestions }),
        },
      );
    case 'unknownType':
      return new TenantsError(
        'UNKNOWN_TYPE',
        `The tenant's type "${state.type}" is not in tenants.types of the configuration.`,
        {
          tenant,
          suggestions: ['Add the type with its migrations directory, or correct the type column.'],
        },
      );
    default:
      return undefined;
  }
}
