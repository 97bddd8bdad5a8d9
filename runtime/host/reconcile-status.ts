/** One reconcile in a line of the status page, read back from its trace. */
import { meanings, type Code } from "../kube/errors.ts";
import { attributes } from "../trace/names.ts";
import type { RecentTraces, SpanNode, TraceSummary } from "../trace/recent.ts";
import { traceUrl, type TraceLink } from "./trace-link.ts";

export interface ReconcileStatus extends TraceSummary {
  /** Writes that were carried out, by verb: `{ create: 2 }`. */
  readonly writes: Readonly<Record<string, number>>;
  /** Writes that the server refused or that met a conflict. */
  readonly failedWriteCount: number;
  /** What to do about `code`. */
  readonly next: string | undefined;
  /** Where its trace is shown; undefined when the host was told of no such place. */
  readonly traceUrl: string | undefined;
}

export function reconcileStatus(
  summary: TraceSummary,
  { recent, traceLink }: { readonly recent: Pick<RecentTraces, "get">; readonly traceLink: TraceLink | undefined },
): ReconcileStatus {
  const spans = recent.get(summary.traceId)?.root.children ?? [];
  const writes: Record<string, number> = {};
  let failedWriteCount = 0;
  for (const span of spans) {
    const verb = verbOf(span);
    if (verb === undefined) continue;
    if (span.attributes[attributes.result] === "ok") writes[verb] = (writes[verb] ?? 0) + 1;
    else failedWriteCount++;
  }
  return {
    ...summary,
    writes,
    failedWriteCount,
    next: nextStep(summary.code),
    traceUrl: traceLink && traceUrl(traceLink, summary.traceId),
  };
}

/** The verb of a span that is a write; what is read, and Events, are no writes of the function's. */
function verbOf({ attributes: given }: SpanNode): string | undefined {
  const verb = given[attributes.verb];
  if (typeof verb !== "string" || READS.has(verb) || given[attributes.kind] === EVENT) return undefined;
  return verb;
}

const READS: ReadonlySet<string> = new Set(["get", "list"]);
const EVENT = "events.k8s.io/v1/Event";

function nextStep(code: string | undefined): string | undefined {
  return code !== undefined && Object.hasOwn(meanings, code) ? meanings[code as Code].next : undefined;
}
