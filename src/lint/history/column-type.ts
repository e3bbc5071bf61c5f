import type { TypeName } from 'libpg-query';

import { strings } from '../../engine/sql/parse/walk.js';

/** A type as a migration writes it, without `pg_catalog.`; `modifiers` are numbers such as a length. */
export type ColumnType = { name: string; modifiers: number[]; array: boolean };

export function columnType(type: TypeName | undefined): ColumnType | undefined {
  const name = strings(type?.names).at(-1);
  if (type === undefined || name === undefined) return undefined;
  const modifiers = (type.typmods ?? []).map((node) =>
    'A_Const' in node && node.A_Const.ival !== undefined ? (node.A_Const.ival.ival ?? 0) : Number.NaN,
  );
  return { name, modifiers, array: (type.arrayBounds ?? []).length > 0 };
}

/** The type as people write it: `varchar(20)`. */
export function typeText({ name, modifiers, array }: ColumnType): string {
  const usual = USUAL_NAMES[name] ?? name;
  const given = modifiers.some((one) => Number.isNaN(one)) ? '' : modifiers.join(', ');
  return `${usual}${given === '' ? '' : `(${given})`}${array ? '[]' : ''}`;
}

const USUAL_NAMES: Readonly<Record<string, string>> = {
  bpchar: 'char',
  int2: 'smallint',
  int4: 'integer',
  int8: 'bigint',
  float4: 'real',
  float8: 'double precision',
  bool: 'boolean',
};

const WITH_PRECISION: ReadonlySet<string> = new Set(['timestamp', 'timestamptz', 'time', 'timetz', 'varbit']);

/**
 * Whether the server changes a column's type without writing the rows anew and without reading them: every value of the old
 * type is one of the new type as it is stored (the casts and length coercions that PostgreSQL's `ATColumnChangeRequiresRewrite`
 * lets pass).
 */
export function isHarmlessChange(from: ColumnType, to: ColumnType): boolean {
  if (from.array !== to.array) return false;
  const [before] = from.modifiers;
  const [after] = to.modifiers;
  if (from.name === to.name && before === after && from.modifiers[1] === to.modifiers[1]) return true;
  if (from.name === 'cidr' && to.name === 'inet') return true;
  if (from.name === 'varchar' && to.name === 'text') return true;
  if (from.name === 'text' && to.name === 'varchar') return after === undefined;
  if (from.name !== to.name) return false;
  // A limit that goes away, or one that grows.
  const wider = after === undefined || (before !== undefined && after >= before);
  if (from.name === 'varchar' || WITH_PRECISION.has(from.name)) return wider;
  if (from.name === 'numeric') {
    return after === undefined || (wider && (from.modifiers[1] ?? 0) === (to.modifiers[1] ?? 0));
  }
  return false;
}
