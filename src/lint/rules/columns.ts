import type { ColumnDef, Constraint, Node } from 'libpg-query';

import { functionCalls, strings } from '../../engine/sql/parse/walk.js';
import { columnType, isHarmlessChange, typeText } from '../history/column-type.js';
import { commandsOf } from '../history/history.js';
import type { Hit } from '../types.js';
import { type Check, largeTable, olderTable, type Subject } from './subject.js';

/** What is wrong with how columns of an existing table are added or changed. */
export const checkColumns: Check = (subject) => {
  const { node } = subject;
  if (!('AlterTableStmt' in node)) return [];
  const { relation, cmds } = node.AlterTableStmt;
  const old = olderTable(subject, relation);
  if (old === undefined) return [];
  const large = largeTable(subject, relation);
  return commandsOf(cmds).flatMap(({ subtype, name = '', def }): Hit[] => {
    const definition = def !== undefined && 'ColumnDef' in def ? def.ColumnDef : undefined;
    if (subtype === 'AT_AddColumn' && definition !== undefined) return added(old, large, definition);
    if (large === undefined) return [];
    if (subtype === 'AT_AlterColumnType' && definition !== undefined) return retyped(subject, large, name, definition);
    if (subtype === 'AT_SetNotNull') return notNull(subject, large, name);
    return [];
  });
};

function added(old: string, large: string | undefined, definition: ColumnDef): Hit[] {
  const column = `${old}.${definition.colname ?? ''}`;
  const at = definition.location;
  const constraints = constraintsOf(definition);
  const defaultValue = constraints.find(({ contype }) => contype === 'CONSTR_DEFAULT')?.raw_expr;
  const written = whyWritten(definition, constraints, defaultValue);
  const hits: Hit[] = [];
  const required = constraints.some(({ contype }) => contype === 'CONSTR_NOTNULL' || contype === 'CONSTR_PRIMARY');
  const hasValue = defaultValue === undefined ? written !== undefined || isVirtual(constraints) : !isNull(defaultValue);
  if (required && !hasValue) {
    hits.push({
      rule: 'add-column-not-null',
      message: `${column} is NOT NULL and has no default, so the migration fails for every tenant whose ${old} has a row.`,
      suggestion:
        'Give the column a constant default, or add it without NOT NULL, fill it, and set NOT NULL in a later migration.',
      at,
      table: old,
      lock: 'ACCESS EXCLUSIVE',
    });
  }
  if (written !== undefined && large !== undefined) {
    hits.push({
      rule: 'add-column-rewrite',
      message: `${column} ${written}, which the server computes for every row that is there.`,
      suggestion:
        'Add the column without it, set the default in a second statement, and fill older rows in batches in a later migration.',
      at,
      table: large,
      lock: 'ACCESS EXCLUSIVE',
      work: 'rewrite',
    });
  }
  return hits;
}

/** Why the server writes a value into each row when the column is added; `undefined` when it keeps one value for all. */
function whyWritten(definition: ColumnDef, constraints: Constraint[], value: Node | undefined): string | undefined {
  if (constraints.some((one) => one.contype === 'CONSTR_GENERATED' && one.generated_kind !== 'v')) {
    return 'is a stored generated column';
  }
  if (constraints.some(({ contype }) => contype === 'CONSTR_IDENTITY')) return 'is an identity column';
  const type = strings(definition.typeName?.names).at(-1) ?? '';
  if (/^((small|big)?serial|serial[248])$/.test(type)) return `is a ${type}`;
  const call = functionCalls(value).find(({ name }) => VOLATILE.has(name));
  return call === undefined ? undefined : `has the default ${call.name}(), another value for each row`;
}

/** Volatile functions that defaults are made with; `now()` and its relatives are the same for the whole transaction. */
const VOLATILE: ReadonlySet<string> = new Set([
  'clock_timestamp',
  'gen_random_bytes',
  'gen_random_uuid',
  'gen_ulid',
  'nanoid',
  'nextval',
  'random',
  'random_normal',
  'timeofday',
  'uuid_generate_v1',
  'uuid_generate_v1mc',
  'uuid_generate_v4',
  'uuid_generate_v7',
  'uuidv4',
  'uuidv7',
]);

function retyped({ history }: Subject, table: string, column: string, definition: ColumnDef): Hit[] {
  const to = columnType(definition.typeName);
  const from = history.typeOf(table, column);
  const using = definition.raw_default;
  if (to === undefined || history.isNewColumn(table, column)) return [];
  if (from !== undefined && isHarmlessChange(from, to) && (using === undefined || isPlainCast(using, column))) {
    return [];
  }
  const change = from === undefined ? `becomes ${typeText(to)}` : `changes from ${typeText(from)} to ${typeText(to)}`;
  return [
    {
      rule: 'change-column-type',
      message: `${table}.${column} ${change}.`,
      suggestion:
        'Add a column of the new type, keep both filled while the application is deployed, and drop the old one in a later migration.',
      at: definition.location,
      table,
      lock: 'ACCESS EXCLUSIVE',
      work: 'rewrite',
    },
  ];
}

function notNull({ history }: Subject, table: string, column: string): Hit[] {
  if (history.hasNotNullCheck(table, column) || history.isNewColumn(table, column)) return [];
  return [
    {
      rule: 'set-not-null',
      message: `SET NOT NULL looks for a NULL in every row of ${table}.${column}.`,
      suggestion:
        `Add CHECK (${column} IS NOT NULL) NOT VALID, validate it in a migration of its own, and then set NOT NULL: with ` +
        'the validated check, no row is read.',
      table,
      lock: 'ACCESS EXCLUSIVE',
      work: 'scan',
    },
  ];
}

function isPlainCast(node: Node, column: string): boolean {
  const inner = 'TypeCast' in node ? node.TypeCast.arg : node;
  return inner !== undefined && 'ColumnRef' in inner && strings(inner.ColumnRef.fields).at(-1) === column;
}

function isNull(node: Node): boolean {
  return 'A_Const' in node && node.A_Const.isnull === true;
}

function isVirtual(constraints: Constraint[]): boolean {
  return constraints.some(({ contype }) => contype === 'CONSTR_GENERATED');
}

export function constraintsOf({ constraints }: ColumnDef): Constraint[] {
  return (constraints ?? []).flatMap((one) => ('Constraint' in one ? [one.Constraint] : []));
}
