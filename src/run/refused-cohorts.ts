import { serializeError } from '../errors/serialize.js';
import { TenantsError } from '../errors/tenants-error.js';
import type { TenantResult } from '../executors/types.js';
import type { Cohort } from '../fleet/cohorts.js';
import { firstFew } from '../util/format-count.js';

/** The results of a cohort that cannot be migrated because of where it stands; empty when it can. */
export function resultsOfRefused(cohort: Cohort): TenantResult[] {
  return cohort.members.flatMap(({ schema }) => resultOfRefused(cohort, schema) ?? []);
}

function resultOfRefused({ state }: Cohort, tenant: string): TenantResult | undefined {
  switch (state.kind) {
    case 'upToDate':
    case 'pending':
      return undefined;
    case 'missing':
      return { tenant, status: 'missing' };
    case 'ahead': {
      if (state.replacedBy !== undefined) return failed(partlyError(tenant, state.unknown, state.replacedBy), tenant);
      const list = firstFew(state.unknown);
      return failed(
        new TenantsError('TENANT_AHEAD', `The tenant is ahead of the files: ${list} is applied but not on disk.`, {
          tenant,
          suggestions: ['Deploy the code that has these migrations, or lift the check with --no-check-order.'],
        }),
        tenant,
      );
    }
    case 'outOfOrder':
      return failed(
        new TenantsError(
          'TENANT_OUT_OF_ORDER',
          `The tenant is out of order: ${state.found} is applied where the files have ${state.expected}.`,
          {
            tenant,
            suggestions: [
              'Rename the new file so that it sorts after the applied ones, or lift the check with --no-check-order.',
            ],
          },
        ),
        tenant,
      );
    case 'unreadable':
      return failed(
        new TenantsError(
          state.error.code === 'NODE_UNREACHABLE' ? 'NODE_UNREACHABLE' : 'TENANT_UNREADABLE',
          `The tenant's migrations table cannot be read: ${state.error.message}`,
          {
            tenant,
            ...(state.error.sqlstate === undefined ? {} : { sqlstate: state.error.sqlstate }),
            ...(state.error.suggestions === undefined ? {} : { suggestions: state.error.suggestions }),
          },
        ),
        tenant,
      );
    case 'unknownType':
      return failed(
        new TenantsError(
          'UNKNOWN_TYPE',
          `The tenant's type "${state.type}" is not in tenants.types of the configuration.`,
          {
            tenant,
            suggestions: ['Add the type with its migrations directory, or correct the type column.'],
          },
        ),
        tenant,
      );
    default:
      return state satisfies never;
  }
}

/** The way on leads through the files that were replaced. */
function partlyError(tenant: string, unknown: readonly string[], file: string): TenantsError {
  return new TenantsError(
    'TENANT_AHEAD',
    `The tenant has only some of the migrations that ${file} replaces; the last one is ${unknown.at(-1) ?? ''}.`,
    {
      tenant,
      suggestions: [
        `Migrate it with the version of the code that still has the replaced files, up to the last of them; then ${file} takes their place.`,
      ],
    },
  );
}

function failed(error: TenantsError, tenant: string): TenantResult {
  return { tenant, status: 'failed', committed: [], error: serializeError(error) };
}
