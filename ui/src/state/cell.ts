/** A value that can be watched. Has the shape that Svelte calls a store, without knowing Svelte. */
interface Readable<T> {
  get(): T;
  /** Calls back at once and at each change; the returned function stops it. */
  subscribe(run: (value: T) => void): () => void;
}

/** A value that its owner changes. */
export class Cell<T> implements Readable<T> {
  #value: T;
  readonly #watchers = new Set<(value: T) => void>();

  constructor(value: T) {
    this.#value = value;
  }

  get(): T {
    return this.#value;
  }

  set(value: T): void {
    if (Object.is(value, this.#value)) return;
    this.#value = value;
    for (const watcher of [...this.#watchers]) watcher(value);
  }

  subscribe(run: (value: T) => void): () => void {
    this.#watchers.add(run);
    run(this.#value);
    return () => {
      this.#watchers.delete(run);
    };
  }
}
