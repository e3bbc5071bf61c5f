import type { Direction } from '../../types.js';
import type { Actions } from '../actions.js';
import type { BuilderActions } from './types.js';

/** The functions of a file, which may also be those of its default export, as Kysely has it. */
export function builderActions(loaded: Actions | undefined): BuilderActions {
  const exported = (loaded ?? {}) as BuilderActions & { default?: BuilderActions };
  const standard = exported.default;
  return typeof exported.up !== 'function' && typeof standard?.up === 'function' ? standard : exported;
}

/** Why a migration cannot be run in a direction, in words; `undefined` when it can. */
export function missingFunction(actions: BuilderActions, direction: Direction): string | undefined {
  return typeof actions[direction] === 'function' ? undefined : `exports no ${direction} function`;
}

/** Whether it runs in a transaction; Knex lets each file decide (`exports.config = { transaction: false }`). */
export function isTransactional({ config }: BuilderActions, noTransaction: boolean): boolean {
  return config?.transaction !== false && !noTransaction;
}
