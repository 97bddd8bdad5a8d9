/** A secret that is dear to get, as from a credential plugin: kept while it is fresh, and asked for anew when it is refused. */
import type { Clock } from "../clock/clock.ts";

export interface Secret {
  readonly authorization: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  /** After how long to get another. Infinity: only when refused. */
  readonly freshForMs: number;
}

/** A server that refuses whatever we have must not make us run a plugin for each request. */
const REFUSED_MS = 10_000;

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
    const isRefusedNews = isRefused && nowMs - this.#refusedAtMs >= REFUSED_MS;
    if (isRefusedNews) this.#refusedAtMs = nowMs;
    if (this.#secret !== undefined && nowMs < this.#staleAtMs && !isRefusedNews) {
      return { ...this.#secret, freshForMs: this.#staleAtMs - nowMs };
    }
    this.#secret = await this.#ask();
    this.#staleAtMs = this.#clock.now() + this.#secret.freshForMs;
    return this.#secret;
  }
}
