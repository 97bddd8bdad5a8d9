/** Headers of an answer, as undici hands them out and as everybody else sees them. */
import type { TransportResponse } from "./transport.ts";

export type ReceivedHeaders = Readonly<Record<string, string | string[] | undefined>>;

/** Headers that came more than once, joined as RFC 9110 §5.3 allows; nearly always none, and then nothing is copied. */
export function joined(headers: ReceivedHeaders): TransportResponse["headers"] {
  if (areSingle(headers)) return headers;
  const single: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) single[name] = Array.isArray(value) ? value.join(", ") : value;
  }
  return single;
}

function areSingle(headers: ReceivedHeaders): headers is Record<string, string> {
  for (const name in headers) if (typeof headers[name] !== "string") return false;
  return true;
}
