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
  request: (verb: string, kind: string) => `${verb} ${kind}`,
  /** The function asked again, with what the API server says, before anything is deleted. */
  secondLook: "second look",
  /** From the last answer until the cache shows what was written: the key does not run meanwhile. */
  waitForCache: "wait for cache",
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
  /** The API server's own attribute name: the same search finds both sides. `TRACE-SPAN`, of the span that has it. */
  auditId: "audit-id",

  /** Reasons, first come first; at most `MAX_LISTED`. */
  wakes: "evenkeel.wakes",
  wakeCount: "evenkeel.wake.count",
  /** On a link: what the linked span has to do with this one. To the write that woke this run, to the run that put it off. */
  wake: "evenkeel.wake",
  queuedMs: "evenkeel.queued_ms",
  priority: "evenkeel.priority",
  /** 0 for the first try, then 1, 2, … until a try succeeds. */
  attempt: "evenkeel.attempt",

  /** `QUERY → COUNT`; at most `MAX_LISTED`. */
  reads: "evenkeel.reads",
  readCount: "evenkeel.read.count",
  restarts: "evenkeel.run.restarts",
  isReused: "evenkeel.run.reused",
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
  /** `VERB OBJECT: REASON` of what is wanted and not sent now; at most `MAX_LISTED`. */
  planWaits: "evenkeel.plan.waits",
  dryRun: "evenkeel.dry_run",

  /** Of the deletions in question, how many the live cluster bears out. */
  confirmed: "evenkeel.second_look.confirmed",
  doubted: "evenkeel.second_look.doubted",
  /** Reads that another key's request had just answered: there is a link to it instead of a span. */
  sharedReads: "evenkeel.second_look.shared",

  /** The objects that the cache had not shown yet; at most `MAX_LISTED`. */
  awaited: "evenkeel.awaited",
  awaitedCount: "evenkeel.awaited.count",

  verb: "evenkeel.verb",
  /** Of a list: the query that it answers. */
  query: "evenkeel.query",
  /** Of a read outside the cache: what it is to find out. */
  asks: "evenkeel.asks",
  /** Of a Kubernetes Event: its reason. */
  eventReason: "evenkeel.event.reason",
  result: "evenkeel.result",
  outcome: "evenkeel.outcome",
  code: "evenkeel.code",
  /** The server's word for a refusal: metav1.StatusReason. */
  statusReason: "evenkeel.status.reason",
  requeueAfterMs: "evenkeel.requeue_after_ms",
} as const;

/** How many wakes, links, reads or objects one span lists; the counts tell the whole. */
export const MAX_LISTED = 32;
