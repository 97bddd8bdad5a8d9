/**
 * The tracer where nothing is exported: spans that the recent traces can show, and no more. Those of the SDK carry limits,
 * processors and metrics that nobody asked for then, and were 6 % of the CPU time of a fan-out.
 */
import {
  SpanKind,
  SpanStatusCode,
  trace,
  TraceFlags,
  type Attributes,
  type AttributeValue,
  type Context,
  type HrTime,
  type Link,
  type Span,
  type SpanContext,
  type SpanOptions,
  type SpanStatus,
} from "@opentelemetry/api";
import type { Clock } from "../clock/clock.ts";

/** What is read back of a span, whoever made it. */
export interface ReadableSpan extends Span {
  readonly name: string;
  readonly kind: SpanKind;
  readonly startTime: HrTime;
  readonly duration: HrTime;
  readonly ended: boolean;
  readonly status: SpanStatus;
  readonly attributes: Attributes;
  readonly links: readonly Link[];
  readonly parentSpanContext?: SpanContext | undefined;
}

/** The flags of a trace, decided at its root: servers that trace too may go by those that travel with requests. */
export type Sampling = (traceId: string, name: string, options: SpanOptions, context: Context) => TraceFlags;

/** As of the OpenTelemetry API, for those who give each time as HrTime. */
export class MemoryTracer {
  readonly #sampling: Sampling;
  readonly #traceIds: Ids;
  readonly #spanIds: Ids;

  /** @param sampling is asked once for each trace. @default every trace is sampled */
  constructor(clock: Clock, sampling: Sampling = () => TraceFlags.SAMPLED) {
    this.#sampling = sampling;
    this.#traceIds = new Ids(clock, 4);
    this.#spanIds = new Ids(clock, 2);
  }

  /** @param options attributes and links are the span's own from here on: nobody else touches them again. */
  startSpan(name: string, options: SpanOptions & { readonly startTime: HrTime }, context: Context): ReadableSpan {
    const parent = trace.getSpanContext(context);
    const spanId = this.#spanIds.next();
    if (parent !== undefined) return new MemorySpan(name, options, { ...parent, spanId }, parent);
    const traceId = this.#traceIds.next();
    const traceFlags = this.#sampling(traceId, name, options, context);
    return new MemorySpan(name, options, { traceId, spanId, traceFlags }, undefined);
  }
}

/** Random ids of one length. Through bytes: a number that prints itself in hexadecimal takes ten times as long. */
class Ids {
  readonly #clock: Clock;
  readonly #words: Uint32Array<ArrayBuffer>;
  readonly #bytes: Uint8Array;

  constructor(clock: Clock, wordCount: number) {
    this.#clock = clock;
    this.#words = new Uint32Array(wordCount);
    this.#bytes = new Uint8Array(this.#words.buffer);
  }

  /** Eight hexadecimal digits for each word, and no word is zero: an id of nothing but zeros is invalid. */
  next(): string {
    for (let i = 0; i < this.#words.length; i++) this.#words[i] = 1 + this.#clock.random() * 0xffff_fffe;
    return this.#bytes.toHex();
  }
}

/** Shared: most spans have no links and do not fail. */
const NO_LINKS: readonly Link[] = [];
const NOT_YET: HrTime = [0, 0];
const UNSET: SpanStatus = { code: SpanStatusCode.UNSET };

/** After its end nothing changes it any more. */
class MemorySpan implements ReadableSpan {
  readonly name: string;
  readonly kind: SpanKind;
  readonly startTime: HrTime;
  readonly parentSpanContext: SpanContext | undefined;
  readonly attributes: Attributes;
  links: readonly Link[];
  duration = NOT_YET;
  ended = false;
  status = UNSET;
  readonly #context: SpanContext;

  constructor(
    name: string,
    { kind, startTime, attributes, links }: SpanOptions & { readonly startTime: HrTime },
    context: SpanContext,
    parent: SpanContext | undefined,
  ) {
    this.name = name;
    this.kind = kind ?? SpanKind.INTERNAL;
    this.startTime = startTime;
    this.attributes = attributes ?? {};
    this.links = links ?? NO_LINKS;
    this.parentSpanContext = parent;
    this.#context = context;
  }

  spanContext(): SpanContext {
    return this.#context;
  }

  isRecording(): boolean {
    return !this.ended;
  }

  setAttribute(key: string, value: AttributeValue): this {
    if (!this.ended) this.attributes[key] = value;
    return this;
  }

  setAttributes(attributes: Attributes): this {
    if (!this.ended) Object.assign(this.attributes, attributes);
    return this;
  }

  addLink(link: Link): this {
    return this.addLinks([link]);
  }

  addLinks(links: Link[]): this {
    if (!this.ended) this.links = [...this.links, ...links];
    return this;
  }

  setStatus(status: SpanStatus): this {
    if (!this.ended) this.status = status;
    return this;
  }

  end(at: HrTime): void {
    if (this.ended) return;
    this.ended = true;
    const seconds = at[0] - this.startTime[0];
    const nanos = at[1] - this.startTime[1];
    this.duration = nanos < 0 ? [seconds - 1, nanos + 1e9] : [seconds, nanos];
  }

  /** The recent traces show no events, and no span of ours changes its name. */
  addEvent(): this {
    return this;
  }

  updateName(): this {
    return this;
  }

  recordException(): void {}
}
