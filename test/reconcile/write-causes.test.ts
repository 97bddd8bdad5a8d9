/** Which of our writes a change comes from. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { SpanContext } from "@opentelemetry/api";
import type { Change } from "../../runtime/cache/store.ts";
import { ConfigMap } from "../../runtime/kube/kind.ts";
import type { StoredObject } from "../../runtime/kube/object.ts";
import { select } from "../../runtime/kube/query.ts";
import { WriteCauses } from "../../runtime/reconcile/write-causes.ts";
import { configMap } from "./builders.ts";

const ID = "v1/ConfigMap team-a/settings";
const span = (spanId: string): SpanContext => ({ traceId: "t", spanId, traceFlags: 1 });
const copy = (resourceVersion: string, uid = "u1"): StoredObject =>
  configMap("team-a/settings", { resourceVersion, uid });
const change = (states: { readonly before?: StoredObject; readonly after?: StoredObject }): Change => ({
  query: select(ConfigMap),
  key: "team-a/settings",
  origin: "watch",
  ...states,
});

test("the change that shows our version comes from our write, an earlier or later one does not", () => {
  const causes = new WriteCauses();
  causes.note(ID, "10", span("a"));
  assert.equal(causes.find(change({ after: copy("10") }))?.spanId, "a");
  assert.equal(causes.find(change({ before: copy("9"), after: copy("10") }))?.spanId, "a");
  assert.equal(causes.find(change({ before: copy("10"), after: copy("11") })), undefined);
});

test("a deletion comes from ours when the object's uid was the one we deleted", () => {
  const causes = new WriteCauses();
  causes.note(ID, "u1", span("a"));
  assert.equal(causes.find(change({ before: copy("10") }))?.spanId, "a");
  assert.equal(causes.find(change({ before: copy("10", "u2") })), undefined);
});

test("the same version of another object has nothing to do with it", () => {
  const causes = new WriteCauses();
  causes.note("v1/ConfigMap team-b/settings", "10", span("a"));
  assert.equal(causes.find(change({ after: copy("10") })), undefined);
});

test("the last 4 096 causes are kept, and those before 8 192 are not", () => {
  const causes = new WriteCauses();
  for (let version = 1; version <= 8_193; version++) causes.note(ID, `${version}`, span(`${version}`));
  assert.equal(causes.find(change({ after: copy("1") })), undefined);
  assert.equal(causes.find(change({ after: copy("4098") }))?.spanId, "4098");
  assert.equal(causes.find(change({ after: copy("8193") }))?.spanId, "8193");
});
