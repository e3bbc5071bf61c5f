import type { Node } from 'libpg-query';

import { lexicalPieces, wordPositions } from '../parse/lexer.js';
import { parseTree } from '../parse/parser.js';
import { bodyOf } from './effects.js';

/** Words that statements which change definitions begin with. */
const BEGINNING = /^(create|alter|drop|grant|revoke|truncate|comment|reassign|security|import|reindex)$/i;

/**
 * Statements that stand in plain words in the body of a `DO` block, as in the usual way to create an enum only once:
 * `DO $$ BEGIN CREATE TYPE … ; EXCEPTION WHEN duplicate_object THEN NULL; END $$`.
 */
export function bodyStatements(node: Node): Node[] {
  return lexicalPieces(bodyOf(node) ?? '').flatMap(({ text }) => firstStatement(text));
}

/** Before the statement may stand BEGIN, THEN or a condition of the block. */
function firstStatement(piece: string): Node[] {
  for (const index of wordPositions(piece, BEGINNING)) {
    const parsed = parseTree(piece.slice(index));
    if (parsed.ok) return parsed.statements.map((statement) => statement.node);
  }
  return [];
}
