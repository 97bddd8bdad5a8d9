/** How long a start asks the API server what it cannot go on without. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { insist } from "../../runtime/cli/insist.ts";
import { codeOf, EvenkeelError, type ApiStatus, type Code } from "../../runtime/kube/errors.ts";
import { VirtualClock } from "../support/virtual-clock.ts";

interface Row {
  readonly name: string;
  /** What comes of each attempt; the last one for ever. Nothing: no answer. */
  readonly answers: readonly (EvenkeelError | "here" | undefined)[];
  readonly becomes: "here" | Code;
  readonly says?: string;
  /** When it was asked. */
  readonly askedMs: readonly number[];
  readonly tookMs: number;
}

const refused = (code: Code, retryAfterMs?: number): EvenkeelError => {
  const status: ApiStatus = { httpCode: 503, causes: [], retryAfterMs };
  return new EvenkeelError(code, "list Leases: not now", { status });
};

const rows: readonly Row[] = [
  { name: "once, where it is answered", answers: ["here"], becomes: "here", askedMs: [0], tookMs: 0 },
  {
    name: "again, where the server is busy, after the time that it asks for",
    answers: [refused("API_UNAVAILABLE", 1_000), refused("API_TOO_MANY_REQUESTS", 3_000), "here"],
    becomes: "here",
    askedMs: [0, 1_000, 4_000],
    tookMs: 4_000,
  },
  {
    name: "again, after a pause of its own where it is told none, which grows",
    answers: [refused("API_UNAVAILABLE"), refused("API_TIMEOUT"), "here"],
    becomes: "here",
    askedMs: [0, 250, 750],
    tookMs: 750,
  },
  ...(["API_FORBIDDEN", "API_UNAUTHORIZED", "API_UNREACHABLE", "API_UNTRUSTED", "LEASE_AMBIGUOUS"] as const).map(
    (code): Row => ({
      name: `once, where it is answered ${code}: that is somebody's to mend`,
      answers: [refused(code)],
      becomes: code,
      askedMs: [0],
      tookMs: 0,
    }),
  ),
  {
    name: "for ten seconds, of a server that stays busy, and then says what it said",
    answers: [refused("API_UNAVAILABLE", 4_000)],
    becomes: "API_UNREACHABLE",
    says: "http://k: for 10 s no other answer than: list Leases: not now; check that the API server is up and the address is right",
    askedMs: [0, 4_000, 8_000],
    tookMs: 10_000,
  },
  {
    name: "for ten seconds, of a server that says nothing",
    answers: [undefined],
    becomes: "API_UNREACHABLE",
    says: "http://k: it did not answer within 10 s; check that the API server is up and the address is right",
    askedMs: [0],
    tookMs: 10_000,
  },
];

suite("the start asks", () => {
  for (const { name, answers, becomes, says, askedMs, tookMs } of rows)
    test(name, async () => {
      const clock = new Steady();
      const asked: number[] = [];
      const ask = (): Promise<"here"> => {
        const answer = answers[Math.min(asked.push(clock.now()), answers.length) - 1];
        if (answer === undefined) return new Promise(() => {});
        return answer === "here" ? Promise.resolve(answer) : Promise.reject(answer);
      };
      const ended = insist(ask, { clock, server: "http://k", signal: new AbortController().signal }).then(
        (value) => ({ value, message: undefined, atMs: clock.now() }),
        (error: Error) => ({ value: codeOf(error), message: error.message, atMs: clock.now() }),
      );
      await clock.advance(20_000);
      const { value, message, atMs } = await ended;
      assert.deepEqual({ value, asked, atMs }, { value: becomes, asked: askedMs, atMs: tookMs });
      if (says !== undefined) assert.equal(message, says);
      assert.equal(clock.pendingCount, 0);
    });

  for (const [when, answer] of [
    ["while it waits for an answer", undefined],
    ["while it waits to ask again", refused("API_UNAVAILABLE", 5_000)],
  ] as const)
    test(`no more once it is told to stop, ${when}`, async () => {
      const clock = new Steady();
      const stop = new AbortController();
      const reason = new Error("enough");
      const signals: AbortSignal[] = [];
      const ask = (signal: AbortSignal): Promise<never> => {
        signals.push(signal);
        return answer === undefined ? new Promise(() => {}) : Promise.reject(answer);
      };
      const ended = insist(ask, { clock, server: "http://k", signal: stop.signal }).catch((error: unknown) => error);
      await clock.advance(1_000);
      stop.abort(reason);
      assert.equal(await ended, reason);
      assert.deepEqual([signals.length, signals[0]?.aborted, clock.pendingCount], [1, true, 0]);
    });
});

/** Without jitter. */
class Steady extends VirtualClock {
  override random(): number {
    return 0;
  }
}
