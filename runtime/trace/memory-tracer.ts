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
import { SamplingDecision, type Sampler } from "@opentelemetry/sdk-trace";
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

/** As of the OpenTelemetry API, for those who give each time as HrTime. */
export class MemoryTracer {
  readonly #clock: Clock;
  readonly #sampler: Sampler;

  /** @param sampler is asked once for each trace: servers that trace too may go by the flag that travels with requests. */
  constructor(clock: Clock, sampler: Sampler) {
    this.#clock = clock;
    this.#sampler = sampler;
  }

  startSpan(name: string, options: SpanOptions & { readonly startTime: HrTime }, context: Context): ReadableSpan {
    const parent = trace.getSpanContext(context);
    const spanId = this.#hex(2);
    if (parent !== undefined) return new MemorySpan(name, options, { ...parent, spanId }, parent);
    const traceId = this.#hex(4);
    const traceFlags = this.#flags(traceId, name, options, context);
    return new MemorySpan(name, options, { traceId, spanId, traceFlags }, undefined);
  }

  #flags(traceId: string, name: string, { kind, attributes, links }: SpanOptions, context: Context): TraceFlags {
    const kindOrDefault = kind ?? SpanKind.INTERNAL;
    const { decision } = this.#sampler.shouldSample(
      context,
      traceId,
      name,
      kindOrDefault,
      attributes ?? {},
      links ?? [],
    );
    return decision === SamplingDecision.RECORD_AND_SAMPLED ? TraceFlags.SAMPLED : TraceFlags.NONE;
  }

  /** Random hexadecimal digits, eight for each word, never all zero: that would be an invalid id. */
  #hex(words: number): string {
    let digits = "";
    for (let i = 0; i < words; i++)
      digits += Math.floor(1 + this.#clock.random() * 0xffff_fffe)
        .toString(16)
        .padStart(8, "0");
    return digits;
  }
}

/** After its end nothing changes it any more. */
class MemorySpan implements ReadableSpan {
  readonly name: string;
  readonly kind: SpanKind;
  readonly startTime: HrTime;
  readonly parentSpanContext: SpanContext | undefined;
  readonly attributes: Attributes;
  readonly links: Link[];
  duration: HrTime = [0, 0];
  ended = false;
  status: SpanStatus = { code: SpanStatusCode.UNSET };
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
    this.attributes = { ...attributes };
    this.links = [...(links ?? [])];
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
    if (!this.ended) this.links.push(...links);
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
