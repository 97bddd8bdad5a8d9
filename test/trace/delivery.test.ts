/** How long the end of the process waits for a collector, by what is known of it; and that no span is lost unseen. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { InMemorySpanExporter, SimpleSpanProcessor, TracerProvider, type ReadableSpan } from "@opentelemetry/sdk-trace";
import { Delivery, GRACE_MS, MAX_GRACE_MS, type GaveUp } from "../../runtime/trace/delivery.ts";
import { VirtualClock } from "../support/virtual-clock.ts";

/** What a collector does with one export: when it answers, and what. */
type Answer = { readonly inMs: number; readonly isGood: boolean; readonly isPage?: boolean } | "silent";

const LIMIT_MS = 2_000;
const quick: Answer = { inMs: 10, isGood: true };
const slow: Answer = { inMs: 180, isGood: true };
const slower: Answer = { inMs: 400, isGood: true };
const refused: Answer = { inMs: 1, isGood: false };
/** 200, of something that is no collector. */
const page: Answer = { inMs: 1, isGood: true, isPage: true };

interface Row {
  readonly name: string;
  readonly why: string;
  /** Each export before the end, and how long after it the next thing happens. */
  readonly before?: readonly { readonly answer: Answer; readonly thenMs: number }[];
  /** The exports that the end itself makes. */
  readonly atEnd: readonly Answer[];
  readonly waitsMs: number;
  /** Of all, before the end and at it; an export has two spans. */
  readonly lostSpanCount: number;
  readonly gaveUp: GaveUp | undefined;
}

const rows: readonly Row[] = [
  {
    name: "nothing is queued and nothing is on its way: there is no waiting",
    why: "an idle host ends at once",
    atEnd: [],
    waitsMs: 0,
    lostSpanCount: 0,
    gaveUp: undefined,
  },
  {
    name: "a collector that answers gets the last spans",
    why: "the last reconciles are those that somebody will ask about",
    before: [{ answer: quick, thenMs: 5_000 }],
    atEnd: [quick],
    waitsMs: 10,
    lostSpanCount: 0,
    gaveUp: undefined,
  },
  {
    name: "a first export gets its grace",
    why: "a host that lived for a second has never exported before",
    atEnd: [slow],
    waitsMs: 180,
    lostSpanCount: 0,
    gaveUp: undefined,
  },
  {
    name: "a collector of which nothing is known is waited for no longer than the grace",
    why: "it may be silent",
    atEnd: ["silent"],
    waitsMs: GRACE_MS,
    lostSpanCount: 2,
    gaveUp: "no answer in time",
  },
  {
    name: "one that answered before and is silent now, likewise",
    why: "it may have died since",
    before: [{ answer: quick, thenMs: 5_000 }],
    atEnd: ["silent"],
    waitsMs: GRACE_MS,
    lostSpanCount: 2,
    gaveUp: "no answer in time",
  },
  {
    name: "one whose last answer was slow gets twice that time, up to a bound",
    why: "a fixed grace would lose the last spans of every host behind a slow line",
    before: [{ answer: slower, thenMs: 5_000 }],
    atEnd: [slower],
    waitsMs: 400,
    lostSpanCount: 0,
    gaveUp: undefined,
  },
  {
    name: "and no more than the bound",
    why: "a slow collector does not slow a shutdown",
    before: [{ answer: { inMs: 4_000, isGood: true }, thenMs: 5_000 }],
    atEnd: [{ inMs: 4_000, isGood: true }],
    waitsMs: MAX_GRACE_MS,
    lostSpanCount: 2,
    gaveUp: "no answer in time",
  },
  {
    name: "a long queue is waited for while answers keep coming in",
    why: "a burst before the end is several exports",
    atEnd: [slow, { inMs: 360, isGood: true }, { inMs: 540, isGood: true }],
    waitsMs: 540,
    lostSpanCount: 0,
    gaveUp: undefined,
  },
  {
    name: "what answers came before the silence is not counted as lost",
    why: "each span is counted once, and only where it was lost",
    atEnd: [slow, "silent"],
    waitsMs: 180 + 2 * 180,
    lostSpanCount: 2,
    gaveUp: "no answer in time",
  },
  {
    name: "a collector whose last export failed is not waited for",
    why: "a dead collector never slows a shutdown",
    before: [{ answer: refused, thenMs: 5_000 }],
    atEnd: [quick, quick],
    waitsMs: 0,
    lostSpanCount: 6,
    gaveUp: "the last export failed",
  },
  {
    name: "one in whose place something else answers is not, either",
    why: "an export that only seems to succeed is lost all the same",
    before: [{ answer: page, thenMs: 5_000 }],
    atEnd: [quick],
    waitsMs: 0,
    lostSpanCount: 4,
    gaveUp: "the last export failed",
  },
  {
    name: "one that works again is",
    why: "the last export says how it is now",
    before: [
      { answer: refused, thenMs: 5_000 },
      { answer: quick, thenMs: 5_000 },
    ],
    atEnd: [quick],
    waitsMs: 10,
    lostSpanCount: 2,
    gaveUp: undefined,
  },
  {
    name: "a failure of long ago counts no more",
    why: "the host was idle, and the collector was mended meanwhile",
    before: [{ answer: refused, thenMs: 3_600_000 }],
    atEnd: [quick],
    waitsMs: 10,
    lostSpanCount: 2,
    gaveUp: undefined,
  },
  {
    name: "an export that had its grace before the end gets none at it",
    why: "a silent collector shows itself by what is still on its way",
    before: [{ answer: "silent", thenMs: GRACE_MS }],
    atEnd: [quick],
    waitsMs: 0,
    lostSpanCount: 4,
    gaveUp: "an export is long without an answer",
  },
  {
    name: "one that left just now is waited for",
    why: "it may well be answered",
    before: [{ answer: slow, thenMs: 100 }],
    atEnd: [quick],
    waitsMs: 80,
    lostSpanCount: 0,
    gaveUp: undefined,
  },
  {
    name: "the first failure at the end is the end",
    why: "what refuses one export refuses the next",
    atEnd: [refused, "silent"],
    waitsMs: 1,
    lostSpanCount: 4,
    gaveUp: "the last export failed",
  },
];

