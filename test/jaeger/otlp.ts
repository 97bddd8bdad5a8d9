/** Spans out of Jaeger's `/api/v3/traces`: OTLP as JSON, read into what tests and pictures look at. */
import { z } from "zod";

export type AttributeValue = string | number | boolean | readonly string[];
export type SpanAttributes = Readonly<Record<string, AttributeValue>>;

export interface JaegerSpan {
  /** `service.name` of who made it. */
  readonly service: string;
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  /** Undefined: a root. */
  readonly parentId: string | undefined;
  readonly kind: "internal" | "server" | "client" | "other";
  /** Nanoseconds since the Unix epoch. */
  readonly startNs: bigint;
  readonly endNs: bigint;
  readonly attributes: SpanAttributes;
  readonly links: readonly { readonly traceId: string; readonly spanId: string; readonly attributes: SpanAttributes }[];
  readonly status: "unset" | "ok" | "error";
  readonly statusMessage: string;
  /** Of the service: `service.version`, `host.name` … */
  readonly resource: SpanAttributes;
}

const Value = z.object({
  stringValue: z.string().optional(),
  boolValue: z.boolean().optional(),
  intValue: z.coerce.number().optional(),
  doubleValue: z.number().optional(),
  arrayValue: z.object({ values: z.array(z.object({ stringValue: z.string().default("") })).default([]) }).optional(),
});
const Attributes = z
  .array(z.object({ key: z.string(), value: Value }))
  .default([])
  .transform((pairs): SpanAttributes => Object.fromEntries(pairs.map(({ key, value }) => [key, plain(value)])));

const Span = z.object({
  traceId: z.string(),
  spanId: z.string(),
  parentSpanId: z.string().default(""),
  name: z.string(),
  kind: z.number().default(0),
  startTimeUnixNano: z.coerce.bigint(),
  endTimeUnixNano: z.coerce.bigint(),
  attributes: Attributes,
  links: z.array(z.object({ traceId: z.string(), spanId: z.string(), attributes: Attributes })).default([]),
  status: z.object({ code: z.number().default(0), message: z.string().default("") }).default({ code: 0, message: "" }),
});

const Answer = z.object({
  result: z
    .object({
      resourceSpans: z
        .array(
          z.object({
            resource: z.object({ attributes: Attributes }),
            scopeSpans: z.array(z.object({ spans: z.array(Span) })),
          }),
        )
        .default([]),
    })
    .default({ resourceSpans: [] }),
});

/** @param json the body of the answer; that of a trace that is not there has no spans. */
export function readOtlp(json: string): readonly JaegerSpan[] {
  return Answer.parse(JSON.parse(json)).result.resourceSpans.flatMap(({ resource, scopeSpans }) =>
    scopeSpans.flatMap(({ spans }) => spans.map((span) => read(span, resource.attributes))),
  );
}

/** Source: OTLP, trace.proto: SPAN_KIND_INTERNAL = 1, SERVER = 2, CLIENT = 3; STATUS_CODE_OK = 1, ERROR = 2. */
const KINDS = ["other", "internal", "server", "client"] as const;
const STATUSES = ["unset", "ok", "error"] as const;

function read(span: z.infer<typeof Span>, resource: SpanAttributes): JaegerSpan {
  const { name, traceId, spanId, parentSpanId, attributes, links, status } = span;
  return {
    service: String(resource["service.name"]),
    name,
    traceId,
    spanId,
    parentId: parentSpanId === "" ? undefined : parentSpanId,
    kind: KINDS[span.kind] ?? "other",
    startNs: span.startTimeUnixNano,
    endNs: span.endTimeUnixNano,
    attributes,
    links,
    status: STATUSES[status.code] ?? "unset",
    statusMessage: status.message,
    resource,
  };
}

function plain({ stringValue, boolValue, intValue, doubleValue, arrayValue }: z.infer<typeof Value>): AttributeValue {
  return (
    stringValue ?? boolValue ?? intValue ?? doubleValue ?? arrayValue?.values.map(({ stringValue: text }) => text) ?? ""
  );
}
