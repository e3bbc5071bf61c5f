import crypto from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';
import { Socket } from 'node:net';

export type SourceHooks = {
  /** Called before every use, with the name of the function. */
  note(what: string): void;
  /** ms to add to the clocks for the present caller. */
  shiftMs(): number;
};

/**
 * Replaces the clocks and random sources of the process by ones that report their use; returns what puts them back.
 *
 * Covered: `Date`, `performance.now`, `process.hrtime` and `uptime`, `Intl.DateTimeFormat` without a date, `Math.random`, the
 * random functions of `node:crypto` and of the global `crypto`, and network connections: whoever answers may answer something
 * else next time. Named imports from Node's modules are live bindings and follow. Random values stay the real ones.
 *
 * Not covered: files, environment variables, other programs, and connections that were open before.
 */
export function patchClocks(hooks: SourceHooks): () => void {
  const undo = [
    ...patchDate(hooks),
    replace(Math, 'random', (original) => reporting(original, 'Math.random()', hooks)),
    replace(Object.getPrototypeOf(performance), 'now', (original) => shifted(original, 'performance.now()', hooks)),
    replace(process, 'hrtime', (original) => {
      const watched = reporting(original, 'process.hrtime()', hooks);
      const { bigint } = process.hrtime;
      return Object.assign(watched, { bigint: reporting(bigint, 'process.hrtime.bigint()', hooks) });
    }),
    replace(process, 'uptime', (original) => reporting(original, 'process.uptime()', hooks)),
    ...patchDateFormat(hooks),
    replace(Socket.prototype, 'connect', (original) => reporting(original, 'a network connection', hooks)),
    ...(['randomUUID', 'getRandomValues'] as const).map((name) =>
      replace(Object.getPrototypeOf(globalThis.crypto), name, (original) =>
        reporting(original, `crypto.${name}()`, hooks),
      ),
    ),
    ...CRYPTO.map((name) => replace(crypto, name, (original) => reporting(original, `crypto.${name}()`, hooks))),
    replace(Object.getPrototypeOf(crypto.webcrypto.subtle), 'generateKey', (original) =>
      reporting(original, 'crypto.subtle.generateKey()', hooks),
    ),
  ];
  syncBuiltinESMExports();
  return () => {
    for (const restore of undo.toReversed()) restore();
    syncBuiltinESMExports();
  };
}

/** Functions of `node:crypto` whose results differ from call to call. */
const CRYPTO = [
  'randomUUID',
  'randomBytes',
  'randomInt',
  'randomFill',
  'randomFillSync',
  'generateKey',
  'generateKeySync',
  'generateKeyPair',
  'generateKeyPairSync',
  'generatePrime',
  'generatePrimeSync',
] as const;

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

/** A formatter takes the present time where it is given no date. `format` is a getter of a bound function. */
function patchDateFormat({ note }: SourceHooks): (() => void)[] {
  const { prototype } = Intl.DateTimeFormat;
  const watched = (format: AnyFunction, self: unknown): AnyFunction => {
    return function formatDate(...args) {
      if (args[0] === undefined) note('Intl.DateTimeFormat');
      return Reflect.apply(format, self, args) as unknown;
    };
  };
  return [
    replaceProperty(prototype, 'format', ({ get }) => ({
      get(this: unknown) {
        return watched(Reflect.apply(get as AnyFunction, this, []) as AnyFunction, undefined);
      },
    })),
    replace(
      prototype,
      'formatToParts',
      (original) =>
        function formatToParts(this: unknown, ...args: unknown[]) {
          return watched(original, this)(...args);
        },
    ),
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

function replace(object: object, name: string, make: (original: AnyFunction) => unknown): () => void {
  return replaceProperty(object, name, ({ value }) => ({ value: make(value as AnyFunction) }));
}

/** Leaves the property alone at the end if another session has replaced it in the meantime. */
function replaceProperty(
  object: object,
  name: string,
  make: (original: PropertyDescriptor) => Pick<PropertyDescriptor, 'get' | 'value'>,
): () => void {
  const descriptor = Object.getOwnPropertyDescriptor(object, name);
  if (descriptor === undefined) return () => undefined;
  const made = { ...descriptor, ...make(descriptor) };
  Object.defineProperty(object, name, made);
  return () => {
    const { value, get } = Object.getOwnPropertyDescriptor(object, name) ?? {};
    if (value === made.value && get === made.get) Object.defineProperty(object, name, descriptor);
  };
}
