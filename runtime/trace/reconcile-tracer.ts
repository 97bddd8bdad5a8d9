/** Makes the spans of reconciles. Parents are passed by hand: no AsyncLocalStorage. */
import {
  ROOT_CONTEXT,
  SpanKind,
  type Attributes,
  type Context,
  type HrTime,
  type Link,
  type Span,
  type SpanContext,
  type SpanOptions,
} from "@opentelemetry/api";
import type { Clock } from "../clock/clock.ts";
import { attributes as keys, MAX_LISTED, spanNames } from "./names.ts";
import { under } from "./parent.ts";
import type {
  CacheWaitSpan,
  FinishedTrace,
  PlanCounts,
  ReconcileEnd,
  ReconcileStart,
  ReconcileTrace,
  ReconcileTracer,
  SecondLookSpan,
} from "./reconcile-trace.ts";
import {
  fail,
  requestAttributes,
  requestSpan,
  setKey,
  type Requests,
  type RequestSpan,
  type RequestStart,
} from "./request-span.ts";
import { endRun, setReads, type RunSpan } from "./run-span.ts";
import { SpanTime } from "./span-time.ts";
import { wakeReason, type Wake } from "./wake.ts";

/** As that of the OpenTelemetry API, which is one; ours gives all times as HrTime, and no active context counts. */
export interface SpanStarter {
  startSpan(name: string, options: SpanOptions & { readonly startTime: HrTime }, context: Context): Span;
}

/** Memory, not truth: a reconcile of a thousand writes shows its first hundred in the recent traces. */
const MAX_SPANS_KEPT = 100;

/** @param finished is handed every trace when it ends. */
export function createReconcileTracer(
  tracer: SpanStarter,
  clock: Clock,
  finished: (trace: FinishedTrace) => void,
): ReconcileTracer {
  return { start: (start) => new Reconcile(tracer, clock, finished, start) };
}

class Reconcile implements ReconcileTrace {
  readonly traceId: string;
  readonly context: SpanContext;
  readonly #tracer: SpanStarter;
  readonly #time: SpanTime;
  readonly #finished: (trace: FinishedTrace) => void;
  readonly #start: ReconcileStart;
  readonly #root: Span;
  readonly #underRoot: Context;
  readonly #spans: Span[];
  /** That nobody waits for. */
  readonly #left: Span[] = [];
  /** When the last run ended: where the plan begins. */
  #mark: HrTime;
  #isEnded = false;

