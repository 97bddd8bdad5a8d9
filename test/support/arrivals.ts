/** What a watcher reported, awaited one by one with a deadline: for tests of real file system events. */
import assert from "node:assert/strict";

/** It tells a hang from a slow machine. */
const DEADLINE_MS = 60_000;

export class Arrivals<T> {
  readonly #arrived: T[] = [];
  #wake = (): void => {};

  readonly push = (value: T): void => {
    this.#arrived.push(value);
    this.#wake();
  };

  /** The next value that was not taken yet. Keeps the process alive while it waits. */
  async next(): Promise<T> {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const deadline = setTimeout(() => resolve(false), DEADLINE_MS);
    this.#wake = () => resolve(true);
    if (this.#arrived.length === 0) assert.ok(await promise, `nothing arrived within ${DEADLINE_MS} ms`);
    clearTimeout(deadline);
    const [value] = this.#arrived.splice(0, 1);
    assert.ok(value !== undefined);
    return value;
  }

  get untakenCount(): number {
    return this.#arrived.length;
  }
}
