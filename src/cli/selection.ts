import { TenantsError } from '../errors/tenants-error.js';
import type { Selection, Target } from '../fleet/types.js';
import type { MigrateOptions } from '../run/types.js';

/** The flags that choose schemas, as the parser gives them. */
export type SelectionFlags = {
  shared?: boolean | undefined;
  'tenants-only'?: boolean | undefined;
  tenant?: string[] | undefined;
  schema?: string[] | undefined;
  exclude?: string[] | undefined;
  type?: string[] | undefined;
  to?: string | undefined;
  count?: string | undefined;
  'create-missing'?: boolean | undefined;
  'skip-missing'?: boolean | undefined;
  'skip-shared-check'?: boolean | undefined;
};

export type SelectedOptions = Pick<MigrateOptions, 'selection' | 'target' | 'missing' | 'skipSharedCheck'>;

/**
 * What the flags of `migrate` and `plan` mean. Pure.
 *
 * @param sharedSchema its configured name; `--schema` with this name means `--shared`
 * @throws TenantsError USAGE for flags that contradict each other.
 */
export function selectedOptions(flags: SelectionFlags, sharedSchema: string): SelectedOptions {
  const selection = selectionOf(flags, sharedSchema);
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

/** A selection of tenants only, for commands that do not touch the shared schema. Pure; throws USAGE for an empty list. */
export function selectedTenants(
  flags: Pick<SelectionFlags, 'tenant' | 'exclude' | 'type'>,
): Omit<Extract<Selection, { kind: 'tenants' }>, 'kind'> {
  const names = parseNames('--tenant', flags.tenant);
  const exclude = parseNames('--exclude', flags.exclude);
  const types = parseNames('--type', flags.type);
  return {
    ...(names === undefined ? {} : { names }),
    ...(exclude === undefined ? {} : { exclude }),
    ...(types === undefined ? {} : { types }),
  };
}

/**
 * Accepts repeated flags and commas; a comma inside a name is written `\,`. An empty list (`--tenant "$UNSET"`) must not mean
 * all tenants.
 */
export function parseNames(flag: string, values: readonly string[] | undefined): string[] | undefined {
  if (values === undefined) return undefined;
  const names = values
    .flatMap((value) => {
      const parts = value.split(/(?<!\\),/);
      // A single name is used as it is, because it may begin or end with a space.
      return parts.length === 1 ? parts : parts.map((part) => part.trim());
    })
    .filter((name) => name.trim() !== '')
    .map((name) => name.replaceAll(String.raw`\,`, ','));
  if (names.length === 0) throw usage(`${flag} is empty: it needs at least one name.`);
  return [...new Set(names)];
}

function selectionOf(flags: SelectionFlags, sharedSchema: string): Selection {
  const schemas = parseNames('--schema', flags.schema);
  const tenants = selectedTenants(flags);
  const others = schemas?.filter((schema) => schema !== sharedSchema) ?? [];
  const namesShared = schemas !== undefined && others.length < schemas.length;
  const names = schemas === undefined ? tenants.names : [...new Set([...(tenants.names ?? []), ...others])];
  const choosesTenants = flags['tenants-only'] === true || Object.keys(tenants).length > 0 || others.length > 0;
  if (flags.shared || namesShared) {
    if (!choosesTenants) return { kind: 'shared' };
    const shared = flags.shared ? '--shared' : `--schema ${sharedSchema}`;
    throw usage(`${shared} means the shared schema alone; it cannot be combined with a selection of tenants.`);
  }
  if (!choosesTenants) return { kind: 'all' };
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
