/** What the log says of an informer in trouble: each trouble once, and its end. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { SharedInformer, type InformerReport } from "../../runtime/cache/informer.ts";
import type { AttemptName } from "../../runtime/cache/reflector.ts";
import { informerReporter } from "../../runtime/host/observers.ts";
import { ApiClient } from "../../runtime/kube/client.ts";
import { EvenkeelError, type Code } from "../../runtime/kube/errors.ts";
import { ConfigMap } from "../../runtime/kube/kind.ts";
import { select } from "../../runtime/kube/query.ts";
import { createLogger } from "../../runtime/trace/logs.ts";
import { createMetrics } from "../../runtime/trace/metrics.ts";
import { inProcessTransport } from "../support/in-process-transport.ts";
import { VirtualClock } from "../support/virtual-clock.ts";

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
    const reporter = informerReporter(createMetrics({ version: "0" }), log, () => ["mirror"]);
    for (const report of reports) reporter.report(report, informer);
    assert.equal(lines.length, says.length, lines.join(""));
    for (const [i, words] of says.entries()) assert.ok(lines[i]?.includes(words) === true, `${lines[i]}`);
  });
}
