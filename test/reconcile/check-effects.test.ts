/** What a function may return. Every refusal names function, place and object, and none of them tells data. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { EvenkeelError, type Code } from "../../runtime/kube/errors.ts";
import { ConfigMap, kind, kindKey, Namespace } from "../../runtime/kube/kind.ts";
import { checkEffects, type Declared } from "../../runtime/reconcile/check-effects.ts";
import { defineFunction, fields, scale, status } from "../../runtime/reconcile/define.ts";
import { normal, warning } from "../../runtime/reconcile/effects.ts";
import { configMap, namespace, other } from "./builders.ts";

const Deployment = kind("apps/v1", "Deployment");
const StatefulSet = kind("apps/v1", "StatefulSet");
const Widget = kind("example.dev/v1", "Widget");

/** The text that no message may tell. */
const SECRET = "hunter2";

const declared: Declared = {
  name: "mirror",
  definition: defineFunction({
    watches: ConfigMap,
    reads: [Deployment],
    writes: [
      ConfigMap,
      Namespace,
      Widget,
      kind("v1", "Secret"),
      kind("autoscaling/v1", "HorizontalPodAutoscaler"),
      kind("autoscaling/v2", "HorizontalPodAutoscaler"),
      status(ConfigMap),
      scale(Deployment),
      scale(StatefulSet),
      fields(ConfigMap),
      fields(Deployment),
    ],
    reconcile: () => ({}),
  }),
  isNamespaced: (of) => (kindKey(of) === "example.dev/v1/Widget" ? undefined : kindKey(of) !== "v1/Namespace"),
};

const child = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "settings", namespace: "team-a" } };
const withMetadata = (more: object): object => ({
  ...child,
  data: { password: SECRET },
  metadata: { ...child.metadata, ...more },
});
const scaler = (version: string): object => ({
  apiVersion: `autoscaling/${version}`,
  kind: "HorizontalPodAutoscaler",
  metadata: { name: "web", namespace: "team-a" },
});
const stored = configMap("team-a/settings");
const deployment = other("apps/v1", "Deployment", "team-a/web");
const widget = (metadata: object): object => ({ apiVersion: "example.dev/v1", kind: "Widget", metadata });

function holdingItself(): object {
  const spec: Record<string, unknown> = {};
  spec["self"] = spec;
  return { ...child, spec };
}

suite("effects: accepted", () => {
  const rows: readonly { readonly name: string; readonly value: object }[] = [
    { name: "none at all", value: {} },
    { name: "an absent one", value: { children: undefined, requeueAfterMs: undefined } },
    { name: "no children", value: { children: [] } },
    { name: "a child", value: { children: [child] } },
    {
      name: "children of one name in two namespaces",
      value: { children: [child, withMetadata({ namespace: "team-b" })] },
    },
    {
      name: "a cluster-scoped child",
      value: { children: [{ apiVersion: "v1", kind: "Namespace", metadata: { name: "a" } }] },
    },
    {
      name: "a cluster-scoped child beside a cluster-scoped source",
      value: { children: [{ apiVersion: "v1", kind: "Namespace", metadata: { name: "a", namespace: undefined } }] },
    },
    {
      name: "a child of a kind whose scope is not known yet",
      value: { children: [widget({ name: "a" }), widget({ name: "a", namespace: "b" })] },
    },
    {
      name: "labels and annotations",
      value: { children: [withMetadata({ labels: { a: "1" }, annotations: { "evenkeel.dev/retain": "true" } })] },
    },
    {
      name: "explicitly undefined metadata",
      value: { children: [withMetadata({ labels: undefined, annotations: undefined, ownerReferences: undefined })] },
    },
    {
      name: "a stored object to delete, and one to let go",
      value: { deletions: [stored], releases: [configMap("team-b/settings")] },
    },
    { name: "a status", value: { status: { ready: false } } },
    { name: "a scale", value: { scale: [{ of: deployment, replicas: 0 }] } },
    { name: "events", value: { events: [warning("Conflict", "no"), normal("Done", "yes")] } },
    { name: "an event whose message will be cut", value: { events: [warning("A", "b".repeat(1025))] } },
    { name: "zero milliseconds", value: { requeueAfterMs: 0 } },
    { name: "any plain memo", value: { memo: { seen: ["a"], last: undefined, none: null } } },
  ];
  for (const { name, value } of rows) void test(name, () => assert.equal(checkEffects(value, declared), value));
});

