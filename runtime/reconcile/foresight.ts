/**
 * What a key is likely to read when it runs for the first time. A run in another thread that lacks an answer is made again, so
 * a good guess saves a round; a bad one costs an answer that nobody reads.
 */
import { parseKey } from "../kube/object.ts";
import type { Query } from "../kube/query.ts";

/** Names that are remembered; a fan-out has that many sources under way at most. */
const MAX_NAMES = 1_024;

export class Foresight {
  /** What the last key of that name read, in whatever namespace: copies of one source read that source. */
  readonly #byName = new Map<string, readonly Query[]>();

  note(key: string, reads: readonly Query[]): void {
    const { name } = parseKey(key);
    this.#byName.set(name, reads);
    if (this.#byName.size <= MAX_NAMES) return;
    const [oldest] = this.#byName.keys();
    if (oldest !== undefined) this.#byName.delete(oldest);
  }

  guess(key: string): readonly Query[] {
    return this.#byName.get(parseKey(key).name) ?? [];
  }
}
