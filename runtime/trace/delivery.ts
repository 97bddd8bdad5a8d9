/**
 * Between the queue of finished spans and the exporter: what became of each span, and at the end of the process how long
 * its last ones are waited for. A collector that answers gets them; one that is known not to answer is not waited for, and
 * one of which nothing is known gets a short grace. Spans that no collector took are counted, each once.
 */
import type { ReadableSpan, SpanExporter } from "@opentelemetry/sdk-trace";
import { sleep, type Clock } from "../clock/clock.ts";

/** A new TLS connection over a slow line and an answer fit into it; whoever waits for the process to end hardly sees it. */
export const GRACE_MS = 250;
/** For a collector that was slow before: twice its last answer, but never more. A slower one is as good as silent. */
export const MAX_GRACE_MS = 500;
/** The SDK exports every five seconds while there is something: a failure older than that many says nothing any more. */
const FAILURE_COUNTS_MS = 60_000;

/** Why spans were given up at the end. */
export type GaveUp = "the last export failed" | "an export is long without an answer" | "no answer in time";

type Done = Parameters<SpanExporter["export"]>[1];
type ExportResultCode = Parameters<Done>[0]["code"];

/** Source: ExportResultCode in @opentelemetry/core 3.1.0. */
const SUCCESS: ExportResultCode = 0;
const FAILED: ExportResultCode = 1;

interface Handed {
  readonly sinceMs: number;
  readonly spanCount: number;
}

export class Delivery implements SpanExporter {
  readonly #exporter: SpanExporter;
  readonly #clock: Clock;
  readonly #isAnsweredByPage: () => boolean;
  /** Without an answer yet, oldest first. */
  readonly #inFlight = new Set<Handed>();
  /** When something last went out or came back. */
  #movedMs = -Infinity;
  /** Of the last export that was answered. */
  #answerTookMs = 0;
  #failedMs = -Infinity;
  #gaveUp: GaveUp | undefined;
  #lostSpanCount = 0;

  /** @param isAnsweredByPage whether the success that is told just now is none: Diagnostics knows. */
  constructor(exporter: SpanExporter, clock: Clock, isAnsweredByPage: () => boolean) {
    this.#exporter = exporter;
    this.#clock = clock;
    this.#isAnsweredByPage = isAnsweredByPage;
  }

  /** Spans whose export failed or was given up. */
  get lostSpanCount(): number {
    return this.#lostSpanCount;
  }

  export(spans: ReadableSpan[], done: Done): void {
    if (this.#gaveUp !== undefined) {
      this.#lostSpanCount += spans.length;
      done({ code: FAILED, error: new Error(this.#gaveUp) });
      return;
    }
    const handed: Handed = { sinceMs: this.#clock.now(), spanCount: spans.length };
    this.#inFlight.add(handed);
    this.#exporter.export(spans, (result) => {
      const isDelivered = result.code === SUCCESS && !this.#isAnsweredByPage();
      // What was given up is counted already.
      if (this.#inFlight.delete(handed)) this.#answered(handed, isDelivered);
      done(result);
    });
    // Only now: to put a thousand spans into bytes takes a while, and is none of the collector's time.
    this.#movedMs = this.#clock.now();
  }

  forceFlush(): Promise<void> {
    return this.#exporter.forceFlush?.() ?? Promise.resolve();
  }

  shutdown(): Promise<void> {
    return this.#exporter.shutdown();
  }

  /**
   * Waits for the answers to what is on its way, for as long as some keep coming in and at most `limitMs`.
   * @param stop hands over what is queued, then resolves when all is answered; never rejects.
   * @returns why spans were given up; undefined when none was.
   */
  async end(stop: () => Promise<void>, limitMs: number): Promise<GaveUp | undefined> {
    const lostBefore = this.#lostSpanCount;
    const startedMs = this.#clock.now();
    const untilMs = startedMs + limitMs;
    if (startedMs - this.#failedMs < FAILURE_COUNTS_MS) this.#giveUp("the last export failed");
    else if (this.#isBehind()) this.#giveUp("an export is long without an answer");
    this.#movedMs = startedMs;
    const stopped = new AbortController();
    void stop().then(() => stopped.abort());
    while (!stopped.signal.aborted) {
      const leftMs = Math.min(this.#movedMs + this.#graceMs, untilMs) - this.#clock.now();
      if (leftMs <= 0) break;
      await sleep(this.#clock, leftMs, stopped.signal);
    }
    this.#giveUp(this.#failedMs >= startedMs ? "the last export failed" : "no answer in time");
    return this.#lostSpanCount > lostBefore ? this.#gaveUp : undefined;
  }

  /** Whether what is on its way has had its grace. */
  #isBehind(): boolean {
    const [oldest] = this.#inFlight;
    return oldest !== undefined && this.#clock.now() - oldest.sinceMs >= this.#graceMs;
  }

  get #graceMs(): number {
    return Math.min(Math.max(GRACE_MS, 2 * this.#answerTookMs), MAX_GRACE_MS);
  }

  #answered({ sinceMs, spanCount }: Handed, isDelivered: boolean): void {
    const nowMs = this.#clock.now();
    this.#movedMs = nowMs;
    if (isDelivered) {
      this.#answerTookMs = nowMs - sinceMs;
      this.#failedMs = -Infinity;
    } else {
      this.#failedMs = nowMs;
      this.#lostSpanCount += spanCount;
    }
  }

  /** From here on nothing is handed over, and no answer counts. The first reason stays. */
  #giveUp(why: GaveUp): void {
    this.#gaveUp ??= why;
    for (const { spanCount } of this.#inFlight) this.#lostSpanCount += spanCount;
    this.#inFlight.clear();
  }
}
