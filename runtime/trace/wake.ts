/** Why a key became ready. Data for people: it is not part of the key's identity and no function sees it. */
import type { SpanContext } from "@opentelemetry/api";

export interface Wake {
  readonly what: "source" | "child" | "read" | "retry" | "requeue" | "config" | "function";
  readonly change?: "listed" | "added" | "modified" | "deleted" | undefined;
  /** What changed: `v1/ConfigMap default/settings`. */
  readonly object?: string | undefined;
  /** The read that the change touched, as printed by formatQuery. */
  readonly query?: string | undefined;
  /** Our own write that made the change: it becomes a link. */
  readonly cause?: Cause | undefined;
}

/** The span of the write; a promise while the write is not answered: whether it was ours that made the change is not known yet. */
type Cause = SpanContext | Promise<SpanContext | undefined>;

/** One phrase: `source added`, `child deleted v1/ConfigMap team-a/settings`. */
export function wakeReason({ what, change, object, query }: Wake): string {
  let reason: string = what;
  if (change !== undefined) reason += ` ${change}`;
  // The source is the key itself: naming it again says nothing.
  if (object !== undefined && what !== "source") reason += ` ${object}`;
  if (query !== undefined) reason += ` (${query})`;
  return reason;
}
