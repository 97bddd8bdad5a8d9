import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { createMetrics, type Metrics } from "../../runtime/trace/metrics.ts";
import { parseMetrics, samplesOf, type Family } from "./metrics-page.ts";

const reconcileSeconds =
  "0.005 0.01 0.025 0.05 0.1 0.15 0.2 0.25 0.3 0.35 0.4 0.45 0.5 0.6 0.7 0.8 0.9 1 1.25 1.5 1.75 2 2.5 3 3.5 4 4.5 5 6 7 8 9 10 15 20 25 30 40 50 60";
const queueSeconds = "1e-8 1e-7 0.000001 0.00001 0.0001 0.001 0.01 0.1 1 10 100 1000";
const restSeconds = "0.005 0.025 0.1 0.25 0.5 1 2 4 8 15 30 60";

/** Names, types, labels and buckets as controller-runtime 0.25 and client-go have them; then our own. */
const page: readonly {
  readonly name: string;
  readonly type: string;
  readonly labels: string;
  readonly buckets?: string;
}[] = [
  { name: "controller_runtime_reconcile_total", type: "counter", labels: "controller result" },
  { name: "controller_runtime_reconcile_errors_total", type: "counter", labels: "controller" },
  { name: "controller_runtime_terminal_reconcile_errors_total", type: "counter", labels: "controller" },
  { name: "controller_runtime_reconcile_panics_total", type: "counter", labels: "controller" },
  { name: "controller_runtime_reconcile_timeouts_total", type: "counter", labels: "controller" },
  {
    name: "controller_runtime_reconcile_time_seconds",
    type: "histogram",
    labels: "controller",
    buckets: reconcileSeconds,
  },
  { name: "controller_runtime_max_concurrent_reconciles", type: "gauge", labels: "controller" },
  { name: "controller_runtime_active_workers", type: "gauge", labels: "controller" },
  { name: "workqueue_depth", type: "gauge", labels: "controller name priority" },
  { name: "workqueue_adds_total", type: "counter", labels: "controller name" },
  { name: "workqueue_queue_duration_seconds", type: "histogram", labels: "controller name", buckets: queueSeconds },
  { name: "workqueue_work_duration_seconds", type: "histogram", labels: "controller name", buckets: queueSeconds },
  { name: "workqueue_unfinished_work_seconds", type: "gauge", labels: "controller name" },
  { name: "workqueue_longest_running_processor_seconds", type: "gauge", labels: "controller name" },
  { name: "workqueue_retries_total", type: "counter", labels: "controller name" },
  { name: "leader_election_master_status", type: "gauge", labels: "name" },
  { name: "certwatcher_read_certificate_total", type: "counter", labels: "" },
  { name: "certwatcher_read_certificate_errors_total", type: "counter", labels: "" },
  { name: "rest_client_requests_total", type: "counter", labels: "code host method" },
  { name: "rest_client_request_duration_seconds", type: "histogram", labels: "host verb", buckets: restSeconds },
  { name: "process_cpu_seconds_total", type: "counter", labels: "" },
  { name: "process_resident_memory_bytes", type: "gauge", labels: "" },
  { name: "process_start_time_seconds", type: "gauge", labels: "" },
  { name: "evenkeel_writes_total", type: "counter", labels: "controller result verb" },
  { name: "evenkeel_conflicts", type: "gauge", labels: "controller" },
  { name: "evenkeel_function_errors_total", type: "counter", labels: "code controller" },
  { name: "evenkeel_function_thread_faults_total", type: "counter", labels: "controller" },
  { name: "evenkeel_function_last_success_age_seconds", type: "gauge", labels: "controller" },
  { name: "evenkeel_function_suspended", type: "gauge", labels: "controller" },
  { name: "evenkeel_blocked", type: "gauge", labels: "controller reason" },
  { name: "evenkeel_deletions_held", type: "gauge", labels: "name" },
  { name: "evenkeel_problems", type: "gauge", labels: "" },
  { name: "evenkeel_informer_synced", type: "gauge", labels: "name" },
  { name: "evenkeel_informer_objects", type: "gauge", labels: "name" },
  { name: "evenkeel_informer_last_event_age_seconds", type: "gauge", labels: "name" },
  { name: "reflector_lists_total", type: "counter", labels: "name" },
  { name: "reflector_watches_total", type: "counter", labels: "name" },
  { name: "reflector_errors_total", type: "counter", labels: "code name" },
  { name: "evenkeel_build_info", type: "gauge", labels: "node version" },
  { name: "evenkeel_functions_loaded", type: "gauge", labels: "" },
  { name: "evenkeel_spans_dropped_total", type: "counter", labels: "" },
  { name: "evenkeel_span_export_errors_total", type: "counter", labels: "" },
];

