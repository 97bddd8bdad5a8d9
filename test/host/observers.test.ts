/** What logs and metrics say of a function and of an informer in trouble: each trouble once, and its end. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { SharedInformer, type InformerReport } from "../../runtime/cache/informer.ts";
import type { AttemptName } from "../../runtime/cache/reflector.ts";
import { functionObserver, informerReporter, suspensionReporter } from "../../runtime/host/observers.ts";
import { ApiClient } from "../../runtime/kube/client.ts";
import { EvenkeelError, type Code } from "../../runtime/kube/errors.ts";
import { ConfigMap } from "../../runtime/kube/kind.ts";
import { select } from "../../runtime/kube/query.ts";
import type { Cell, ThreadFaults } from "../../runtime/reconcile/cell/cell.ts";
import { Workqueue } from "../../runtime/queue/workqueue.ts";
import type { Report } from "../../runtime/reconcile/controller.ts";
import { createLogger } from "../../runtime/trace/logs.ts";
import { createMetrics } from "../../runtime/trace/metrics.ts";
import { inProcessTransport } from "../support/in-process-transport.ts";
import { VirtualClock } from "../support/virtual-clock.ts";
import { samplesOf } from "../trace/metrics-page.ts";

const failed = (what: string, code: Code = "API_UNREACHABLE", attempt: AttemptName = "watch"): InformerReport => ({
  type: "failed",
  failure: { attempt, error: new EvenkeelError(code, what), retryInMs: 800, next: "watch" },
});
const recovered: InformerReport = { type: "recovered" };
const listed: InformerReport = { type: "listed", objectCount: 1, changeCount: 0 };

const rows = [
  { name: "the same trouble is told once", reports: [failed("reset"), failed("reset")], says: ["reset"] },
  {
    name: "another trouble of the same code is told",
    reports: [failed("reset"), failed("certificate not trusted")],
    says: ["reset", "certificate not trusted"],
  },
  {
    name: "one that was never filled has nothing that could stay as it is",
    reports: [failed("reset")],
    says: ["the cache cannot be filled; what reads it waits"],
  },
  {
    name: "its end is told, and its return",
    reports: [failed("reset"), listed, failed("reset")],
    says: ["reset", "filled again", "reset"],
  },
  {
    name: "its end is told also without a list, and its return",
    reports: [failed("reset"), recovered, recovered, failed("reset")],
    says: ["reset", "up to date again", "reset"],
  },
  { name: "a list without trouble says nothing", reports: [listed, recovered], says: [] },
  {
    name: "a watch whose version has expired is told",
    reports: [failed("too old", "API_EXPIRED"), listed],
    says: ["taking a new list"],
  },
  { name: "a list that expired between two pages is not", reports: [failed("gone", "API_EXPIRED", "list")], says: [] },
];

for (const { name, reports, says } of rows) {
  test(`an informer's log: ${name}`, () => {
    const lines: string[] = [];
    const clock = new VirtualClock();
    const log = createLogger({ stream: { write: (line) => lines.push(line) }, clock, format: "json" });
    const transport = inProcessTransport(() => Promise.reject(new Error("nobody asks")));
    const informer = new SharedInformer({ api: new ApiClient({ transport, clock }), clock, query: select(ConfigMap) });
    const report = informerReporter(createMetrics({ version: "0" }), log, () => ["mirror"]);
    for (const each of reports) report(each, informer);
    assert.equal(lines.length, says.length, lines.join(""));
    for (const [i, words] of says.entries()) assert.ok(lines[i]?.includes(words) === true, `${lines[i]}`);
  });
}

/** A function that is at work, as it is seen. */
function observed(verbosity = 0) {
  const lines: string[] = [];
  const clock = new VirtualClock();
  const log = createLogger({ stream: { write: (line) => lines.push(line) }, clock, format: "json", verbosity });
  const metrics = createMetrics({ version: "0" });
  const observer = functionObserver("mirror", { clock, metrics, log, concurrency: 4 });
  const fail = (code: Code, key = "default/x"): void => {
    observer.controller.started();
    observer.controller.settled(reportOf(key, { error: new EvenkeelError(code, "mirror did it") }));
  };
  const succeed = (key: string, said?: Partial<Said>): void => observer.controller.settled(reportOf(key, said));
  const begin = (cell: { readonly threadFaults: ThreadFaults | undefined } = { threadFaults: undefined }): void =>
    observer.begins({ queue: new Workqueue({ clock }), blockedCounts: new Map(), conflictCount: 0 }, cell as Cell);
  begin();
  const sample = async (series: string): Promise<number | undefined> => samplesOf(await metrics.text()).get(series);
  return { observer, lines, log, clock, begin, fail, succeed, sample };
}