suite("at the end of the process", () => {
  for (const { name, why, before = [], atEnd, waitsMs, lostSpanCount, gaveUp } of rows)
    test(name, async () => {
      const { clock, delivery, send, allAnswered } = rig();
      for (const { answer, thenMs } of before) {
        send(answer).catch(() => {});
        await clock.advance(thenMs);
      }
      const startedMs = clock.now();
      // As the SDK does it: all at once, done when all is answered, or at the first failure.
      const stop = async (): Promise<void> => {
        await Promise.all(atEnd.map(send)).then(allAnswered, () => {});
      };
      let endedMs: number | undefined;
      const ended = delivery.end(stop, LIMIT_MS).finally(() => (endedMs = clock.now()));
      await clock.advance(LIMIT_MS);
      assert.equal(await ended, gaveUp, why);
      assert.equal((endedMs ?? Number.NaN) - startedMs, waitsMs, why);
      assert.equal(delivery.lostSpanCount, lostSpanCount, why);
    });

  test("answers that keep coming in are waited for no longer than the limit", async () => {
    const { clock, delivery, send } = rig();
    const answers = Array.from({ length: 20 }, (_, i): Answer => ({ inMs: 200 * (i + 1), isGood: true }));
    const ended = delivery.end(async () => void (await Promise.all(answers.map(send))), LIMIT_MS);
    await clock.advance(LIMIT_MS);
    assert.equal(await ended, "no answer in time");
    assert.equal(delivery.lostSpanCount, 2 * 10);
  });

  test("an answer that comes after it was given up is not counted again, and nothing is handed over any more", async () => {
    const { clock, delivery, send, handed } = rig();
    const ended = delivery.end(() => send({ inMs: 1_000, isGood: false }).catch(() => {}), LIMIT_MS);
    await clock.advance(LIMIT_MS);
    await ended;
    await assert.rejects(send(quick));
    assert.deepEqual([delivery.lostSpanCount, handed.length], [4, 1]);
  });
});

function rig() {
  const clock = new VirtualClock();
  const handed: Answer[] = [];
  const pending = new Set<Promise<void>>();
  let next: Answer = "silent";
  let isAnsweredByPage = false;
  const delivery = new Delivery(
    {
      export(_spans, done) {
        const answer = next;
        handed.push(answer);
        if (answer !== "silent")
          clock.after(answer.inMs, () => {
            isAnsweredByPage = answer.isPage === true;
            done(answer.isGood ? { code: 0 } : { code: 1, error: new Error("refused") });
          });
      },
      shutdown: () => Promise.resolve(),
    },
    clock,
    () => isAnsweredByPage,
  );
  /** Resolves when the export was delivered, rejects when it was not. */
  const send = (answer: Answer): Promise<void> => {
    next = answer;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    delivery.export(twoSpans, ({ error }) => (error === undefined ? resolve() : reject(error)));
    pending.add(promise);
    return promise;
  };
  const allAnswered = async (): Promise<void> => void (await Promise.allSettled(pending));
  return { clock, delivery, handed, send, allAnswered };
}

const twoSpans = spans(2);

function spans(count: number): ReadableSpan[] {
  const exporter = new InMemorySpanExporter();
  const tracer = new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] }).getTracer("test");
  for (let i = 0; i < count; i++) tracer.startSpan("span").end();
  return exporter.getFinishedSpans();
}
