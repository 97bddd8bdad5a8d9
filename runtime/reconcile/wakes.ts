/** Why each queued key is to run: kept beside the queue, because a reason is no part of a key's identity. */
import { FleetingMap } from "../collections/fleeting-map.ts";
import type { Wake } from "../trace/wake.ts";

/** A key that was woken a thousand times says the first few reasons and the count. */
const MAX_WAKES = 8;

export interface Woken {
  readonly wakes: readonly Wake[];
  readonly count: number;
}

const NONE: Woken = { wakes: [], count: 0 };

export class Wakes {
  readonly #byKey = new FleetingMap<string, { readonly wakes: Wake[]; count: number }>();

  add(key: string, wake: Wake): void {
    const known = this.#byKey.get(key);
    if (known === undefined) this.#byKey.set(key, { wakes: [wake], count: 1 });
    else {
      known.count++;
      if (known.wakes.length < MAX_WAKES) known.wakes.push(wake);
    }
  }

  /** Hands the reasons over to the run that begins. */
  take(key: string): Woken {
    const woken = this.#byKey.get(key) ?? NONE;
    this.#byKey.delete(key);
    return woken;
  }
}