suite("the metrics page", () => {
  for (const { name, type, labels, buckets } of page)
    test(`has ${name}: ${type} by ${labels === "" ? "nothing" : labels}`, async () => {
      const family = (await busyPage()).get(name);
      assert.equal(family?.type, type);
      assert.equal(labelNames(family), labels);
      if (buckets !== undefined) assert.equal(bucketsOf(family), `${buckets} +Inf`);
    });

  test("has no metric besides these", async () => {
    assert.deepEqual([...(await busyPage()).keys()].toSorted(), page.map(({ name }) => name).toSorted());
  });

  test("is served as the Prometheus text format", () =>
    assert.match(world().metrics.contentType, /^text\/plain; version=0\.0\.4/));
});

suite("reads of a certificate", () => {
  test("are there at zero, and errors are reads too, in the words of controller-runtime", async () => {
    const { metrics } = world();
    const read = async (): Promise<readonly string[]> =>
      (await metrics.text()).split("\n").filter((line) => line.includes("certwatcher") && !line.startsWith("# TYPE"));
    const [total, errors] = ["certwatcher_read_certificate_total", "certwatcher_read_certificate_errors_total"];
    const help = [`# HELP ${total} Total number of certificate reads`];
    const helpOfErrors = [`# HELP ${errors} Total number of certificate read errors`];
    assert.deepEqual(await read(), [...help, `${total} 0`, ...helpOfErrors, `${errors} 0`]);
    metrics.certificateRead(true);
    metrics.certificateRead(false);
    assert.deepEqual(await read(), [...help, `${total} 2`, ...helpOfErrors, `${errors} 1`]);
  });
});

suite("a function's series", () => {
  test("are all there at zero before its first reconcile", async () => {
    const { metrics, samples } = world();
    metrics.controller("mirror");
    metrics
      .function("mirror")
      .attach(() => ({ faultCount: 0, isSuspended: false, failingMs: 0, conflictCount: 0, blocked: new Map() }));
    metrics.workqueue("mirror");
    const found = await samples();
    for (const result of ["success", "error", "requeue", "requeue_after"])
      assert.equal(found.get(`controller_runtime_reconcile_total{controller="mirror",result="${result}"}`), 0);
    const counters = page.filter(({ name, labels }) => labels === "controller" && name.endsWith("_total"));
    for (const { name } of counters) assert.equal(found.get(`${name}{controller="mirror"}`), 0, name);
    assert.equal(found.get('controller_runtime_reconcile_time_seconds_count{controller="mirror"}'), 0);
    for (const name of ["adds_total", "retries_total", "queue_duration_seconds_count", "work_duration_seconds_count"])
      assert.equal(found.get(`workqueue_${name}{controller="mirror",name="mirror"}`), 0, name);
  });

  test("are gone when it is removed, and those of others stay", async () => {
    const { metrics, samples } = world();
    for (const name of ["mirror", "other"]) {
      const all = busy(metrics, name);
      if (name === "mirror") for (const each of all) each.close();
    }
    const found = [...(await samples()).keys()];
    assert.deepEqual(
      found.filter((key) => key.includes("mirror")),
      [],
    );
    assert.ok(found.filter((key) => key.includes("other")).length > 80);
  });

  test("start at zero again when it comes back", async () => {
    const { metrics, samples } = world();
    busy(metrics, "mirror")[0].close();
    metrics.controller("mirror");
    assert.equal((await samples()).get('controller_runtime_reconcile_total{controller="mirror",result="error"}'), 0);
  });
});

