/** Whose an object is: proven by marks that nobody makes by accident, and lost by copying. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { describe } from "../../runtime/kube/kind.ts";
import type { KubeObject } from "../../runtime/kube/object.ts";
import { claimedOwner, isChildOf, markOf, provenanceOf, stamp } from "../../runtime/reconcile/provenance.ts";
import { childOf, configMap, namespace, other } from "./builders.ts";

const source = configMap("default/settings", { uid: "u1" });
const copy = childOf(source, "mirror", configMap("team-a/settings"));
const { labels = {}, annotations = {} } = copy.metadata;

const without = (key: string, map: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(Object.entries(map).filter(([other]) => other !== key));

test("the marks of a child are one label and three annotations, in a form that must never change", () => {
  assert.deepEqual(labels, { "evenkeel.dev/function": "mirror" });
  assert.deepEqual(annotations, {
    "evenkeel.dev/owner": "ConfigMap/default/settings",
    "evenkeel.dev/owner-uid": "u1",
    "evenkeel.dev/self": "ConfigMap/team-a/settings",
  });
});

test("a stamp keeps what the function wished for beside the marks", () => {
  const wished = configMap("team-a/settings", { labels: { a: "1" }, annotations: { b: "2" }, data: { c: "3" } });
  const child = stamp(wished, "mirror", source);
  assert.deepEqual(
    [child.metadata.labels?.["a"], child.metadata.annotations?.["b"], child.data],
    ["1", "2", { c: "3" }],
  );
});

suite("provenance: of an object", () => {
  const rows: readonly { readonly name: string; readonly object: KubeObject; readonly owner: unknown }[] = [
    {
      name: "a child names its owner",
      object: copy,
      owner: { kind: "ConfigMap", namespace: "default", name: "settings", uid: "u1" },
    },
    {
      name: "a cluster-scoped owner has no namespace",
      object: childOf(namespace("team-a", { uid: "u2" }), "quota", configMap("team-a/limits")),
      owner: { kind: "Namespace", name: "team-a", uid: "u2" },
    },
    {
      name: "an owner outside the core group is named with its group, whatever its version",
      object: childOf(other("apps/v1", "Deployment", "team-a/web"), "f", configMap("team-a/web")),
      owner: { kind: "Deployment.apps", namespace: "team-a", name: "web", uid: "uid of team-a/web" },
    },
    { name: "an object without marks is nobody's", object: configMap("team-a/settings"), owner: undefined },
    { name: "without the label: nobody's", object: configMap("team-a/settings", { annotations }), owner: undefined },
    { name: "the label alone proves nothing", object: configMap("team-a/settings", { labels }), owner: undefined },
    ...["owner", "owner-uid", "self"].map((mark) => ({
      name: `without ${mark}: nobody's`,
      object: configMap("team-a/settings", { labels, annotations: without(`evenkeel.dev/${mark}`, annotations) }),
      owner: undefined,
    })),
    ...["owner", "owner-uid", "self"].map((mark) => ({
      name: `with an empty ${mark}: nobody's`,
      object: configMap("team-a/settings", { labels, annotations: { ...annotations, [`evenkeel.dev/${mark}`]: "" } }),
      owner: undefined,
    })),
    {
      name: "with an empty label: nobody's",
      object: configMap("team-a/settings", { labels: { "evenkeel.dev/function": "" }, annotations }),
      owner: undefined,
    },
    {
      name: "a copy by hand into another namespace is nobody's",
      object: configMap("team-b/settings", { labels, annotations }),
      owner: undefined,
    },
    {
      name: "a copy by hand under another name is nobody's",
      object: configMap("team-a/settings-backup", { labels, annotations }),
      owner: undefined,
    },
    {
      name: "another kind with the same marks is nobody's",
      object: other("v1", "Secret", "team-a/settings", {}, { labels, annotations }),
      owner: undefined,
    },
    ...[
      "settings",
      "ConfigMap",
      "ConfigMap//settings",
      "/default/settings",
      "ConfigMap/a/b/c",
      "ConfigMap/default/",
    ].map((owner) => ({
      name: `an owner that is no reference (${owner}): nobody's`,
      object: configMap("team-a/settings", { labels, annotations: { ...annotations, "evenkeel.dev/owner": owner } }),
      owner: undefined,
    })),
  ];
  for (const { name, object, owner } of rows) {
    test(name, () => assert.deepEqual(provenanceOf(object)?.owner, owner));
  }
});

suite("provenance: a child of", () => {
  const rows: readonly { readonly name: string; readonly is: boolean; readonly expected: boolean }[] = [
    { name: "its function and owner", is: isChildOf(copy, "mirror", source), expected: true },
    {
      name: "its owner made anew: the name counts, so a recreated source finds its copies",
      is: isChildOf(copy, "mirror", configMap("default/settings", { uid: "u9" })),
      expected: true,
    },
    {
      name: "its owner in a later API version",
      is: isChildOf(
        childOf(other("x.dev/v1", "Widget", "n/w"), "f", configMap("n/w")),
        "f",
        other("x.dev/v2", "Widget", "n/w"),
      ),
      expected: true,
    },
    { name: "not of another function", is: isChildOf(copy, "other", source), expected: false },
    { name: "not of another owner", is: isChildOf(copy, "mirror", configMap("default/other")), expected: false },
    {
      name: "not of an object of the same name and another kind",
      is: isChildOf(copy, "mirror", other("v1", "Secret", "default/settings")),
      expected: false,
    },
    {
      name: "not of an object of the same kind name in another group",
      is: isChildOf(copy, "mirror", other("x.dev/v1", "ConfigMap", "default/settings")),
      expected: false,
    },
    {
      name: "not of the owner that a hand-made copy claims",
      is: isChildOf(configMap("team-b/settings", { labels, annotations }), "mirror", source),
      expected: false,
    },
  ];
  for (const { name, is, expected } of rows) void test(name, () => assert.equal(is, expected));
});

test("a claim needs no proof, and reads as the owner is named: children are looked up by it", () => {
  const claimed = configMap("team-b/settings", { annotations });
  assert.equal(claimedOwner(claimed), markOf(source));
  assert.equal(claimedOwner(configMap("team-b/settings")), undefined);
});

test("messages name kind, namespace and name", () => {
  assert.equal(describe(copy), "v1/ConfigMap team-a/settings");
  assert.equal(describe(namespace("team-a")), "v1/Namespace team-a");
});
