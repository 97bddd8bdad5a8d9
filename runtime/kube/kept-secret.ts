/** A secret that is dear to get, as from a credential plugin: kept while it is fresh, and asked for anew when it is refused. */
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
 * Between two askings, whatever the first one came to: a secret that the server refuses, one that is old when it comes
 * because clocks differ, or none. It must not be asked for with each request.
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
    // When it fails, this is how long the former one goes on.
    this.#staleAtMs = nowMs + ASK_EVERY_MS;
    const secret = await this.#ask();
    const freshForMs = Math.max(secret.freshForMs, ASK_EVERY_MS);
    this.#secret = { ...secret, freshForMs };
    this.#staleAtMs = this.#clock.now() + freshForMs;
    return this.#secret;
  }
}
