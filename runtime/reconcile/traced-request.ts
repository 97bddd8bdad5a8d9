/** A request and its span: begun before it is sent, ended by what the API server says. What went wrong is thrown on. */
import type { SpanContext } from "@opentelemetry/api";
import type { Api, ReadOptions } from "../kube/api.ts";
import { codeOf, EvenkeelError, type Code } from "../kube/errors.ts";
import { kindKey, type Kind } from "../kube/kind.ts";
import { objectKey, type ObjectName, type StoredObject } from "../kube/object.ts";
import type { RequestEnd, RequestResult, Requests, RequestSpan, RequestStart } from "../trace/request-span.ts";

export interface Traced<T> {
  readonly answer: T;
  /** Of the request's span. */
  readonly context: SpanContext;
}

/**
 * @param send is given the headers that the request must carry.
 * @param endOf what an answer means, where it is not simply that all is well.
 */
export async function tracedRequest<T>(
  requests: Requests,
  start: RequestStart,
  send: (headers: RequestSpan["headers"]) => Promise<T>,
  endOf: (answer: T) => RequestEnd = () => ({ result: "ok" }),
): Promise<Traced<T>> {
  const span = requests.request(start);
  try {
    const answer = await send(span.headers);
    span.end(endOf(answer));
    return { answer, context: span.context };
  } catch (error) {
    span.end(refused(error));
    throw error;
  }
}

interface Get {
  readonly kind: Kind;
  readonly name: ObjectName;
  readonly signal: AbortSignal;
  readonly part?: ReadOptions["part"];
  readonly asks?: RequestStart["asks"];
}

/**
 * A get outside the cache: an object that is not there is an answer like any other.
 * @param endOf what the object that is there means. @default that all is well
 */
export function tracedGet(
  api: Api,
  { kind, name, signal, part, asks }: Get,
  requests: Requests,
  endOf: (found: StoredObject) => RequestEnd = () => ({ result: "ok" }),
): Promise<Traced<StoredObject | undefined>> {
  return tracedRequest(
    requests,
    { verb: "get", kind: kindKey(kind), key: objectKey(name), asks },
    (headers) =>
      api.get(kind, name, { signal, headers, part }).catch((error: unknown) => {
        if (codeOf(error) === "API_NOT_FOUND") return undefined;
        throw error;
      }),
    (found) => (found === undefined ? { result: "not_found", status: 404 } : endOf(found)),
  );
}

/** How a request that was answered by an error ended. */
function refused(error: unknown): RequestEnd {
  const { httpCode, reason } = (error instanceof EvenkeelError ? error.status : undefined) ?? {};
  return { result: resultOf(error), status: httpCode, code: codeOf(error), reason };
}

export function resultOf(error: unknown): RequestResult {
  return RESULTS[codeOf(error)] ?? "error";
}

/** Refusals that are ordinary outcomes of working beside others: never an error in a trace. */
const RESULTS: Readonly<Partial<Record<Code, RequestResult>>> = {
  API_CONFLICT: "conflict",
  API_FIELD_TAKEN: "conflict",
  API_ALREADY_EXISTS: "conflict",
  API_NAMESPACE_TERMINATING: "terminating",
  API_NOT_FOUND: "not_found",
  API_FORBIDDEN: "denied",
  API_FENCED: "denied",
  LEASE_LOST: "aborted",
};