interface Said {
  readonly error: EvenkeelError | undefined;
  readonly requeueAfterMs: number | undefined;
  readonly isHindered: boolean;
}

function reportOf(key: string, { error, requeueAfterMs, isHindered = false }: Partial<Said> = {}): Report {
  const result = error === undefined ? "success" : "error";
  const settled = { result, error, isRetry: error !== undefined, written: [], own: undefined } as const;
  const woken = { wakes: [{ what: "retry" } as const], count: 1 };
  const told = { woken, requeueAfterMs, durationMs: 1, traceId: "0af7", conflictCount: 0, isHindered };
  return { key, settled, outcome: result, ...told };
}

/** Of a cell that ended so many threads and is not suspended. */
function threadFaultsOf(faultCount: number): ThreadFaults {
  const error = new EvenkeelError("FUNCTION_CRASHED", "mirror crashed");
  return { faultCount, error, suspendedForMs: undefined };
}

suite("the line of a reconcile", () => {
  const failure = new EvenkeelError("API_UNAVAILABLE", "create v1/ConfigMap");
  const cases = [
    { name: "says when the key runs again", error: undefined, says: 5_000 },
    { name: "says when a key runs again that failed", error: failure, says: 5_000 },
    { name: "says no time where only a change wakes the key", error: undefined, says: undefined },
  ];
  for (const { name, error, says } of cases)
    test(name, () => {
      const { observer, lines } = observed(4);
      observer.controller.settled(reportOf("default/x", { error, requeueAfterMs: says }));
      assert.equal((JSON.parse(lines[0] ?? "") as Record<string, unknown>)["requeueAfterMs"], says);
    });
});

