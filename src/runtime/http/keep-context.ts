import { AsyncLocalStorage } from 'node:async_hooks';
import type { EventEmitter } from 'node:events';

/** Marks the code of one request, however deep it is in scopes of its own. */
const request = new AsyncLocalStorage<object>();

/** Events from which an application goes on; those in between, such as `resume` and `prefinish`, are Node's own affair. */
const CARRIERS: ReadonlySet<string | symbol> = new Set([
  'data',
  'readable',
  'end',
  'close',
  'error',
  'aborted',
  'finish',
  'drain',
]);

/**
 * Makes listeners of these emitters run in the tenant's context. Node's parser emits `data` and `end` of a request in the
 * context of its connection, which has no tenant, and a body parser goes on from there.
 */
export function keepContext(emitters: readonly EventEmitter[], runAs: <R>(fn: () => R) => R, next: () => void): void {
  const mark = {};
  for (const emitter of emitters) {
    const { emit } = emitter;
    emitter.emit = (event: string, ...args: unknown[]): boolean => {
      const carries = CARRIERS.has(event) && emitter.listenerCount(event) > 0;
      if (!carries || request.getStore() === mark) return emit.call(emitter, event, ...args);
      return request.run(mark, () => runAs(() => emit.call(emitter, event, ...args)));
    };
  }
  request.run(mark, () => runAs(next));
}
