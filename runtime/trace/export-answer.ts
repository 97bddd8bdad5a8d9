/**
 * What a collector answered with 200 may still mean that it took nothing, or not all. The exporters tell of it in
 * warnings alone, whose words are looked at here. Source: OTLPExportDelegate in @opentelemetry/otlp-exporter-base, and
 * the trace serializers in @opentelemetry/otlp-transformer, both 0.301.0.
 */

export type ExportAnswer =
  /** `rejectedCount` > 0: so many spans were refused. Else the collector has a remark. */
  | { readonly type: "partial"; readonly rejectedCount: number; readonly says: string }
  /** Something answered that is no collector: a login page, a proxy. */
  | { readonly type: "page" }
  /** Whoever does not keep to the protocol may have taken the spans. */
  | { readonly type: "unreadable"; readonly error: string };

/** @param words what the SDK's logger was given. @returns undefined where it is about something else. */
export function exportAnswer(words: readonly unknown[]): ExportAnswer | undefined {
  const [first, second] = words;
  if (first === "Received Partial Success response:") return partial(String(second));
  if (typeof first === "string" && first.startsWith("Failed to parse trace export response: "))
    return first.includes(": Unexpected token '<'") ? { type: "page" } : { type: "unreadable", error: first };
  // The first word is the name of who says it.
  if (typeof second !== "string" || !second.startsWith("Export succeeded but could not deserialize")) return undefined;
  const [, , error, body] = words;
  if (body instanceof Uint8Array && /^\s*</.test(Buffer.from(body.subarray(0, 64)).toString("latin1")))
    return { type: "page" };
  return { type: "unreadable", error: error instanceof Error ? error.message : second };
}

/** Of metrics and logs there is something else in it. */
function partial(json: string): ExportAnswer {
  const { rejectedSpans, errorMessage } = JSON.parse(json) as Readonly<Record<string, unknown>>;
  const rejectedCount = Number(rejectedSpans);
  return {
    type: "partial",
    rejectedCount: Number.isSafeInteger(rejectedCount) && rejectedCount > 0 ? rejectedCount : 0,
    says: typeof errorMessage === "string" ? errorMessage : "",
  };
}
