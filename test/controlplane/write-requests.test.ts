/** How the API server's counters are read. */
import assert from "node:assert/strict";
import { test } from "node:test";

import { parseWriteRequests, totalWrites } from "./write-requests.ts";

const METRICS = `# HELP apiserver_request_total [STABLE] Counter of apiserver requests.
# TYPE apiserver_request_total counter
${series({ code: "200", resource: "secrets", scope: "namespace", verb: "DELETE" })} 4
${series({ code: "200", resource: "secrets", scope: "resource", verb: "DELETE" })} 3
${series({ code: "200", resource: "secrets", scope: "resource", verb: "GET" })} 70
${series({ code: "0", resource: "secrets", scope: "cluster", verb: "WATCH" })} 9
${series({ code: "201", group: "apps", resource: "deployments", scope: "resource", verb: "APPLY", dry_run: "All" })} 2
${series({ code: "201", resource: "serviceaccounts", subresource: "token", scope: "resource", verb: "POST" })} 1.2e+06
apiserver_request_terminations_total{code="200",resource="secrets",scope="resource",verb="DELETE"} 8
`;

const row = { group: "", subresource: "", isDryRun: false };

test("reads the writes of every resource, and neither reads nor other metrics", () => {
  assert.deepEqual(parseWriteRequests(METRICS), [
    { ...row, verb: "DELETECOLLECTION", resource: "secrets", code: 200, count: 4 },
    { ...row, verb: "DELETE", resource: "secrets", code: 200, count: 3 },
    { ...row, verb: "APPLY", group: "apps", resource: "deployments", code: 201, isDryRun: true, count: 2 },
    { ...row, verb: "POST", resource: "serviceaccounts", subresource: "token", code: 201, count: 1_200_000 },
  ]);
});

test("adds rows up", () => {
  assert.equal(totalWrites(parseWriteRequests(METRICS).filter(({ resource }) => resource === "secrets")), 7);
  assert.equal(totalWrites([]), 0);
});

function series(labels: Readonly<Record<string, string>>): string {
  const all = { component: "apiserver", dry_run: "", group: "", subresource: "", version: "v1", ...labels };
  const pairs = Object.entries(all).map(([name, value]) => `${name}="${value}"`);
  return `apiserver_request_total{${pairs.join(",")}}`;
}
