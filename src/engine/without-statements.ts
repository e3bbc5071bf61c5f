import type { CompiledMigration } from './types.js';

/** A migration of which nothing is run: only its record in the migrations table changes. Pure. */
export function withoutStatements({
  name,
  path,
  direction,
}: Pick<CompiledMigration, 'name' | 'path' | 'direction'>): CompiledMigration {
  return {
    name,
    path,
    direction,
    mode: 'compiled',
    transaction: true,
    statements: [],
    targets: [],
    creates: [],
    allowFallThrough: false,
    warnings: [],
  };
}
