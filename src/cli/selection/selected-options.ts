import { TenantsError } from '../../errors/tenants-error.js';
import type { Selection, Target } from '../../fleet/types.js';
import type { TenantSelection } from '../../registry/select.js';
import type { MigrateOptions } from '../../run/types.js';
import { parseNames, readNames } from './names.js';

/** The flags that choose schemas, as the parser gives them. */
export type SelectionFlags = {
  shared?: boolean | undefined;
  'tenants-only'?: boolean | undefined;
  tenant?: string[] | undefined;
  schema?: string[] | undefined;
  exclude?: string[] | undefined;
  type?: string[] | undefined;
  where?: string[] | undefined;
  to?: string | undefined;
  count?: string | undefined;
  'create-missing'?: boolean | undefined;
  'skip-missing'?: boolean | undefined;
  'skip-shared-check'?: boolean | undefined;
};

export type SelectedOptions = Pick<MigrateOptions, 'selection' | 'target' | 'missing' | 'skipSharedCheck'>;

/**
 * What the flags of `migrate`, `rollback` and `plan` mean. Reads the files that `--tenant @FILE` names.
 *
 * @param sharedSchema its configured name; `--schema` with this name means `--shared`
 * @param otherwise what is meant without any selection: everything, or `tenants` only
 * @throws TenantsError USAGE for flags that contradict each other.
 */
export async function selectedOptions(
  flags: SelectionFlags,
  sharedSchema: string,
  otherwise: 'all' | 'tenants' = 'all',
): Promise<SelectedOptions> {
  const selection = await selectionOf(flags, sharedSchema, otherwise);
  const target = targetOf(flags);
  if (target !== undefined && selection.kind === 'all') {
    throw usage(
      '--to and --count apply to one kind of schema: the shared schema and the tenants have different migrations.',
      'Add --shared, --tenants-only, or --tenant NAME.',
    );
  }
  if (flags['create-missing'] && flags['skip-missing']) {
    throw usage('--create-missing and --skip-missing cannot be combined.');
  }
  return {
    selection,
    ...(target === undefined ? {} : { target }),
    ...(flags['create-missing'] ? { missing: 'create' as const } : {}),
    ...(flags['skip-missing'] ? { missing: 'skip' as const } : {}),
    ...(flags['skip-shared-check'] ? { skipSharedCheck: true } : {}),
  };
}

/**
 * A selection of tenants only, for commands that do not touch the shared schema. Reads files as `selectedOptions` does.
 *
 * @throws TenantsError USAGE for an empty list.
 */
export async function selectedTenants(
  flags: Pick<SelectionFlags, 'tenant' | 'exclude' | 'type' | 'where'>,
): Promise<TenantSelection> {
  const names = await readNames('--tenant', flags.tenant);
  const exclude = await readNames('--exclude', flags.exclude);
  const types = parseNames('--type', flags.type);
  const where = condition(flags.where);
  return {
    ...(names === undefined ? {} : { names }),
    ...(exclude === undefined ? {} : { exclude }),
    ...(types === undefined ? {} : { types }),
    ...(where === undefined ? {} : { where }),
  };
}

/** Of two conditions one would have to be left out in silence. */
function condition(values: readonly string[] | undefined): string | undefined {
  if (values !== undefined && values.length > 1) {
    throw usage('--where can be given only once.', 'Combine the conditions with AND.');
  }
  return values?.[0];
}

async function selectionOf(
  flags: SelectionFlags,
  sharedSchema: string,
  otherwise: 'all' | 'tenants',
): Promise<Selection> {
  const schemas = await readNames('--schema', flags.schema);
  const tenants = await selectedTenants(flags);
  const others = schemas?.filter((schema) => schema !== sharedSchema) ?? [];
  const namesShared = schemas !== undefined && others.length < schemas.length;
  const names = schemas === undefined ? tenants.names : [...new Set([...(tenants.names ?? []), ...others])];
  const choosesTenants = flags['tenants-only'] === true || Object.keys(tenants).length > 0 || others.length > 0;
  if (flags.shared || namesShared) {
    if (!choosesTenants) return { kind: 'shared' };
    const shared = flags.shared ? '--shared' : `--schema ${sharedSchema}`;
    throw usage(`${shared} means the shared schema alone; it cannot be combined with a selection of tenants.`);
  }
  if (!choosesTenants) return { kind: otherwise };
  return { kind: 'tenants', ...tenants, ...(names === undefined ? {} : { names }) };
}

function targetOf({ to, count }: SelectionFlags): Target {
  if (to !== undefined && count !== undefined) throw usage('--to and --count cannot be combined.');
  if (to !== undefined) return { to };
  if (count === undefined) return undefined;
  if (!/^\d{1,9}$/.test(count) || Number(count) < 1) throw usage(`--count must be a positive integer (got ${count}).`);
  return { count: Number(count) };
}

function usage(message: string, ...suggestions: string[]): TenantsError {
  return new TenantsError('USAGE', message, { suggestions });
}