interface Refusal {
  readonly name: string;
  readonly value: unknown;
  readonly code: Code;
  readonly says: string;
}

const child0 = "mirror: children[0] (v1/ConfigMap team-a/settings)";

const shapes: readonly Refusal[] = [
  {
    name: "a promise",
    value: Promise.resolve({}),
    code: "FUNCTION_RETURNED_PROMISE",
    says: "mirror returned a promise",
  },
  {
    name: "anything with a then",
    // oxlint-disable-next-line unicorn/no-thenable -- the mistake that is refused here
    value: { then() {} },
    code: "FUNCTION_RETURNED_PROMISE",
    says: "mirror returned a promise",
  },
  {
    name: "nothing",
    value: undefined,
    code: "EFFECT_INVALID",
    says: "mirror: returned undefined instead of an object of effects",
  },
  {
    name: "a memo that is a function",
    value: { memo: () => 1 },
    code: "EFFECT_INVALID",
    says: "mirror: memo: is a function, and effects are plain JSON",
  },
  {
    name: "a Date in a child",
    value: { children: [{ ...child, spec: { since: new Date(0) } }] },
    code: "EFFECT_INVALID",
    says: "mirror: children: 0.spec.since is a Date, and effects are plain JSON",
  },
  {
    name: "a child that holds itself",
    value: { children: [holdingItself()] },
    code: "EFFECT_INVALID",
    says: "mirror: children: 0.spec.self holds itself, and effects are plain JSON",
  },
  {
    name: "a number that JSON has no form for",
    value: { status: { ratio: 0 / 0 } },
    code: "EFFECT_INVALID",
    says: "mirror: status: ratio is NaN, and effects are plain JSON",
  },
  {
    name: "a bigint",
    value: { memo: [1n] },
    code: "EFFECT_INVALID",
    says: "mirror: memo: 0 is a bigint, and effects are plain JSON",
  },
  { name: "null", value: null, code: "EFFECT_INVALID", says: "mirror: returned null instead of" },
  { name: "text", value: SECRET, code: "EFFECT_INVALID", says: "mirror: returned a string instead of" },
  { name: "a list", value: [child], code: "EFFECT_INVALID", says: "mirror: returned a list instead of" },
  {
    name: "a Map",
    value: new Map([["children", []]]),
    code: "EFFECT_INVALID",
    says: "mirror: returned a Map instead of",
  },
  {
    name: "a misspelt effect",
    value: { childs: [] },
    code: "EFFECT_UNKNOWN",
    says: 'mirror: returned an unknown effect "childs"',
  },
  {
    name: "an effect that every object inherits",
    value: { constructor: [] },
    code: "EFFECT_UNKNOWN",
    says: '"constructor"',
  },
  {
    name: "children that are one object",
    value: { children: child },
    code: "EFFECT_INVALID",
    says: "mirror: children is an object instead of a list",
  },
  {
    name: "children that are null",
    value: { children: null },
    code: "EFFECT_INVALID",
    says: "mirror: children is null instead of a list",
  },
  {
    name: "children that are a Set",
    value: { children: new Set() },
    code: "EFFECT_INVALID",
    says: "mirror: children is a Set instead of a list",
  },
  {
    name: "children that are a generator",
    value: {
      children: (function* () {
        yield child;
      })(),
    },
    code: "EFFECT_INVALID",
    says: "mirror: children is a Generator instead of a list",
  },
  {
    name: "an object of an odd prototype",
    value: Object.create(Object.create(null) as object),
    code: "EFFECT_INVALID",
    says: "mirror: returned a thing of its own making instead of",
  },
  {
    name: "a hole among the children",
    value: { children: [child, undefined] },
    code: "EFFECT_INVALID",
    says: "mirror: children[1] is undefined instead of an object",
  },
  {
    name: "a child that is text",
    value: { children: [SECRET] },
    code: "EFFECT_INVALID",
    says: "mirror: children[0] is a string instead of an object",
  },
];

