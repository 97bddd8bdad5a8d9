/**
 * Who may read /metrics in a cluster: whoever the API server says may `get` the path. It is asked whose the token is, and
 * then what that user may. What cannot be asked is refused.
 *
 * Source: controller-runtime pkg/metrics/filters (WithAuthenticationAndAuthorization).
 */
import { hash } from "node:crypto";
import type { Clock } from "../clock/clock.ts";
import type { Reviews } from "../kube/reviews.ts";

interface MetricsAccessOptions {
  readonly reviews: Pick<Reviews, "authenticate" | "mayGet">;
  readonly clock: Clock;
  /** Told when the API server could not be asked. */
  readonly onFailed: (error: unknown) => void;
}

interface Refusal {
  readonly status: 401 | 403 | 503;
  readonly reason: string;
}

/** How long a verdict holds: whoever lost the right reads on for so long at most. */
const ALLOWED_MS = 60_000;
/** Shorter, so that a right that was just given is seen; long enough that a wrong scraper costs nothing. */
const REFUSED_MS = 10_000;
const MAX_VERDICTS = 256;
/** Each costs the API server two requests. Beyond these somebody is trying tokens. */
const MAX_UNDER_WAY = 8;
/** Real ones have about 1 000 characters. */
const MAX_TOKEN = 16_384;

interface Verdict {
  readonly refusal: Refusal | undefined;
  readonly untilMs: number;
}

const noToken: Refusal = { status: 401, reason: "a bearer token is needed" };
const badToken: Refusal = { status: 401, reason: "the token is not valid" };
const notAllowed: Refusal = { status: 403, reason: "this account may not get /metrics" };
const busy: Refusal = { status: 503, reason: "too many reviews under way" };
const cannotAsk: Refusal = { status: 503, reason: "the API server cannot be asked" };

export class MetricsAccess {
  readonly #options: MetricsAccessOptions;
  /** By digest: tokens are not kept. In order of use. */
  readonly #verdicts = new Map<string, Verdict>();
  readonly #underWay = new Map<string, Promise<Refusal | undefined>>();

  constructor(options: MetricsAccessOptions) {
    this.#options = options;
  }

  /** Why the sender of this header may not; undefined when it may. Never rejects. */
  async refusal(authorization: string | undefined): Promise<Refusal | undefined> {
    const token = /^Bearer +([\x21-\x7e]+) *$/i.exec(authorization ?? "")?.[1];
    if (token === undefined || token.length > MAX_TOKEN) return noToken;
    const digest = hash("sha256", token, "base64");
    const known = this.#verdicts.get(digest);
    if (known !== undefined && known.untilMs > this.#options.clock.now()) return known.refusal;
    const asked = this.#underWay.get(digest);
    if (asked !== undefined) return asked;
    if (this.#underWay.size >= MAX_UNDER_WAY) return busy;
    const asking = this.#ask(token, digest).finally(() => this.#underWay.delete(digest));
    this.#underWay.set(digest, asking);
    return asking;
  }

  async #ask(token: string, digest: string): Promise<Refusal | undefined> {
    const { reviews, onFailed } = this.#options;
    try {
      const user = await reviews.authenticate(token);
      const refusal = user === undefined ? badToken : (await reviews.mayGet(user, "/metrics")) ? undefined : notAllowed;
      this.#keep(digest, refusal);
      return refusal;
    } catch (error) {
      // Not kept: the next scrape asks again.
      onFailed(error);
      return cannotAsk;
    }
  }

  #keep(digest: string, refusal: Refusal | undefined): void {
    this.#verdicts.delete(digest);
    const [oldest] = this.#verdicts.keys();
    if (oldest !== undefined && this.#verdicts.size >= MAX_VERDICTS) this.#verdicts.delete(oldest);
    const lifetimeMs = refusal === undefined ? ALLOWED_MS : REFUSED_MS;
    this.#verdicts.set(digest, { refusal, untilMs: this.#options.clock.now() + lifetimeMs });
  }
}