const plain = { isTerminal: false, isPanic: false, isTimeout: false };

suite("a reconcile", () => {
  const rows = [
    { observation: { result: "success" }, counts: { success: 1 } },
    { observation: { result: "requeue_after" }, counts: { requeue_after: 1 } },
    { observation: { result: "error" }, counts: { error: 1, errors: 1 } },
    { observation: { result: "error", isTerminal: true }, counts: { error: 1, errors: 1, terminal: 1 } },
    { observation: { result: "error", isPanic: true }, counts: { error: 1, errors: 1, panics: 1 } },
    { observation: { result: "error", isTimeout: true }, counts: { error: 1, errors: 1, timeouts: 1 } },
  ] as const;
  for (const { observation, counts } of rows)
    test(`that ends as ${JSON.stringify(observation)} counts as ${Object.keys(counts).join(", ")}`, async () => {
      const { metrics, samples } = world();
      const controller = metrics.controller("m");
      controller.started();
      assert.equal((await samples()).get('controller_runtime_active_workers{controller="m"}'), 1);
      controller.ended({ ...plain, ...observation, durationMs: 120 });
      const found = await samples();
      const value = (name: string, labels = ""): number | undefined =>
        found.get(`controller_runtime_${name}{controller="m"${labels}}`);
      const seen = {
        success: value("reconcile_total", ',result="success"'),
        requeue_after: value("reconcile_total", ',result="requeue_after"'),
        error: value("reconcile_total", ',result="error"'),
        errors: value("reconcile_errors_total"),
        terminal: value("terminal_reconcile_errors_total"),
        panics: value("reconcile_panics_total"),
        timeouts: value("reconcile_timeouts_total"),
      };
      const none = { success: 0, requeue_after: 0, error: 0, errors: 0, terminal: 0, panics: 0, timeouts: 0 };
      assert.deepEqual(seen, { ...none, ...counts });
      assert.equal(value("active_workers"), 0);
      assert.equal(value("reconcile_time_seconds_bucket", ',le="0.1"'), 0);
      assert.equal(value("reconcile_time_seconds_bucket", ',le="0.15"'), 1);
      assert.equal(value("reconcile_time_seconds_sum"), 0.12);
    });
});

suite("a function's cell", () => {
  test("is asked at each scrape how many threads it lost and whether it is suspended", async () => {
    const { metrics, samples } = world();
    const cell = {
      faultCount: 2,
      isSuspended: true,
      failingMs: 1_500,
      conflictCount: 0,
      blocked: new Map<string, number>(),
    };
    metrics.function("m").attach(() => cell);
    await metrics.text();
    cell.faultCount = 3;
    const faults = 'evenkeel_function_thread_faults_total{controller="m"}';
    assert.equal((await samples()).get(faults), 3, "not a sum over scrapes");
    assert.equal((await samples()).get('evenkeel_function_suspended{controller="m"}'), 1);
    assert.equal((await samples()).get('evenkeel_function_last_success_age_seconds{controller="m"}'), 1.5);
    cell.isSuspended = false;
    assert.equal((await samples()).get('evenkeel_function_suspended{controller="m"}'), 0);
  });

  test("is asked at each scrape what it cannot write, by reason", async () => {
    const { metrics, samples } = world();
    const blocked = new Map([["denied", 2]]);
    metrics
      .function("m")
      .attach(() => ({ faultCount: 0, isSuspended: false, failingMs: 0, conflictCount: 0, blocked }));
    const denied = 'evenkeel_blocked{controller="m",reason="denied"}';
    assert.equal((await samples()).get(denied), 2);
    blocked.set("denied", 0);
    assert.equal((await samples()).get(denied), 0);
  });

  test("whose reconciles fail has them counted by code", async () => {
    const { metrics, samples } = world();
    const cell = metrics.function("m");
    for (const code of ["FUNCTION_TIMED_OUT", "FUNCTION_CRASHED", "FUNCTION_TIMED_OUT"]) cell.failed(code);
    const found = await samples();
    assert.equal(found.get('evenkeel_function_errors_total{code="FUNCTION_TIMED_OUT",controller="m"}'), 2);
    assert.equal(found.get('evenkeel_function_errors_total{code="FUNCTION_CRASHED",controller="m"}'), 1);
  });
});

