import type { Node } from 'libpg-query';

import type { ChangedObject } from '../names/changed-objects.js';
import { lexicalPieces } from '../parse/lexer.js';
import { parseTree } from '../parse/parser.js';
import { bodyStatements } from './body-statements.js';
import { STATEMENT_PLACES, type StatementPlace, type StatementType } from './statement-places.js';

/** Something outside the tenant that a statement creates or changes; `schema` where the statement names one. */
export type ChangeOutside = { reason: string; schema?: string };

/**
 * What a statement would change outside the schema of a tenant, as far as its text says so: an object that it names with a
 * schema, or one that is in no schema at all.
 *
 * Unqualified names are the other half of the check (`fallThrough`). The text is the same for all tenants, so that no
 * schema in it can be a tenant's own, unless a migration in direct mode asked for it.
 */
export function changesOutside(node: Node): ChangeOutside[] {
  const explained = 'ExplainStmt' in node ? node.ExplainStmt.query : undefined;
  const inside = [...(explained === undefined ? [] : [explained]), ...bodyStatements(node)];
  return [...changesOf(node).flatMap(describe), ...inside.flatMap(changesOutside)];
}

/** The same for a text that the grammar does not accept as a whole: what stands between its semicolons often is accepted. */
export function changesOutsideUnparsed(sql: string): { index: number; sql: string; changes: ChangeOutside[] }[] {
  return lexicalPieces(sql).flatMap(({ text, start }) => {
    const parsed = parseTree(text);
    const changes = parsed.ok ? parsed.statements.flatMap(({ node }) => changesOutside(node)) : [];
    return changes.length === 0 ? [] : [{ index: start, sql: text, changes }];
  });
}

function changesOf(node: Node): ChangedObject[] {
  const [type = '', statement] = Object.entries(node)[0] ?? [];
  const place = placeOf(type);
  if (place === undefined) return [{ noSchema: 'What it changes is not known to this version of tenants.' }];
  if ('anywhere' in place) return [];
  return 'never' in place ? [{ noSchema: place.never }] : place.changes(statement as never);
}

function placeOf(type: string): StatementPlace | undefined {
  return Object.hasOwn(STATEMENT_PLACES, type)
    ? (STATEMENT_PLACES[type as StatementType] as StatementPlace)
    : undefined;
}

function describe(object: ChangedObject): ChangeOutside[] {
  if ('noSchema' in object) return [{ reason: object.noSchema }];
  const { schema, name } = object;
  if (schema === undefined || schema === 'pg_temp') return [];
  const what = name === '' ? `the schema ${schema}` : `${schema}.${name}`;
  return [{ reason: `It creates or changes ${what}, outside the schema of the tenant.`, schema }];
}
