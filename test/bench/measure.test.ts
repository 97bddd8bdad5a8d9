/** What is read from others: the line of `load`, the files of /proc. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";

import { measuresOf, perCopy } from "./measure.ts";
import { readReport } from "./report.ts";
import { failed, reportOf, scenarioOf } from "./reports.ts";
import { cpuTicks, statusField, type Threads, usedBetween } from "./usage.ts";

const least = { controller_cpu_s: 0.2, rss_mib: 60, anon_mib: 40, peak_rss_mib: 70 };

suite("a line of load", () => {
  test("gives each figure by its key, writes and refusals of all verbs together", () => {
    const edit = {
      ...least,
      first_copy_ms: { n: 5, p50: 8, p90: 9, p99: 10, max: 11 },
      last_copy_ms: { n: 5, p50: 40, p90: 50, p99: 60, max: 70 },
      writes: { PUT: 400, DELETE: 1 },
      refused: { "PUT 409": 3 },
    };
    const { first_copy_p50_ms, last_copy_p50_ms, last_copy_p99_ms, writes, refused, wall_s } = measuresOf(
      JSON.stringify(edit),
    );
    assert.deepEqual([first_copy_p50_ms, last_copy_p50_ms, last_copy_p99_ms, writes, refused], [8, 40, 60, 401, 3]);
    assert.equal(wall_s, undefined, "what a scenario does not measure is absent, not 0");
  });

  test("that is something else is an error", () => {
    assert.throws(() => measuresOf("{}"));
    assert.throws(() => measuresOf("not ready"));
  });
});

test("a copy's cost is the fan-out's without the start's", () => {
  const [idle, busy] = [
    { ready_s: 1, controller_cpu_s: 0.5, rss_mib: 200 },
    { wall_s: 3, controller_cpu_s: 0.7, rss_mib: 300 },
  ];
  const { wall_per_copy_ms, cpu_per_copy_ms, rss_mib } = perCopy(idle, busy, { sources: 10, namespaces: 4 });
  assert.equal(wall_per_copy_ms, 50);
  assert.equal(cpu_per_copy_ms?.toFixed(6), "5.000000");
  assert.equal(rss_mib, 300);
});

suite("/proc", () => {
  test("CPU time is found behind a name that holds brackets and blanks", () => {
    const stat = "42 (a) b (c)) S 1 42 42 0 -1 4194560 2593 0 0 0 17 5 0 0 20 0 11 0 9022 62";
    assert.equal(cpuTicks(stat), 22);
  });

  test("a field of status is not one whose name ends alike", () => {
    const status = "VmHWM:\t  900 kB\nnonvoluntary_ctxt_switches:\t7\nvoluntary_ctxt_switches:\t12\n";
    assert.equal(statusField(status, "voluntary_ctxt_switches"), 12);
    assert.equal(statusField(status, "VmHWM"), 900);
  });

  test("what threads used is counted one by one: new ones from zero, ended ones not backwards", () => {
    const before = threads({ 1: 100, 2: 50 });
    assert.deepEqual(usedBetween(before, threads({ 1: 110, 3: 5 })), { cpuMs: 30, switches: 15 });
  });
});

test("a report that was written can be read again; anything else is an error", () => {
  const report = reportOf(scenarioOf({ evenkeel: [1, failed], peer: [] }));
  assert.deepEqual(readReport(JSON.stringify(report)), report);
  assert.throws(() => readReport('{"scenarios":[]}'));
});

/** Each with so many switches, and twice as many milliseconds. */
function threads(switches: Readonly<Record<string, number>>): Threads {
  return new Map(Object.entries(switches).map(([id, count]) => [id, { cpuMs: count * 2, switches: count }]));
}