  constructor(tracer: SpanStarter, clock: Clock, finished: (trace: FinishedTrace) => void, start: ReconcileStart) {
    this.#tracer = tracer;
    this.#time = new SpanTime(clock);
    this.#finished = finished;
    this.#start = start;
    const ready = this.#time.ago(start.queuedMs);
    this.#root = tracer.startSpan(
      spanNames.reconcile(start.function),
      { startTime: ready, attributes: rootAttributes(start), links: causes(start) },
      ROOT_CONTEXT,
    );
    this.context = this.#root.spanContext();
    this.traceId = this.context.traceId;
    this.#spans = [this.#root];
    this.#underRoot = under(this.#root);
    this.#mark = this.#time.now();
    this.#child(spanNames.queue, SpanKind.INTERNAL, {}, ready).end(this.#mark);
  }

  run(): RunSpan {
    const name = this.#start.function;
    const span = this.#child(spanNames.run(name), SpanKind.INTERNAL, { [keys.function]: name }, this.#time.now());
    return {
      end: (end) => {
        if (!span.isRecording()) return;
        this.#mark = this.#time.now();
        endRun(span, end, this.#mark);
      },
    };
  }

  planned(counts: PlanCounts): void {
    const attributes: Attributes = {
      [keys.planCreates]: counts.creates,
      [keys.planUpdates]: counts.updates,
      [keys.planDeletes]: counts.deletes,
      [keys.planReleases]: counts.releases,
      [keys.planApplies]: counts.applies,
      [keys.planUnchanged]: counts.unchanged,
      [keys.planHeld]: counts.held,
      [keys.planBlocked]: counts.blocked,
    };
    if (counts.waits.length > 0) attributes[keys.planWaits] = counts.waits.slice(0, MAX_LISTED);
    if (counts.isDryRun) attributes[keys.dryRun] = true;
    this.#child(spanNames.plan, SpanKind.INTERNAL, attributes, this.#mark).end(this.#time.now());
  }

  request(start: RequestStart): RequestSpan {
    return requestSpan(this.#client(start, this.#underRoot), this.#time);
  }

  get unawaited(): Requests {
    return {
      request: (start) => {
        const span = this.#client(start, this.#underRoot);
        this.#left.push(span);
        return requestSpan(span, this.#time);
      },
    };
  }

  secondLook(): SecondLookSpan {
    const span = this.#child(spanNames.secondLook, SpanKind.INTERNAL, {}, this.#time.now());
    const underSpan = under(span);
    let sharedCount = 0;
    return {
      request: (start) => requestSpan(this.#client(start, underSpan), this.#time),
      shared(context) {
        sharedCount++;
        if (context !== undefined && sharedCount <= MAX_LISTED)
          span.addLink({ context, attributes: { [keys.wake]: "shared read" } });
      },
      end: ({ reads, confirmed, doubted, code }) => {
        setReads(span, reads);
        span.setAttributes({ [keys.confirmed]: confirmed, [keys.doubted]: doubted, [keys.sharedReads]: sharedCount });
        if (code !== undefined) fail(span, code);
        span.end(this.#time.now());
      },
    };
  }

  waitForCache(objects: readonly string[]): CacheWaitSpan {
    const attributes = { [keys.awaited]: objects.slice(0, MAX_LISTED), [keys.awaitedCount]: objects.length };
    const span = this.#child(spanNames.waitForCache, SpanKind.INTERNAL, attributes, this.#time.now());
    return { end: (result) => span.setAttribute(keys.result, result).end(this.#time.now()) };
  }

  end(end: ReconcileEnd): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    const now = this.#time.now();
    for (const span of this.#spans)
      if (span !== this.#root && span.isRecording() && !this.#left.includes(span))
        span.setAttribute(keys.result, "aborted").end(now);
    const late = this.#start.wakes.filter(({ cause }) => cause instanceof Promise);
    if (late.length === 0) this.#finish(end, now);
    else void this.#linkLate(late.slice(0, MAX_LISTED)).then(() => this.#finish(end, now));
  }

  async #linkLate(wakes: readonly Wake[]): Promise<void> {
    for (const wake of wakes) {
      const context = await wake.cause;
      if (context !== undefined) this.#root.addLink(causeLink(wake, context));
    }
  }

  #finish(end: ReconcileEnd, at: HrTime): void {
    endRoot(this.#root, end, at);
    const omittedCount = Math.max(0, this.#spans.length - MAX_SPANS_KEPT);
    const spans = omittedCount === 0 ? this.#spans : this.#spans.slice(0, MAX_SPANS_KEPT);
    this.#finished({ start: this.#start, end, spans, omittedCount });
  }

  #client(start: RequestStart, parent: Context): Span {
    const name = spanNames.request(start.verb, start.kind);
    return this.#child(name, SpanKind.CLIENT, requestAttributes(start), this.#time.now(), parent);
  }

  #child(name: string, kind: SpanKind, attributes: Attributes, startTime: HrTime, parent = this.#underRoot): Span {
    const span = this.#tracer.startSpan(name, { kind, attributes, startTime }, parent);
    this.#spans.push(span);
    return span;
  }
}

function rootAttributes(start: ReconcileStart): Attributes {
  const attributes: Attributes = {
    [keys.function]: start.function,
    [keys.key]: start.key,
    [keys.kind]: start.kind,
    [keys.wakes]: start.wakes.slice(0, MAX_LISTED).map(wakeReason),
    [keys.wakeCount]: start.wakeCount,
    [keys.queuedMs]: rounded(start.queuedMs),
    [keys.priority]: start.priority,
    [keys.attempt]: start.attempt,
  };
  setKey(attributes, start.key);
  return attributes;
}

function causes({ wakes, previous }: ReconcileStart): Link[] {
  const links: Link[] = [];
  if (previous !== undefined) links.push({ context: previous.context, attributes: { [keys.wake]: previous.as } });
  for (const wake of wakes) {
    if (wake.cause === undefined || wake.cause instanceof Promise || links.length === MAX_LISTED) continue;
    links.push(causeLink(wake, wake.cause));
  }
  return links;
}

function causeLink(wake: Wake, context: SpanContext): Link {
  return { context, attributes: { [keys.wake]: wakeReason(wake) } };
}

function endRoot(span: Span, { outcome, requeueAfterMs, code }: ReconcileEnd, at: HrTime): void {
  span.setAttribute(keys.outcome, outcome);
  if (requeueAfterMs !== undefined) span.setAttribute(keys.requeueAfterMs, rounded(requeueAfterMs));
  if (outcome === "error" || outcome === "terminal") fail(span, code ?? outcome);
  else if (code !== undefined) span.setAttribute(keys.code, code);
  span.end(at);
}

/** To microseconds: more is noise. */
function rounded(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