const children: Refusal[] = [
  {
    name: "without apiVersion",
    value: { kind: "ConfigMap", metadata: child.metadata },
    code: "CHILD_INVALID",
    says: "mirror: children[0] has no apiVersion or kind",
  },
  {
    name: "without kind",
    value: { apiVersion: "v1", metadata: child.metadata },
    code: "CHILD_INVALID",
    says: "mirror: children[0] has no apiVersion or kind",
  },
  {
    name: "without metadata",
    value: { apiVersion: "v1", kind: "ConfigMap" },
    code: "CHILD_INVALID",
    says: "mirror: children[0] has no metadata.name",
  },
  {
    name: "without a name",
    value: withMetadata({ name: undefined }),
    code: "CHILD_INVALID",
    says: "mirror: children[0] has no metadata.name",
  },
  {
    name: "with an empty name",
    value: withMetadata({ name: "" }),
    code: "CHILD_INVALID",
    says: "mirror: children[0] has no metadata.name",
  },
  {
    name: "with a generated name",
    value: withMetadata({ generateName: "a-" }),
    code: "CHILD_INVALID",
    says: `${child0} sets metadata.generateName`,
  },
  {
    name: "in no namespace",
    value: withMetadata({ namespace: undefined }),
    code: "CHILD_INVALID",
    says: "mirror: children[0] (v1/ConfigMap settings) is in no namespace",
  },
  {
    name: "in a namespace without a name",
    value: withMetadata({ namespace: "" }),
    code: "CHILD_INVALID",
    says: "is in no namespace",
  },
  {
    name: "in a namespace that is no text",
    value: widget({ name: "a", namespace: 7 }),
    code: "CHILD_INVALID",
    says: "metadata.namespace is not a string",
  },
  {
    name: "cluster-scoped with a namespace",
    value: { apiVersion: "v1", kind: "Namespace", metadata: { name: "a", namespace: "b" } },
    code: "CHILD_INVALID",
    says: "mirror: children[0] (v1/Namespace b/a) is cluster-scoped and names a namespace",
  },
  {
    name: "of a kind that is not in writes",
    value: { ...child, kind: "ServiceAccount", stringData: { a: SECRET } },
    code: "KIND_NOT_DECLARED",
    says: "mirror: children[0] (v1/ServiceAccount team-a/settings) is of a kind that is not in `writes`",
  },
  {
    name: "of another version of a kind in writes",
    value: { ...child, apiVersion: "v2" },
    code: "KIND_NOT_DECLARED",
    says: "(v2/ConfigMap team-a/settings)",
  },
  {
    name: "of a kind of which only the scale is declared",
    value: { ...child, apiVersion: "apps/v1", kind: "StatefulSet" },
    code: "KIND_NOT_DECLARED",
    says: "(apps/v1/StatefulSet team-a/settings)",
  },
  {
    name: "of a kind of which only fields are declared",
    value: { ...child, apiVersion: "apps/v1", kind: "Deployment" },
    code: "KIND_NOT_DECLARED",
    says: "mirror: children[0] (apps/v1/Deployment team-a/settings) is of a kind that `writes` declares with fields(Deployment) alone",
  },
  ...[
    "ownerReferences",
    "finalizers",
    "uid",
    "resourceVersion",
    "creationTimestamp",
    "managedFields",
    "generation",
  ].map((field): Refusal => ({
    name: `that sets metadata.${field}`,
    value: withMetadata({ [field]: SECRET }),
    code: "CHILD_INVALID",
    says: `${child0} sets metadata.${field}`,
  })),
  ...["owner", "owner-uid", "self", "digest"].map((mark): Refusal => ({
    name: `that sets the host's annotation ${mark}`,
    value: withMetadata({ annotations: { [`evenkeel.dev/${mark}`]: SECRET } }),
    code: "CHILD_INVALID",
    says: `${child0} sets evenkeel.dev/${mark}, which is the host's`,
  })),
  {
    name: "that sets the host's label",
    value: withMetadata({ labels: { "evenkeel.dev/function": SECRET } }),
    code: "CHILD_INVALID",
    says: `${child0} sets evenkeel.dev/function`,
  },
  {
    name: "with a label that is no text",
    value: withMetadata({ labels: { a: true } }),
    code: "CHILD_INVALID",
    says: `${child0}: metadata.labels is not a map of strings`,
  },
  {
    name: "with annotations that are a list",
    value: withMetadata({ annotations: [SECRET] }),
    code: "CHILD_INVALID",
    says: `${child0}: metadata.annotations is not a map of strings`,
  },
];

