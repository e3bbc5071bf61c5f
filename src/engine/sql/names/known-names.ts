import type { CreatedName } from '../types.js';
import type { CreatedObject } from './created.js';
import type { Move } from './moves.js';
import type { ObjectKind } from './names.js';

type Known = { kind: ObjectKind; name: string; temporary: boolean; owner: string | undefined; times: number };

/** The unqualified names that the statements of one text have created so far. */
export type KnownNames = {
  /** Whether an object is the text's own: created by it, or in all likelihood a part of a table that it created. */
  has(kind: ObjectKind, name: string): boolean;
  add(object: CreatedObject): void;
  move(move: Move): void;
  /** All names that are not temporary, in the order of their creation. */
  list(): CreatedName[];
};

export function knownNames(): KnownNames {
  const names = new Map<string, Known>();
  const get = (kind: ObjectKind, name: string) => names.get(`${kind} ${name}`);
  const set = (known: Known) => names.set(`${known.kind} ${known.name}`, known);

  return {
    has(kind, name) {
      return get(kind, name) !== undefined || (kind === 'relation' && isPartOfKnownTable(names, name));
    },

    add({ kind, name, schema, temporary, owner, generated }) {
      if (schema !== undefined && schema !== 'pg_temp') return;
      const free = generated ? freeName(name, (candidate) => get(kind, candidate) === undefined) : name;
      const own = owner === undefined ? undefined : get('relation', owner);
      // Functions of one name are counted: dropping one of them leaves the others.
      const times = kind === 'function' ? (get(kind, free)?.times ?? 0) + 1 : 1;
      set({ kind, name: free, temporary: temporary !== undefined || (own?.temporary ?? false), owner, times });
    },

    move({ kind, name, schema, to }) {
      if (schema !== undefined) return;
      const known = get(kind, name);
      if (known !== undefined && known.times > 1) known.times -= 1;
      else names.delete(`${kind} ${name}`);
      if (to !== undefined) set({ ...(known ?? { kind, temporary: false, owner: undefined }), name: to, times: 1 });
      if (kind !== 'relation') return;
      for (const [key, part] of names) {
        if (part.owner !== name) continue;
        if (to === undefined) names.delete(key);
        else part.owner = to;
      }
    },

    list: () => [...names.values()].filter(({ temporary }) => !temporary).map(({ kind, name }) => ({ kind, name })),
  };
}

/** Indexes of partitions and of `LIKE` tables have names that only the server knows, but they begin with the table's. */
function isPartOfKnownTable(names: Map<string, Known>, name: string): boolean {
  for (const known of names.values()) {
    if (known.kind === 'relation' && known.owner === undefined && name.startsWith(`${known.name}_`)) return true;
  }
  return false;
}

/** The server's `ChooseRelationName`: a number is added until nothing has the name (it shortens names of 63 bytes anew). */
function freeName(name: string, isFree: (candidate: string) => boolean): string {
  let candidate = name;
  for (let number = 1; !isFree(candidate); number += 1) candidate = `${name}${number}`;
  return candidate;
}
