/** The one definition of source and copy that both functions share. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { copies, copyInto, sourceOf, sources } from "../../functions/lib/copy.ts";
import { matches } from "../../runtime/kube/query.ts";
import { childOf, configMap, namespace } from "../reconcile/builders.ts";

const source = configMap("default/settings", { labels: { mirror: "true" }, uid: "u1", data: { a: "1" } });
const copy = childOf(source, "mirror", copyInto("team-a", source));

suite("copy", () => {
  test("of a source names it as its source", () => {
    assert.deepEqual(sourceOf(copy), { kind: "ConfigMap", namespace: "default", name: "settings", uid: "u1" });
  });

  test("is found among the copies, and never among the sources", () => {
    assert.deepEqual([matches(copies.where, copy), matches(sources.where, copy)], [true, false]);
    assert.deepEqual([matches(copies.where, source), matches(sources.where, source)], [false, true]);
  });

  const none = [
    { name: "a source", object: source },
    { name: "another function's child", object: childOf(source, "quota", copyInto("team-a", source)) },
    { name: "a child of a namespace", object: childOf(namespace("team-a"), "mirror", copyInto("team-a", source)) },
    {
      name: "a copy that was copied elsewhere",
      object: { ...copy, metadata: { ...copy.metadata, namespace: "team-b" } },
    },
  ];
  for (const { name, object } of none) test(`is not: ${name}`, () => assert.equal(sourceOf(object), undefined));

  test("takes the labels of sources literally: mirror=True is none", () => {
    for (const mirror of ["True", "1", "yes", ""])
      assert.equal(matches(sources.where, configMap("default/settings", { labels: { mirror } })), false);
  });
});
