/** Some replicas that campaign for one lease, in virtual time. */
import { EvenkeelError } from "../../runtime/kube/errors.ts";
import { LeaderElector, type LeaderElectorOptions } from "../../runtime/lease/leader-elector.ts";
import { VirtualClock } from "../support/virtual-clock.ts";
import { LeaseServer } from "./lease-server.ts";
import { ReplicaClock } from "./replica.ts";

export interface Replica {
  readonly name: string;
  readonly clock: ReplicaClock;
  readonly elector: LeaderElector;
  readonly stop: AbortController;
  /** Begins to campaign. */
  start(): void;
  /** How `acquire` ended. */
  outcome: "pending" | "leading" | EvenkeelError | "stopped";
  /** Everything that its observer and onNewLeader were told. */
  readonly told: string[];
}

export class Replicas {
  readonly clock: VirtualClock;
  readonly server: LeaseServer;
  readonly #seed: number;

  constructor(seed = 1) {
    this.#seed = seed;
    this.clock = new VirtualClock({ seed });
    this.server = new LeaseServer(this.clock);
  }

  add(
    name: string,
    { rate = 1, ...options }: Partial<LeaderElectorOptions> & { readonly rate?: number } = {},
  ): Replica {
    const clock = new ReplicaClock(this.clock, { rate });
    const told: string[] = [];
    const elector = new LeaderElector({
      api: this.server.api(name, clock),
      clock,
      lease: { namespace: "system", name: "evenkeel" },
      identity: name,
      onNewLeader: (identity) => told.push(`new leader ${identity}`),
      observer: {
        leading: (isLeading) => told.push(isLeading ? "leads" : "leads no more"),
        attemptFailed: (error) => told.push(error instanceof EvenkeelError ? error.code : String(error)),
      },
      ...options,
    });
    const stop = new AbortController();
    const replica: Replica = {
      name,
      clock,
      elector,
      stop,
      told,
      outcome: "pending",
      start: () =>
        void elector.acquire(stop.signal).then(
          () => (replica.outcome = "leading"),
          (error: unknown) => (replica.outcome = error instanceof EvenkeelError ? error : "stopped"),
        ),
    };
    return replica;
  }

  /** One that leads already. */
  async leader(name: string, options: Partial<LeaderElectorOptions> = {}): Promise<Replica> {
    const replica = this.add(name, options);
    replica.start();
    await this.clock.advance(0);
    return replica;
  }

  /** Moves time until `isSo`, by 10 ms at a time. @returns how long that took */
  async until(isSo: () => boolean, limitMs = 60_000): Promise<number> {
    const startMs = this.clock.now();
    while (!isSo()) {
      if (this.clock.now() - startMs > limitMs) throw new Error(`not so after ${limitMs} ms, seed ${this.#seed}`);
      await this.clock.advance(10);
    }
    return this.clock.now() - startMs;
  }
}