for (const [kindName, field] of [
  ["ConfigMap", "data"],
  ["ConfigMap", "binaryData"],
  ["Secret", "data"],
  ["Secret", "stringData"],
] as const)
  for (const [name, value] of [
    ["null", null],
    ["text", SECRET],
    ["a map with a null in it", { a: "b", password: null }],
    ["a map with a number in it", { password: 5 }],
    ["a map with an endless list in it", { password: { length: 3e8 } }],
  ] as const)
    children.push({
      name: `${kindName} whose ${field} is ${name}`,
      value: { ...child, kind: kindName, [field]: value },
      code: "CHILD_INVALID",
      says: `mirror: children[0] (v1/${kindName} team-a/settings): ${field} is not a map of strings`,
    });

const rest: readonly Refusal[] = [
  {
    name: "the same child twice",
    value: { children: [child, child] },
    code: "CHILD_DUPLICATE",
    says: "mirror: children[1] (v1/ConfigMap team-a/settings) is there twice",
  },
  {
    name: "the same child in two versions of its kind",
    value: { children: [scaler("v1"), scaler("v2")] },
    code: "CHILD_DUPLICATE",
    says: "mirror: children[1] (autoscaling/v2/HorizontalPodAutoscaler team-a/web) is there twice",
  },
  {
    name: "a child that is also to be deleted, in another version of its kind",
    value: { children: [scaler("v2")], deletions: [other("autoscaling/v1", "HorizontalPodAutoscaler", "team-a/web")] },
    code: "EFFECT_INVALID",
    says: "mirror: deletions[0] (autoscaling/v1/HorizontalPodAutoscaler team-a/web) is also in children",
  },
  {
    name: "fields for the same object twice",
    value: { apply: [child, child] },
    code: "CHILD_DUPLICATE",
    says: "mirror: apply[1] (v1/ConfigMap team-a/settings) is there twice",
  },
  {
    name: "fields for an object of an undeclared kind",
    value: { apply: [{ ...child, kind: "Secret" }] },
    code: "KIND_NOT_DECLARED",
    says: "mirror: apply[0] (v1/Secret team-a/settings) is of a kind that `writes` does not declare with fields(Secret)",
  },
  {
    name: "fields for an object of a kind that is declared for children",
    value: { apply: [widget({ name: "a" })] },
    code: "KIND_NOT_DECLARED",
    says: "mirror: apply[0] (example.dev/v1/Widget a) is of a kind that `writes` does not declare with fields(Widget)",
  },
  ...["function", "retain"].map((mark) => ({
    name: `evenkeel.dev/${mark} on an object that is not ours`,
    value: { apply: [withMetadata({ labels: { [`evenkeel.dev/${mark}`]: "mirror" } })] },
    code: "CHILD_INVALID" as const,
    says: `mirror: apply[0] (v1/ConfigMap team-a/settings) sets evenkeel.dev/${mark}, which is the host's`,
  })),
  {
    name: "a deletion of a kind of which only fields are declared",
    value: { deletions: [deployment] },
    code: "KIND_NOT_DECLARED",
    says: "mirror: deletions[0] (apps/v1/Deployment team-a/web) is of a kind that `writes` declares with fields(Deployment) alone",
  },
  {
    name: "a child that is also applied to",
    value: { children: [child], apply: [child] },
    code: "EFFECT_INVALID",
    says: "mirror: apply[0] (v1/ConfigMap team-a/settings) is also in children",
  },
  {
    name: "a child that is also to be deleted",
    value: { children: [child], deletions: [stored] },
    code: "EFFECT_INVALID",
    says: "mirror: deletions[0] (v1/ConfigMap team-a/settings) is also in children",
  },
  {
    name: "a child that is also to be let go",
    value: { children: [child], releases: [stored] },
    code: "EFFECT_INVALID",
    says: "mirror: releases[0] (v1/ConfigMap team-a/settings) is also in children",
  },
  {
    name: "an object to delete and to let go",
    value: { releases: [stored], deletions: [stored] },
    code: "EFFECT_INVALID",
    says: "mirror: releases[0] (v1/ConfigMap team-a/settings) is also in deletions",
  },
  {
    name: "more events than anybody reads",
    value: { events: Array.from({ length: 65 }, () => ({ type: "Normal", reason: "A", message: "b" })) },
    code: "EFFECT_TOO_LARGE",
    says: "mirror: returned 65 events, and 64 are the most",
  },
  {
    name: "an object to scale twice",
    value: { scale: [2, 3].map((replicas) => ({ of: deployment, replicas })) },
    code: "EFFECT_INVALID",
    says: "mirror: scale[1].of (apps/v1/Deployment team-a/web) is also in scale",
  },
  {
    name: "an object to delete twice",
    value: { deletions: [stored, stored] },
    code: "EFFECT_INVALID",
    says: "mirror: deletions[1] (v1/ConfigMap team-a/settings) is also in deletions",
  },
  {
    name: "a deletion without uid",
    value: { deletions: [child] },
    code: "EFFECT_INVALID",
    says: "mirror: deletions[0] does not name a stored object",
  },
  {
    name: "a deletion without version",
    value: { deletions: [withMetadata({ uid: "u" })] },
    code: "EFFECT_INVALID",
    says: "mirror: deletions[0] does not name a stored object",
  },
  {
    name: "a deletion of nothing",
    value: { deletions: [undefined] },
    code: "EFFECT_INVALID",
    says: "mirror: deletions[0] is undefined",
  },
  {
    name: "a release without uid",
    value: { releases: [child] },
    code: "EFFECT_INVALID",
    says: "mirror: releases[0] does not name a stored object",
  },
  {
    name: "a deletion of an undeclared kind",
    value: { deletions: [other("v1", "ServiceAccount", "a/b")] },
    code: "KIND_NOT_DECLARED",
    says: "mirror: deletions[0] (v1/ServiceAccount a/b) is of a kind that is not in `writes`",
  },
  {
    name: "a status that is text",
    value: { status: SECRET },
    code: "EFFECT_INVALID",
    says: "mirror: status is not an object",
  },
  {
    name: "events that are one",
    value: { events: warning("A", "b") },
    code: "EFFECT_INVALID",
    says: "mirror: events is an object instead of a list",
  },
  {
    name: "an event of an unknown type",
    value: { events: [{ type: "Error", reason: "A", message: SECRET }] },
    code: "EFFECT_INVALID",
    says: "mirror: events[0].type is neither Normal nor Warning",
  },
  {
    name: "an event without a reason",
    value: { events: [{ type: "Normal", reason: "", message: SECRET }] },
    code: "EFFECT_INVALID",
    says: "mirror: events[0].reason is not a text of 1 to 128 characters",
  },
  {
    name: "an event without a message",
    value: { events: [{ type: "Normal", reason: "A" }] },
    code: "EFFECT_INVALID",
    says: "mirror: events[0].message is not a text",
  },
  {
    name: "an event whose reason is a sentence too long",
    value: { events: [normal("A", "b"), warning("A".repeat(129), "b")] },
    code: "EFFECT_INVALID",
    says: "mirror: events[1].reason is not a text of 1 to 128 characters",
  },
  {
    name: "a negative number of replicas",
    value: { scale: [{ of: deployment, replicas: -1 }] },
    code: "EFFECT_INVALID",
    says: "mirror: scale[0].replicas is not a count",
  },
  {
    name: "half a replica",
    value: { scale: [{ of: deployment, replicas: 0.5 }] },
    code: "EFFECT_INVALID",
    says: "mirror: scale[0].replicas is not a count",
  },
  {
    name: "a scale of nothing",
    value: { scale: [{ replicas: 1 }] },
    code: "EFFECT_INVALID",
    says: "mirror: scale[0].of does not name a stored object",
  },
  {
    name: "a scale of an undeclared kind",
    value: { scale: [{ of: stored, replicas: 1 }] },
    code: "KIND_NOT_DECLARED",
    says: "mirror: scale[0] (v1/ConfigMap team-a/settings) is of a kind",
  },
  ...[Number.NaN, Number.POSITIVE_INFINITY, -1, "5000", null].map((value): Refusal => ({
    name: `a time to wait of ${JSON.stringify(value) ?? ""} (${String(value)})`,
    value: { requeueAfterMs: value },
    code: "EFFECT_INVALID",
    says: "mirror: requeueAfterMs is not a number of milliseconds",
  })),
];

