/** Questions that the API server answers and does not keep: whose is this token, may this user do that? */
import type { Clock } from "../clock/clock.ts";
import { Exchanges, type Observer } from "./exchange.ts";
import { recordOf, textOf, textsOf, type JsonRecord } from "./json.ts";
import { badResponse } from "./stored-object.ts";
import type { Transport } from "./transport.ts";

interface ReviewsOptions {
  readonly transport: Transport;
  readonly clock: Clock;
  readonly observer?: Observer | undefined;
}

/** As authentication.k8s.io/v1 UserInfo. */
interface UserInfo {
  readonly username: string;
  readonly uid: string | undefined;
  readonly groups: readonly string[];
  readonly extra: Readonly<Record<string, readonly string[]>>;
}

/** Source: controller-runtime pkg/metrics/filters, ten seconds. */
const DEADLINE_MS = 10_000;

export class Reviews {
  readonly #exchanges: Exchanges;

  constructor({ transport, clock, observer }: ReviewsOptions) {
    this.#exchanges = new Exchanges(transport, clock, observer);
  }

  /** Whose token it is; undefined when it is nobody's. @throws EvenkeelError API_… when the server does not say */
  async authenticate(token: string): Promise<UserInfo | undefined> {
    const status = await this.#review("authentication.k8s.io", "TokenReview", { token });
    const user = recordOf(status["user"]);
    const username = textOf(user?.["username"]);
    if (status["authenticated"] !== true || user === undefined || username === undefined) return undefined;
    const extra = Object.entries(recordOf(user["extra"]) ?? {}).map(([key, values]) => [key, textsOf(values)] as const);
    return { username, uid: textOf(user["uid"]), groups: textsOf(user["groups"]), extra: Object.fromEntries(extra) };
  }

  /** Whether `user` may `get` the path, which is no resource's. @throws EvenkeelError API_… when the server does not say */
  async mayGet({ username, uid, groups, extra }: UserInfo, path: string): Promise<boolean> {
    const spec = { user: username, uid, groups, extra, nonResourceAttributes: { path, verb: "get" } };
    const status = await this.#review("authorization.k8s.io", "SubjectAccessReview", spec);
    return status["allowed"] === true && status["denied"] !== true;
  }

  async #review(group: string, kind: string, spec: object): Promise<JsonRecord> {
    const apiVersion = `${group}/v1`;
    const what = `create ${apiVersion}/${kind}`;
    const { record } = await this.#exchanges.ask({
      verb: "create",
      what,
      kind: { apiVersion, kind },
      about: "other",
      method: "POST",
      path: `/apis/${apiVersion}/${kind.toLowerCase()}s`,
      body: JSON.stringify({ apiVersion, kind, spec }),
      options: { deadlineMs: DEADLINE_MS },
    });
    const status = recordOf(recordOf(record)?.["status"]);
    if (status === undefined) throw badResponse(what, "the answer has no status");
    return status;
  }
}