suite("a workqueue", () => {
  const q = 'controller="m",name="m"';

  test("shows depth and unfinished work as the queue tells them at the scrape", async () => {
    const { metrics, samples } = world();
    const state = { high: 3, low: 7, totalMs: 5_000, longestMs: 4_000 };
    metrics.workqueue("m").attach({ depth: (priority) => state[priority], unfinishedWork: () => state });
    let found = await samples();
    assert.equal(found.get(`workqueue_depth{${q},priority="0"}`), 3);
    assert.equal(found.get(`workqueue_depth{${q},priority="-100"}`), 7);
    assert.equal(found.get(`workqueue_unfinished_work_seconds{${q}}`), 5);
    assert.equal(found.get(`workqueue_longest_running_processor_seconds{${q}}`), 4);
    state.high = 0;
    state.totalMs = 0;
    found = await samples();
    assert.equal(found.get(`workqueue_depth{${q},priority="0"}`), 0);
    assert.equal(found.get(`workqueue_unfinished_work_seconds{${q}}`), 0);
  });

  test("sorts waiting and working times into buckets of seconds", async () => {
    const { metrics, samples } = world();
    const queue = metrics.workqueue("m");
    queue.taken(5);
    queue.done(2_000);
    const found = await samples();
    assert.equal(found.get('workqueue_queue_duration_seconds_bucket{controller="m",le="0.001",name="m"}'), 0);
    assert.equal(found.get('workqueue_queue_duration_seconds_bucket{controller="m",le="0.01",name="m"}'), 1);
    assert.equal(found.get(`workqueue_work_duration_seconds_sum{${q}}`), 2);
  });
});

suite("values read at the scrape", () => {
  test("spans lost and exports failed are those of now, not a sum over scrapes", async () => {
    const spans = { droppedSpanCount: 3, exportErrorCount: 1 };
    const metrics = createMetrics({ version: "1", spans });
    await metrics.text();
    spans.droppedSpanCount = 7;
    const found = samplesOf(await metrics.text());
    assert.equal(found.get("evenkeel_spans_dropped_total"), 7);
    assert.equal(found.get("evenkeel_span_export_errors_total"), 1);
  });

  test("an informer is asked for its size and age at each scrape, and is silent about an age it does not know", async () => {
    const { metrics, samples } = world();
    const gauges = { ...young };
    const informer = metrics.informer("v1/ConfigMap */*", gauges);
    const age = 'evenkeel_informer_last_event_age_seconds{name="v1/ConfigMap */*"}';
    assert.equal((await samples()).get(age), undefined);
    gauges.lastEventAgeMs = 90_000;
    assert.equal((await samples()).get(age), 90);
    assert.equal((await samples()).get('evenkeel_informer_objects{name="v1/ConfigMap */*"}'), 3);
    informer.close();
    assert.deepEqual(
      [...(await samples()).keys()].filter((key) => key.includes("ConfigMap")),
      [],
    );
  });

  test("an informer is asked whether it has ever been filled, and whether it holds deletions", async () => {
    const { metrics, samples } = world();
    const gauges = { ...young };
    metrics.informer("q", gauges);
    const both = async () => {
      const found = await samples();
      return ["informer_synced", "deletions_held"].map((name) => found.get(`evenkeel_${name}{name="q"}`));
    };
    assert.deepEqual(await both(), [0, 0]);
    gauges.hasSynced = true;
    gauges.deletionsHeld = "relist of q lost 20 objects";
    assert.deepEqual(await both(), [1, 1]);
  });

  test("an informer that comes to its end after the next one of its query has begun takes nothing of that with it", async () => {
    const { metrics, samples } = world();
    const former = metrics.informer("q", { ...young, lastEventAgeMs: 0 });
    former.listed();
    former.failed("API_UNREACHABLE");
    const next = metrics.informer("q", { ...young, store: { size: 5 }, lastEventAgeMs: 1_000 });
    former.close();
    let found = await samples();
    assert.equal(found.get('evenkeel_informer_objects{name="q"}'), 5);
    assert.equal(found.get('evenkeel_informer_last_event_age_seconds{name="q"}'), 1);
    assert.equal(found.get('reflector_lists_total{name="q"}'), 1, "a counter goes on");
    next.close();
    found = await samples();
    assert.deepEqual(
      [...found.keys()].filter((key) => key.includes('name="q"')),
      [],
    );
  });

  test("a request without an answer has the code that client-go gives it", async () => {
    const { metrics, samples } = world();
    metrics.restClient().answered({ method: "GET", host: "h", durationMs: 3 });
    assert.equal((await samples()).get('rest_client_requests_total{code="<error>",host="h",method="GET"}'), 1);
  });

  test("a lease is at 0 until this replica leads", async () => {
    const { metrics, samples } = world();
    const lease = metrics.lease("evenkeel");
    const status = 'leader_election_master_status{name="evenkeel"}';
    assert.equal((await samples()).get(status), 0);
    lease.leading(true);
    assert.equal((await samples()).get(status), 1);
    lease.leading(false);
    assert.equal((await samples()).get(status), 0);
  });
});

