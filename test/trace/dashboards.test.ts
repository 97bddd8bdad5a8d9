/** The metrics page as others see it: a parser of somebody else's, and the queries of the Kubebuilder Grafana boards. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import parsePrometheusTextFormat from "parse-prometheus-text-format";
import { createMetrics } from "../../runtime/trace/metrics.ts";
import { parseMetrics } from "./metrics-page.ts";

/** A page as it is at the start: two functions, and nothing has happened yet. */
async function startPage(): Promise<string> {
  const metrics = createMetrics({ version: "0.1.0" });
  for (const name of ["mirror", "cleanup-on-delete"]) {
    metrics.controller(name);
    const idle = { depth: () => 0, unfinishedWork: () => ({ totalMs: 0, longestMs: 0 }) };
    metrics.workqueue(name).attach(idle);
  }
  return metrics.text();
}

/** Each series that a board selects, with the labels that it groups by. Source: Kubebuilder testdata grafana/*.json */
const queried: readonly { readonly series: string; readonly by: readonly string[] }[] = [
  { series: "controller_runtime_active_workers", by: ["controller"] },
  { series: "controller_runtime_reconcile_total", by: ["controller", "result"] },
  { series: "controller_runtime_reconcile_errors_total", by: ["controller"] },
  { series: "workqueue_depth", by: ["name"] },
  { series: "workqueue_queue_duration_seconds_bucket", by: ["name", "le"] },
  { series: "workqueue_work_duration_seconds_bucket", by: ["name", "le"] },
  { series: "workqueue_adds_total", by: ["name"] },
  { series: "workqueue_retries_total", by: ["name"] },
  { series: "workqueue_unfinished_work_seconds", by: ["name"] },
  { series: "process_cpu_seconds_total", by: [] },
  { series: "process_resident_memory_bytes", by: [] },
];

suite("the Kubebuilder boards", () => {
  for (const { series, by } of queried) {
    test(`${series} is there from the start, by ${by.join(", ") || "nothing"}`, async () => {
      const samples = [...parseMetrics(await startPage()).values()].flatMap(({ samples }) => samples.keys().toArray());
      const found = samples.filter((sample) => sample.replace(/\{.*/, "") === series);
      assert.ok(found.length > 0, "no such series");
      for (const sample of found) for (const label of by) assert.match(sample, new RegExp(`[{,]${label}="`));
    });
  }
});

test("a parser of somebody else's reads every family of the page, by name and type", async () => {
  const page = await startPage();
  const theirs = parsePrometheusTextFormat(page).map(({ name, type }) => `${name} ${type.toLowerCase()}`);
  const ours = [...parseMetrics(page)].map(([name, { type }]) => `${name} ${type}`);
  assert.deepEqual(theirs.toSorted(), ours.toSorted());
  assert.ok(ours.length > 15, `${ours.length} families`);
});
