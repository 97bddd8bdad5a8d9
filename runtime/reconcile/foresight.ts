/**
 * What a key is likely to read when it runs for the first time. A run in another thread that lacks an answer is made again, so
 * a good guess saves a round; a bad one costs an answer that nobody reads.
 */
import { RecentMap } from "../collections/recent-map.ts";
import { parseKey } from "../kube/object.ts";
import type { Query } from "../kube/query.ts";

/** Names that are remembered; a fan-out has that many sources under way at most. */
const MIN_NAMES = 512;

export class Foresight {
  /** What the last key of that name read, in whatever namespace: copies of one source read that source. */
  readonly #byName = new RecentMap<string, readonly Query[]>(MIN_NAMES);

  note(key: string, reads: readonly Query[]): void {
    this.#byName.set(parseKey(key).name, reads);
  }

  guess(key: string): readonly Query[] {
    return this.#byName.get(parseKey(key).name) ?? [];
  }
}
