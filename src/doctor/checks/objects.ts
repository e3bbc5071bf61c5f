import { quoteIdentifier } from '../../db/identifiers.js';
import type { SurveyedFleet } from '../../fleet/read-fleet.js';
import { plural } from '../../util/format-count.js';
import { tenantsCommand } from '../../util/tenants-command.js';
import { noneOf, right, wrong } from '../results.js';
import type { Check, CheckGroup, Examination } from '../types.js';
import { type InvalidIndex, readInvalidIndexes } from './invalid-indexes.js';

/** Objects in the tenants' schemas that should not be there. */
export const OBJECT_CHECKS: CheckGroup = {
  names: ['invalid-indexes', 'extensions-in-tenants'],
  needs: 'fleet',
  run: async (exam) => {
    const { fleet } = exam;
    if (fleet === undefined) return [];
    return [indexCheck(exam, await readInvalidIndexes(exam)), await extensionCheck(exam, fleet)];
  },
};

const KINDS: Readonly<Record<InvalidIndex['kind'], string>> = {
  leftover: 'left over from REINDEX',
  pending: 'its schema has pending migrations',
  built: 'its migration is recorded',
  partitioned: 'a partition lacks its index',
};

/** Pure. */
function indexCheck({ project }: Examination, indexes: readonly InvalidIndex[]): Check {
  if (indexes.length === 0) return right('invalid-indexes', 'none');
  const has = (...kinds: InvalidIndex['kind'][]): boolean => indexes.some(({ kind }) => kinds.includes(kind));
  const example = indexes.find(({ kind }) => kind === 'pending')?.schema ?? '';
  const which = example === project.shared.schema ? ['--shared'] : ['--tenant', example];
  return wrong('invalid-indexes', plural(indexes.length, 'invalid index', 'invalid indexes'), {
    items: indexes.map(({ schema, name, kind }) => `${schema}.${name}: ${KINDS[kind]}`),
    suggestions: [
      ...(has('leftover', 'built') ? [`To rebuild or drop them, run: ${tenantsCommand('doctor', '--fix')}`] : []),
      ...(has('pending')
        ? [`To rebuild indexes of pending migrations, run: ${tenantsCommand('migrate', ...which)}`]
        : []),
      ...(has('partitioned') ? ['Create the index on each partition, and ALTER INDEX … ATTACH PARTITION.'] : []),
    ],
  });
}

async function extensionCheck({ client, project }: Examination, { registered }: SurveyedFleet): Promise<Check> {
  const schemas = registered.map(({ schema }) => schema).filter((schema) => schema !== project.shared.schema);
  const { rows } = await client.query<{ name: string; schema: string; relocatable: boolean }>(
    `SELECT e.extname::text AS name, n.nspname::text AS schema, e.extrelocatable AS relocatable
       FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
      WHERE n.nspname::text = ANY ($1::text[]) ORDER BY 1`,
    [schemas],
  );
  const shared = quoteIdentifier(project.shared.schema);
  return noneOf(
    'extensions-in-tenants',
    rows.map(({ name, schema }) => `${name} in ${schema}`),
    {
      thing: 'extension that other tenants cannot use',
      things: 'extensions that other tenants cannot use',
      suggestions: rows.map(({ name, relocatable }) =>
        relocatable
          ? `ALTER EXTENSION ${quoteIdentifier(name)} SET SCHEMA ${shared}`
          : `The extension "${name}" cannot be moved: drop it and create it in a shared migration.`,
      ),
    },
  );
}
