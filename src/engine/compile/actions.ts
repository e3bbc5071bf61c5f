import type { MigrationBuilder } from 'node-pg-migrate';
import type { MigrationUnit } from 'node-pg-migrate/migrationLoader';

import type { Direction, MigrationFile } from '../types.js';

export type Action = (pgm: MigrationBuilder, done?: (error?: unknown) => void) => unknown;
export type Actions = MigrationUnit['actions'];

/** A migration that node-pg-migrate is building. */
export type Building = {
  file: MigrationFile;
  pgm: MigrationBuilder;
  /** Its `up` is run backwards, because it has no `down` of its own. */
  reverse: boolean;
  act: () => Promise<void>;
};

/**
 * Puts `around` in the place of a migration's `up` and `down`.
 *
 * node-pg-migrate decides by what it is given, so that must survive: `undefined` (a down inferred from up), `false`
 * (disabled), and the same function for both, which stays one function. A callback style action becomes a promise.
 */
export function wrapActions(
  actions: Actions,
  file: MigrationFile,
  direction: Direction,
  around: (building: Building) => Promise<void>,
): Actions {
  const { up, down, shorthands } = actions;
  const reverse = up === down || (direction === 'down' && down === undefined);
  const wrapped = new Map<unknown, unknown>();
  const wrap = (action: unknown): unknown => {
    if (typeof action !== 'function') return action;
    const wrapper =
      wrapped.get(action) ??
      ((pgm: MigrationBuilder) => around({ file, pgm, reverse, act: () => run(action as Action, pgm) }));
    wrapped.set(action, wrapper);
    return wrapper;
  };
  return { up: wrap(up), down: wrap(down), shorthands } as Actions;
}

/**
 * Why a migration cannot be run in a direction, in words; `undefined` when it can.
 *
 * The same conditions under which node-pg-migrate would throw.
 */
export function missingAction(actions: Actions, { path }: MigrationFile, direction: Direction): string | undefined {
  const { up, down } = actions as { up?: unknown; down?: unknown };
  const action = direction === 'down' && down === undefined ? up : actions[direction];
  if (typeof action === 'function') return undefined;
  if (action !== false) return `exports no ${direction} function`;
  return path.toLowerCase().endsWith('.sql')
    ? `has no \`-- ${direction === 'up' ? 'Up' : 'Down'} Migration\` part`
    : `has switched its ${direction} off (it exports false)`;
}

/** What a migration finds as `pgm.db`; the typed property is read-only, the real one is not. */
export function replaceDatabase(pgm: MigrationBuilder, db: Record<'query' | 'select', unknown>): void {
  Object.assign(pgm, { db });
}

/** node-pg-migrate itself ignores what a callback is called with; here an error given to it fails the migration. */
async function run(action: Action, pgm: MigrationBuilder): Promise<void> {
  if (action.length !== 2) {
    await action(pgm);
    return;
  }
  await new Promise<void>((resolve, reject) => {
    const done = (error?: unknown): void => {
      if (error === undefined || error === null || error === false) resolve();
      else reject(error instanceof Error ? error : new Error(String(error)));
    };
    Promise.resolve(action(pgm, done)).catch(reject);
  });
}
