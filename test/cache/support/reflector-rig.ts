/** A running Reflector over a scripted Api, in virtual time, with all that it told. */
import { Reflector, type Failure } from "../../../runtime/cache/reflector.ts";
import { Store, type Change } from "../../../runtime/cache/store.ts";
import { ConfigMap } from "../../../runtime/kube/kind.ts";
import { select, type Where } from "../../../runtime/kube/query.ts";
import { VirtualClock } from "../../support/virtual-clock.ts";
import { added, initialEnd } from "./objects.ts";
import { ScriptedApi, type Script, type WatchStep } from "./scripted-api.ts";

/** A WatchList of the objects `a` and `b`, complete at version 7. */
export const syncedAB: readonly WatchStep[] = [added("a", 3), added("b", 5), initialEnd(7)];

export class ReflectorRig {
  readonly clock = new VirtualClock({ seed: 7 });
  readonly api: ScriptedApi;
  readonly store: Store;
  readonly reflector: Reflector;
  readonly failures: Failure[] = [];
  readonly changes: Change[] = [];
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;

  constructor(script: Script, where: Where = {}) {
    const { clock } = this;
    this.api = new ScriptedApi(clock, script);
    this.store = new Store(select(ConfigMap, where));
    const sink = {
      replaced: (changes: readonly Change[]) => void this.changes.push(...changes),
      applied: (changes: readonly Change[]) => void this.changes.push(...changes),
      resumed: () => {},
      entered: () => {},
      failed: (failure: Failure) => void this.failures.push(failure),
    };
    this.reflector = new Reflector({ api: this.api, clock, store: this.store, sink });
    this.#running = this.reflector.run(this.#stop.signal);
  }

  stop(): Promise<void> {
    this.#stop.abort();
    return this.#running;
  }
}