function refuses({ name, value, code, says }: Refusal, by: Declared = declared): void {
  test(name, () => {
    let refusal: unknown;
    try {
      checkEffects(value, by);
    } catch (error) {
      refusal = error;
    }
    assert.ok(refusal instanceof EvenkeelError, "accepted");
    assert.equal(refusal.code, code, refusal.message);
    assert.ok(refusal.message.includes(says), refusal.message);
    assert.ok(!refusal.message.includes(SECRET), refusal.message);
  });
}

suite("effects: a return value is refused:", () => {
  for (const row of shapes) refuses(row);
});

suite("effects: a child is refused", () => {
  for (const row of children) refuses({ ...row, value: { children: [row.value] } });
});

suite("effects: refused is", () => {
  for (const row of rest) refuses(row);
  const bare = {
    ...declared,
    definition: defineFunction({ watches: ConfigMap, writes: [ConfigMap], reconcile: () => ({}) }),
  };
  refuses(
    {
      name: "a status when none is declared",
      value: { status: { a: 1 } },
      code: "KIND_NOT_DECLARED",
      says: "mirror: returned a status",
    },
    bare,
  );
  const foreign = {
    ...declared,
    definition: defineFunction({ watches: Namespace, writes: [status(ConfigMap)], reconcile: () => ({}) }),
  };
  refuses(
    {
      name: "a status when only that of another kind is declared",
      value: { status: { a: 1 } },
      code: "KIND_NOT_DECLARED",
      says: "mirror: returned a status",
    },
    foreign,
  );
});

test("a namespace is no child of a function that only reads it", () => {
  const reader = {
    ...declared,
    definition: defineFunction({ watches: ConfigMap, reads: [Namespace], reconcile: () => ({}) }),
  };
  const value = { deletions: [namespace("team-a")] };
  assert.throws(() => checkEffects(value, reader), { code: "KIND_NOT_DECLARED" });
});
