/** A secret that is costly to get, as from a credential plugin: kept while it is fresh, asked for again when it is refused. */
import type { Clock } from "../clock/clock.ts";

export interface Secret {
  readonly authorization: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  /** After how long to get another. Infinity: only when refused. */
  readonly freshForMs: number;
  /** By the clock's `now`. Absent: when it is refused. */
  readonly expiresAtMs?: number | undefined;
}

/**
 * The least time between two times that we ask, so that no fault makes us ask for each request: a secret that the server
 * refuses, one that is already stale when it comes (clocks differ), or none at all.
 */
const ASK_EVERY_MS = 10_000;

export class KeptSecret {
  readonly #clock: Clock;
  readonly #ask: () => Promise<Secret>;
  #secret: Secret | undefined;
  #staleAtMs = -Infinity;
  #refusedAtMs = -Infinity;

  constructor(clock: Clock, ask: () => Promise<Secret>) {
    this.#clock = clock;
    this.#ask = ask;
  }

  /** One caller at a time. @throws what asking for it throws */
  async get(isRefused: boolean): Promise<Secret> {
    const nowMs = this.#clock.now();
    const isRefusedNews = isRefused && nowMs - this.#refusedAtMs >= ASK_EVERY_MS;
    if (isRefusedNews) this.#refusedAtMs = nowMs;
    if (this.#secret !== undefined && nowMs < this.#staleAtMs && !isRefusedNews) {
      return { ...this.#secret, freshForMs: this.#staleAtMs - nowMs };
    }
    // If asking fails, the former secret serves until then.
    this.#staleAtMs = nowMs + ASK_EVERY_MS;
    const secret = await this.#ask();
    const freshForMs = Math.max(secret.freshForMs, ASK_EVERY_MS);
    this.#secret = { ...secret, freshForMs };
    this.#staleAtMs = this.#clock.now() + freshForMs;
    return this.#secret;
  }
}
