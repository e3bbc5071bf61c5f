import { BoundedMap } from './bounded-map.js';

export type CacheLimits = { ttl: number; negativeTtl: number; max: number };

/** An answer, and until when (ms of the monotonic clock) it may be given. The promise is kept so that a hit makes none. */
type Entry<V> = { answer: Promise<V | null>; value: V | null; expires: number };

/**
 * Answers to "who is this?", each asked for once however many want to know.
 *
 * An answer's age counts from before the question was sent: what the registry said at any later moment cannot be older
 * than that. What is forgotten while its question is under way is not kept when the answer arrives, so an answer that was
 * read before a change cannot outlive the news of it.
 */
export class LookupCache<V extends object> {
  readonly #limits: CacheLimits;
  readonly #known: BoundedMap<Entry<V>>;
  /** Apart from the known ones, or a flood of made-up names would push those out. */
  readonly #unknown: BoundedMap<Entry<V>>;
  readonly #asked = new Map<string, Entry<V>>();

  constructor(limits: CacheLimits) {
    this.#limits = limits;
    this.#known = new BoundedMap(limits.max);
    this.#unknown = new BoundedMap(limits.max);
  }

  /** The kept answer that may still be given. */
  peek(key: string): Promise<V | null> | undefined {
    const entry = this.#known.get(key) ?? this.#unknown.get(key);
    return entry !== undefined && performance.now() < entry.expires ? entry.answer : undefined;
  }

  /** The kept answer, the one that is under way, or a new one. */
  get(key: string, ask: () => Promise<V | null>): Promise<V | null> {
    const kept = this.peek(key);
    if (kept !== undefined) return kept;
    const asked = this.#asked.get(key);
    if (asked !== undefined && performance.now() < asked.expires) return asked.answer;
    return this.#ask(key, ask);
  }

  /** Forgets these keys, answered or under way. */
  forget(keys: Iterable<string>): void {
    for (const key of keys) {
      this.#known.delete(key);
      this.#unknown.delete(key);
      this.#asked.delete(key);
    }
  }

  /** Forgets matching answers, every "unknown", and what is under way, of which nobody can tell yet what it will be. */
  forgetWhere(matches: (value: V) => boolean): void {
    this.#known.deleteWhere(({ value }) => value !== null && matches(value));
    this.#unknown.clear();
    this.#asked.clear();
  }

  clear(): void {
    this.#known.clear();
    this.#unknown.clear();
    this.#asked.clear();
  }

  #ask(key: string, ask: () => Promise<V | null>): Promise<V | null> {
    const askedAt = performance.now();
    const answer = ask();
    const entry: Entry<V> = { answer, value: null, expires: askedAt + this.#limits.ttl };
    this.#asked.set(key, entry);
    answer.then(
      (value) => {
        if (this.#asked.get(key) !== entry) return;
        this.#asked.delete(key);
        entry.value = value;
        if (value === null) entry.expires = askedAt + Math.min(this.#limits.negativeTtl, this.#limits.ttl);
        if (performance.now() >= entry.expires) return;
        this.forget([key]);
        (value === null ? this.#unknown : this.#known).set(key, entry);
      },
      () => {
        if (this.#asked.get(key) === entry) this.#asked.delete(key);
      },
    );
    return answer;
  }
}
