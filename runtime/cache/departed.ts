/**
 * What has left a store, as it was last seen, for a while: whoever sees to what an object leaves behind comes when it is gone,
 * and may have to know what it last said.
 */
import type { Clock } from "../clock/clock.ts";
import { FleetingMap } from "../collections/fleeting-map.ts";
import type { StoredObject } from "../kube/object.ts";
import { metadataAlone } from "./content.ts";

/** Time for some thousand copies of one source, and for a server that is unwell. */
const KEPT_MS = 600_000;
/** About 2 MB of what ConfigMaps have: where objects come and go all the time, no more. */
const MAX_KEPT = 4_096;

export class Departed {
  readonly #clock: Pick<Clock, "now">;
  /** By key, in the order in which they went. Their metadata, and the digest where one was held. */
  readonly #gone = new FleetingMap<string, { readonly object: StoredObject; readonly sinceMs: number }>();

  constructor(clock: Pick<Clock, "now">) {
    this.#clock = clock;
  }

  get(key: string): StoredObject | undefined {
    const gone = this.#gone.get(key);
    return gone === undefined || this.#isOld(gone.sinceMs) ? undefined : gone.object;
  }

  /** `object` has gone. */
  add(key: string, object: StoredObject): void {
    this.#gone.set(key, { object: metadataAlone(object), sinceMs: this.#clock.now() });
    for (const [first, { sinceMs }] of this.#gone.entries()) {
      if (this.#gone.size <= MAX_KEPT && !this.#isOld(sinceMs)) return;
      this.#gone.delete(first);
    }
  }

  /** It is there again. */
  delete(key: string): void {
    this.#gone.delete(key);
  }

  #isOld(sinceMs: number): boolean {
    return this.#clock.now() - sinceMs > KEPT_MS;
  }
}
