/**
 * One request to the API server as a client span. Two headers travel with it: `traceparent`, for servers that trace too, and
 * `audit-id`, which the API server takes over: its audit log and its own spans then name the trace and the span that asked.
 */
import {
  SpanStatusCode,
  TraceFlags,
  type Attributes,
  type HrTime,
  type Span,
  type SpanContext,
} from "@opentelemetry/api";
import { attributes as keys } from "./names.ts";
import type { SpanTime } from "./span-time.ts";

export type Verb = "create" | "update" | "delete" | "apply" | "release" | "status" | "scale" | "get" | "list";

export interface RequestStart {
  readonly verb: Verb;
  /** `v1/ConfigMap` */
  readonly kind: string;
  /** `NAMESPACE/NAME`, or `NAME` where the kind is cluster-scoped. Absent: a list. */
  readonly key?: string | undefined;
  /** What a list asks for, as printed by formatQuery. */
  readonly query?: string | undefined;
  /** What a read outside the cache, or a dry run, is to find out. */
  readonly asks?: "is the name free?" | "whose is it?" | "may it be made?" | undefined;
  /** Of a Kubernetes Event that is created. */
  readonly eventReason?: string | undefined;
}

/** Conflicts and the like are what a level-triggered loop lives with: only `denied` and `error` mark a span as failed. */
export type RequestResult =
  | "ok"
  | "conflict"
  | "terminating"
  | "not_ours"
  | "not_found"
  | "denied"
  | "error"
  | "aborted";

export interface RequestEnd {
  /** The HTTP status, where it is known. */
  readonly status?: number | undefined;
  readonly result: RequestResult;
  /** The response header `audit-id`, where it may differ from the one that was sent. */
  readonly auditId?: string | undefined;
  readonly code?: string | undefined;
  /** metav1.StatusReason of a refusal. */
  readonly reason?: string | undefined;
}

export interface RequestSpan {
  /** To be sent with the request, and with no other. */
  readonly headers: { readonly traceparent: string; readonly "audit-id": string };
  readonly context: SpanContext;
  /** A second call does nothing. */
  end(end: RequestEnd): void;
}

/** Whatever requests are made for: a reconcile, a second look. */
export interface Requests {
  request(start: RequestStart): RequestSpan;
}

export function requestAttributes({ verb, kind, key, query, asks, eventReason }: RequestStart): Attributes {
  const attributes: Attributes = { [keys.verb]: verb, [keys.kind]: kind };
  if (key !== undefined) setKey(attributes, key);
  if (query !== undefined) attributes[keys.query] = query;
  if (asks !== undefined) attributes[keys.asks] = asks;
  if (isWord(eventReason)) attributes[keys.eventReason] = eventReason;
  return attributes;
}

/** @param span was started with {@link requestAttributes} */
export function requestSpan(span: Span, time: SpanTime): RequestSpan {
  const context = span.spanContext();
  const { traceId, spanId, traceFlags } = context;
  const flags = (traceFlags & TraceFlags.SAMPLED) === 0 ? "00" : "01";
  // 49 characters; the API server takes 64. Source: apiserver pkg/endpoints/filters/audit_init.go
  const auditId = `${traceId}-${spanId}`;
  span.setAttribute(keys.auditId, auditId);
  return {
    // W3C Trace Context, version 00.
    headers: { traceparent: `00-${auditId}-${flags}`, "audit-id": auditId },
    context,
    end: (end) => endRequest(span, end, time.now()),
  };
}

function endRequest(span: Span, { status, result, auditId, code, reason }: RequestEnd, at: HrTime): void {
  if (!span.isRecording()) return;
  span.setAttribute(keys.result, result);
  if (status !== undefined) span.setAttribute(keys.httpStatus, status);
  if (auditId !== undefined) span.setAttribute(keys.auditId, auditId);
  if (isWord(reason)) span.setAttribute(keys.statusReason, reason);
  if (result === "error" || result === "denied") fail(span, code ?? result);
  else if (code !== undefined) span.setAttribute(keys.code, code);
  span.end(at);
}

/** Webhooks and functions may put any text where a reason belongs; only what can be one is shown. */
function isWord(reason: string | undefined): reason is string {
  return reason !== undefined && /^[A-Za-z]{1,64}$/.test(reason);
}

/** `k8s.namespace.name` and `evenkeel.name` of a key. */
export function setKey(attributes: Attributes, key: string): void {
  const slash = key.indexOf("/");
  if (slash > 0) attributes[keys.namespace] = key.slice(0, slash);
  attributes[keys.name] = key.slice(slash + 1);
}

/** By code alone: a message may quote an object. */
export function fail(span: Span, code: string): void {
  span.setAttribute(keys.code, code);
  span.setStatus({ code: SpanStatusCode.ERROR, message: code });
}