/** An informer that the server has not said anything to. */
const young = {
  store: { size: 3 },
  lastEventAgeMs: undefined as number | undefined,
  hasSynced: false,
  deletionsHeld: undefined as string | undefined,
};

function world() {
  const metrics = createMetrics({ version: "0.1.0" });
  return { metrics, samples: async () => samplesOf(await metrics.text()) };
}

async function busyPage(): Promise<ReadonlyMap<string, Family>> {
  const { metrics } = world();
  busy(metrics, "mirror");
  const informer = metrics.informer("v1/ConfigMap */* [mirror=true]", { ...young, lastEventAgeMs: 0 });
  informer.failed("API_EXPIRED");
  metrics.restClient().answered({ status: 200, method: "GET", host: "127.0.0.1:6443", durationMs: 3 });
  metrics.lease("evenkeel");
  metrics.functionsLoaded(2);
  metrics.problems(0);
  return parseMetrics(await metrics.text());
}

function busy(metrics: Metrics, name: string) {
  const controller = metrics.controller(name);
  controller.maxConcurrent(4);
  controller.started();
  controller.ended({ ...plain, result: "error", durationMs: 3 });
  controller.wrote("create", "ok");
  const cell = metrics.function(name);
  cell.attach(() => ({
    faultCount: 1,
    isSuspended: true,
    failingMs: 0,
    conflictCount: 0,
    blocked: new Map([["denied", 1]]),
  }));
  cell.failed("FUNCTION_TIMED_OUT");
  const queue = metrics.workqueue(name);
  queue.added();
  queue.attach({ depth: () => 3, unfinishedWork: () => ({ totalMs: 1, longestMs: 1 }) });
  queue.taken(1);
  queue.retried();
  return [controller, cell, queue] as const;
}

function labelNames(family: Family | undefined): string {
  const names = new Set<string>();
  for (const key of family?.samples.keys() ?? [])
    for (const [, name] of key.matchAll(/[{,](\w+)="/g)) if (name !== undefined && name !== "le") names.add(name);
  return [...names].toSorted().join(" ");
}

function bucketsOf(family: Family | undefined): string {
  const bounds = [...(family?.samples.keys() ?? [])].flatMap((key) => /le="([^"]+)"/.exec(key)?.[1] ?? []);
  return [...new Set(bounds)].join(" ");
}
