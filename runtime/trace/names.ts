/**
 * Every span name and attribute key that evenkeel writes. An attribute holds a kind, a name, a namespace, a count, a code or
 * a printed query; never a value out of an object. A test compares what is recorded with this list.
 */

/** Names stay few: what varies is an attribute. Only a function's name and a kind become part of a name. */
export const spanNames = {
  /** The root: one key, from ready to settled. */
  reconcile: (functionName: string) => `reconcile ${functionName}`,
  /** From ready to picked up by a worker. */
  queue: "queue",
  /** One call of the function, with the restarts that its reads needed. */
  run: (functionName: string) => `run ${functionName}`,
  /** Effects compared with what is there. */
  plan: "plan",
  /** One request to the API server: `create v1/ConfigMap`. */
  write: (verb: string, kind: string) => `${verb} ${kind}`,
} as const;

export const attributes = {
  function: "evenkeel.function",
  /** `NAMESPACE/NAME`, or `NAME` where the kind is cluster-scoped. */
  key: "evenkeel.key",
  kind: "evenkeel.kind",
  name: "evenkeel.name",
  /** Stable OpenTelemetry semantic conventions, 1.45. */
  namespace: "k8s.namespace.name",
  httpStatus: "http.response.status_code",
  /** The API server's own attribute name: the same search finds both sides. */
  auditId: "audit-id",

  /** Reasons, first come first; at most `MAX_LISTED`. */
  wakes: "evenkeel.wakes",
  wakeCount: "evenkeel.wake.count",
  /** On a link to the write that caused this run. */
  wake: "evenkeel.wake",
  queuedMs: "evenkeel.queued_ms",
  priority: "evenkeel.priority",
  /** 0 for the first try, then 1, 2, … until a try succeeds. */
  attempt: "evenkeel.attempt",

  /** `QUERY → COUNT`; at most `MAX_LISTED`. */
  reads: "evenkeel.reads",
  readCount: "evenkeel.read.count",
  restarts: "evenkeel.run.restarts",
  wantsChildren: "evenkeel.wants.children",
  wantsDeletions: "evenkeel.wants.deletions",
  wantsReleases: "evenkeel.wants.releases",
  wantsApplies: "evenkeel.wants.applies",
  wantsStatus: "evenkeel.wants.status",
  wantsEvents: "evenkeel.wants.events",
  wantsScales: "evenkeel.wants.scales",

  planCreates: "evenkeel.plan.creates",
  planUpdates: "evenkeel.plan.updates",
  planDeletes: "evenkeel.plan.deletes",
  planReleases: "evenkeel.plan.releases",
  planApplies: "evenkeel.plan.applies",
  planUnchanged: "evenkeel.plan.unchanged",
  planHeld: "evenkeel.plan.held",
  planBlocked: "evenkeel.plan.blocked",

  verb: "evenkeel.verb",
  result: "evenkeel.result",
  outcome: "evenkeel.outcome",
  code: "evenkeel.code",
  requeueAfterMs: "evenkeel.requeue_after_ms",
} as const;

/** How many wakes, links or reads one span lists; the counts tell the whole. */
export const MAX_LISTED = 32;
