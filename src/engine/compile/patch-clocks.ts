import crypto from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';

export type SourceHooks = {
  /** Called before every use, with the name of the function. */
  note(what: string): void;
  /** ms to add to the clocks for the present caller. */
  shiftMs(): number;
};

/**
 * Replaces the clocks and random sources of the process by ones that report their use; returns what puts them back.
 *
 * Covered: `Date`, `performance.now`, `Math.random`, and the random functions of `node:crypto` and of the global
 * `crypto`. Named imports of `node:crypto` are live bindings and follow. Random values stay the real ones.
 */
export function patchClocks(hooks: SourceHooks): () => void {
  const undo = [
    ...patchDate(hooks),
    replace(Math, 'random', (original) => reporting(original, 'Math.random()', hooks)),
    replace(Object.getPrototypeOf(performance), 'now', (original) => shifted(original, 'performance.now()', hooks)),
    ...(['randomUUID', 'getRandomValues'] as const).map((name) =>
      replace(Object.getPrototypeOf(globalThis.crypto), name, (original) =>
        reporting(original, `crypto.${name}()`, hooks),
      ),
    ),
    ...(['randomUUID', 'randomBytes', 'randomInt', 'randomFill', 'randomFillSync'] as const).map((name) =>
      replace(crypto, name, (original) => reporting(original, `crypto.${name}()`, hooks)),
    ),
  ];
  syncBuiltinESMExports();
  return () => {
    for (const restore of undo.toReversed()) restore();
    syncBuiltinESMExports();
  };
}

type AnyFunction = (...args: unknown[]) => unknown;

/** `Date` with arguments is arithmetic; without them it is a clock, and so are `Date()` and `Date.now()`. */
function patchDate({ note, shiftMs }: SourceHooks): (() => void)[] {
  const Real = globalThis.Date;
  const { now } = Real;
  const watched: DateConstructor = new Proxy(Real, {
    apply() {
      note('Date()');
      return new Real(now() + shiftMs()).toString();
    },
    construct(target, args: unknown[], newTarget): Date {
      const self = newTarget === watched ? target : newTarget;
      if (args.length > 0) return Reflect.construct(target, args, self) as Date;
      note('new Date()');
      return Reflect.construct(target, [now() + shiftMs()], self) as Date;
    },
  });
  return [
    replace(Real, 'now', (original) => shifted(original, 'Date.now()', { note, shiftMs })),
    replace(Real.prototype, 'constructor', () => watched),
    replace(globalThis, 'Date', () => watched),
  ];
}

function reporting(original: AnyFunction, what: string, { note }: SourceHooks): AnyFunction {
  return function report(this: unknown, ...args) {
    note(what);
    return Reflect.apply(original, this, args);
  };
}

function shifted(original: AnyFunction, what: string, hooks: SourceHooks): AnyFunction {
  return function shift(this: unknown, ...args) {
    hooks.note(what);
    return (Reflect.apply(original, this, args) as number) + hooks.shiftMs();
  };
}

/** Leaves the property alone at the end if somebody else has replaced it meanwhile. */
function replace(object: object, name: string, make: (original: AnyFunction) => unknown): () => void {
  const descriptor = Object.getOwnPropertyDescriptor(object, name);
  if (descriptor === undefined) return () => undefined;
  const value = make(descriptor.value as AnyFunction);
  Object.defineProperty(object, name, { ...descriptor, value });
  return () => {
    if (Object.getOwnPropertyDescriptor(object, name)?.value === value) Object.defineProperty(object, name, descriptor);
  };
}