suite("a function that fails", () => {
  const cases: readonly { readonly code: Code; readonly panics: number; readonly timeouts: number }[] = [
    { code: "FUNCTION_THREW", panics: 1, timeouts: 0 },
    { code: "FUNCTION_TIMED_OUT", panics: 1, timeouts: 1 },
    { code: "FUNCTION_OUT_OF_MEMORY", panics: 1, timeouts: 0 },
    { code: "FUNCTION_CRASHED", panics: 1, timeouts: 0 },
    { code: "FUNCTION_SUSPENDED", panics: 0, timeouts: 0 },
    { code: "API_FORBIDDEN", panics: 0, timeouts: 0 },
  ];
  for (const { code, panics, timeouts } of cases)
    test(`with ${code} counts as ${panics} panics and ${timeouts} timeouts, and by its code`, async () => {
      const { fail, sample } = observed();
      fail(code);
      assert.equal(await sample('controller_runtime_reconcile_panics_total{controller="mirror"}'), panics);
      assert.equal(await sample('controller_runtime_reconcile_timeouts_total{controller="mirror"}'), timeouts);
      assert.equal(await sample(`evenkeel_function_errors_total{code="${code}",controller="mirror"}`), 1);
    });

  test("for ten thousand keys is told in twenty lines", () => {
    const { fail, lines } = observed();
    for (let i = 0; i < 10_000; i++) fail("FUNCTION_THREW", `default/${i}`);
    assert.equal(lines.length, 20);
    assert.ok(lines.some((line) => line.includes("reconcile failed") && line.includes("default/9")));
  });

  test("for many keys is told in full to those who ask with -v 4", () => {
    const { fail, lines } = observed(4);
    for (let i = 0; i < 50; i++) fail("FUNCTION_THREW", `default/${i}`);
    assert.equal(lines.length, 100);
  });

  test("has its last failure remembered with key and time", async () => {
    const { fail, clock, observer } = observed();
    assert.equal(observer.lastFailure(), undefined);
    fail("FUNCTION_THREW", "default/a");
    await clock.advance(1_000);
    fail("FUNCTION_TIMED_OUT", "default/b");
    assert.deepEqual(observer.lastFailure(), { code: "FUNCTION_TIMED_OUT", key: "default/b", wallMs: clock.wall() });
  });

  test("shows in the metrics for how long the key that has failed longest has had no success", async () => {
    const { fail, succeed, clock, sample } = observed();
    const age = () => sample('evenkeel_function_last_success_age_seconds{controller="mirror"}');
    assert.equal(await age(), 0);
    fail("FUNCTION_THREW", "default/a");
    await clock.advance(2_000);
    fail("FUNCTION_THREW", "default/b");
    fail("FUNCTION_THREW", "default/a");
    succeed("default/c");
    await clock.advance(1_000);
    assert.equal(await age(), 3, "neither another try nor another key's success makes it younger");
    succeed("default/a", { isHindered: true });
    assert.equal(await age(), 3, "nor a run that left out what failed");
    succeed("default/a");
    assert.equal(await age(), 1);
    succeed("default/b");
    assert.equal(await age(), 0);
  });

  test("shows in the metrics how many threads it ended and that it is suspended", async () => {
    const { observer, begin, sample } = observed();
    const error = new EvenkeelError("FUNCTION_TIMED_OUT", "mirror did not return");
    const cell: { threadFaults: ThreadFaults | undefined } = { threadFaults: undefined };
    begin(cell);
    const suspended = 'evenkeel_function_suspended{controller="mirror"}';
    assert.equal(await sample(suspended), 0);
    cell.threadFaults = { faultCount: 4, error, suspendedForMs: 0 };
    assert.equal(await sample(suspended), 1);
    assert.equal(await sample('evenkeel_function_thread_faults_total{controller="mirror"}'), 4);
    observer.close();
    assert.equal(await sample(suspended), undefined);
  });

  test("has the threads that its former versions ended counted on; the same cell's are not counted twice", async () => {
    const { begin, sample } = observed();
    const faults = () => sample('evenkeel_function_thread_faults_total{controller="mirror"}');
    const first = { threadFaults: threadFaultsOf(3) };
    begin(first);
    begin(first);
    assert.equal(await faults(), 3, "another configuration");
    begin({ threadFaults: undefined });
    assert.equal(await faults(), 3, "another version");
    begin({ threadFaults: threadFaultsOf(2) });
    assert.equal(await faults(), 5);
  });

  test("begins anew with each version, but for what is counted", async () => {
    const { begin, fail, clock, observer, lines, sample } = observed();
    for (let i = 0; i < 12; i++) fail("FUNCTION_THREW", `default/${i}`);
    await clock.advance(1_000);
    lines.length = 0;
    begin();
    assert.match(lines.join(""), /more reconciles failed with the same code.*"count":2/);
    assert.equal(observer.lastFailure(), undefined);
    assert.equal(await sample('evenkeel_function_last_success_age_seconds{controller="mirror"}'), 0);
    lines.length = 0;
    fail("FUNCTION_THREW");
    assert.match(lines.join(""), /reconcile failed/, "told in full");
    assert.equal(await sample('evenkeel_function_errors_total{code="FUNCTION_THREW",controller="mirror"}'), 13);
  });

  test("is told to be suspended, and to be so no longer, by its name", () => {
    const { log, lines } = observed();
    const report = suspensionReporter(log);
    report("mirror", new EvenkeelError("FUNCTION_TIMED_OUT", "mirror did not return"));
    report("mirror", undefined);
    assert.match(
      lines[0] ?? "",
      /"function suspended.*"function":"mirror","error":"mirror did not return; take the loop/,
    );
    assert.match(lines[1] ?? "", /"function is no longer suspended","function":"mirror"/);
  });
});
