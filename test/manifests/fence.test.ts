/**
 * The admission policies alone, with the host left out: plain kubectl with the host's account. RBAC would allow every one
 * of these requests, so whatever is refused is refused by the fence.
 */
import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { before, test } from "node:test";
import { constant, constantFrom, oneof, record, sample, type Arbitrary } from "fast-check";
import type { ConfigMap } from "../../runtime/kube/kind.ts";
import type { ObjectMeta } from "../../runtime/kube/object.ts";
import { provenanceOf } from "../../runtime/reconcile/provenance.ts";
import { describeOnControlPlane } from "../controlplane/on-control-plane.ts";
import { Deployed } from "./deployed.ts";
import { CONTROL_PLANE, holds, NO_FINALIZERS, NO_HANDOVER, NO_OWNERS, NO_PROVENANCE, OUTSIDE } from "./refusal.ts";
import { NO_MARKS, OWNER } from "./samples.ts";
import { suiteFolder } from "./suite-folder.ts";

type Metadata = ObjectMeta & { readonly namespace: string };
type Copy = ConfigMap & { readonly metadata: Metadata };

const MARKS = {
  "evenkeel.dev/owner": "ConfigMap/default/settings",
  "evenkeel.dev/owner-uid": "6f9d0a8e-1111-4222-8333-444455556666",
};

/** A ConfigMap as the host would write it. */
function copy(namespace: string, name: string, metadata: Partial<Metadata> = {}): Copy {
  return {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: {
      name,
      namespace,
      labels: { "evenkeel.dev/function": "mirror" },
      annotations: { ...MARKS, "evenkeel.dev/self": `ConfigMap/${namespace}/${name}` },
      ...metadata,
    },
    data: { colour: "blue" },
  };
}

function stranger(namespace: string, name: string): Copy {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { namespace, name }, data: { whose: "a stranger's" } };
}

const without = (mark: string): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(base.metadata.annotations ?? {}).filter(([key]) => key !== mark));

const base = copy("team-a", "new");
const withAnnotation = (name: string, value: string): Pick<Metadata, "annotations"> => ({
  annotations: { ...base.metadata.annotations, [name]: value },
});

/** With all marks, that name another object. */
const copyOfCopy = copy("team-a", "by-hand", withAnnotation("evenkeel.dev/self", "ConfigMap/team-a/new"));

const NOT_OURS = /only what carries its own complete provenance/;

const creations: readonly { readonly name: string; readonly object: Copy; readonly refused: RegExp }[] = [
  { name: "outside the prefix", object: copy("other", "new"), refused: OUTSIDE },
  { name: "where the prefix is inside the name only", object: copy("xteam-a", "new"), refused: OUTSIDE },
  { name: "in kube-system", object: copy("kube-system", "new"), refused: CONTROL_PLANE },
  { name: "in any kube-* namespace", object: copy("kube-team-a", "new"), refused: CONTROL_PLANE },
  { name: "of an object without any mark", object: stranger("team-a", "new"), refused: NO_PROVENANCE },
  { name: "without the label", object: copy("team-a", "new", { labels: {} }), refused: NO_PROVENANCE },
  {
    name: "for a function that is not there",
    object: copy("team-a", "new", { labels: { "evenkeel.dev/function": "other" } }),
    refused: NO_PROVENANCE,
  },
  ...["evenkeel.dev/owner", "evenkeel.dev/owner-uid", "evenkeel.dev/self"].map((mark) => ({
    name: `without ${mark}`,
    object: copy("team-a", "new", { annotations: without(mark) }),
    refused: NO_PROVENANCE,
  })),
  {
    name: "whose self-reference names another object",
    object: copy("team-a", "new", withAnnotation("evenkeel.dev/self", "ConfigMap/team-a/old")),
    refused: NO_PROVENANCE,
  },
  {
    name: "whose owner is of a kind that the function does not watch",
    object: copy("team-a", "new", withAnnotation("evenkeel.dev/owner", "Secret/default/settings")),
    refused: NO_PROVENANCE,
  },
  {
    name: "whose owner is no reference",
    object: copy("team-a", "new", withAnnotation("evenkeel.dev/owner", "ConfigMap//settings")),
    refused: NO_PROVENANCE,
  },
  { name: "with an ownerReference", object: copy("team-a", "new", { ownerReferences: [OWNER] }), refused: NO_OWNERS },
  { name: "with a finalizer", object: copy("team-a", "new", { finalizers: ["a.b/c"] }), refused: NO_FINALIZERS },
];

/** Of a function whose file is no longer there, and that watched something else. */
const orphan = copy("team-a", "orphan", {
  labels: { "evenkeel.dev/function": "gone" },
  annotations: {
    ...MARKS,
    "evenkeel.dev/owner": "Widget.example.dev/w",
    "evenkeel.dev/self": "ConfigMap/team-a/orphan",
  },
});

/** What others have put on a copy. */
const labelled = copy("team-a", "labelled", {
  labels: { "evenkeel.dev/function": "mirror", tier: "silver" },
  annotations: { ...MARKS, "evenkeel.dev/self": "ConfigMap/team-a/labelled", "example.com/note": "a" },
});
const held = copy("team-a", "held", { ownerReferences: [OWNER], finalizers: ["a.b/c"] });

/** Each is a merge patch. What is patched was put there by the admin. */
const changes: readonly {
  readonly name: string;
  readonly object: Copy;
  readonly patch: object;
  readonly refused?: RegExp;
}[] = [
  { name: "the data of a stranger", object: stranger("team-a", "s"), patch: { data: { a: "1" } }, refused: NOT_OURS },
  {
    name: "a stranger into a copy",
    object: stranger("team-a", "s"),
    patch: {
      metadata: { labels: copy("team-a", "s").metadata.labels, annotations: copy("team-a", "s").metadata.annotations },
    },
    refused: NOT_OURS,
  },
  {
    name: "a copy that somebody made of a copy",
    object: copyOfCopy,
    patch: { data: { a: "1" } },
    refused: NOT_OURS,
  },
  {
    name: "the data of a copy outside the prefix",
    object: copy("other", "c"),
    patch: { data: { a: "1" } },
    refused: OUTSIDE,
  },
  { name: "a copy in kube-system", object: copy("kube-system", "c"), patch: NO_MARKS, refused: CONTROL_PLANE },
  {
    name: "one mark away and not the others",
    object: copy("team-a", "c"),
    patch: { metadata: { annotations: { "evenkeel.dev/self": null } } },
    refused: NO_PROVENANCE,
  },
  {
    name: "the data with the marks taken off",
    object: copy("team-a", "c"),
    patch: { ...NO_MARKS, data: { a: "1" } },
    refused: NO_PROVENANCE,
  },
  {
    name: "a label with the marks taken off: it could make a source of what was a copy",
    object: copy("team-a", "c"),
    patch: { metadata: { ...NO_MARKS.metadata, labels: { ...NO_MARKS.metadata.labels, mirror: "true" } } },
    refused: NO_PROVENANCE,
  },
  {
    name: "another's label, and its value, with the marks taken off",
    object: labelled,
    patch: { metadata: { ...NO_MARKS.metadata, labels: { ...NO_MARKS.metadata.labels, tier: "gold" } } },
    refused: NO_PROVENANCE,
  },
  {
    name: "another's label away with the marks",
    object: labelled,
    patch: { metadata: { ...NO_MARKS.metadata, labels: null } },
    refused: NO_PROVENANCE,
  },
  {
    name: "another's annotation away with the marks",
    object: labelled,
    patch: { metadata: { ...NO_MARKS.metadata, annotations: null } },
    refused: NO_PROVENANCE,
  },
  {
    name: "another's finalizers away with the marks",
    object: held,
    patch: { metadata: { ...NO_MARKS.metadata, finalizers: null } },
    refused: NO_PROVENANCE,
  },
  { name: "a copy with another's labels and annotations into nobody's", object: labelled, patch: NO_MARKS },
  {
    name: "the owner of a copy",
    object: copy("team-a", "c"),
    patch: { metadata: { annotations: { "evenkeel.dev/owner": "ConfigMap/default/other" } } },
    refused: NO_HANDOVER,
  },
  {
    name: "the function of a copy",
    object: copy("team-a", "c"),
    patch: { metadata: { labels: { "evenkeel.dev/function": "cleanup-on-delete" } } },
    refused: NO_HANDOVER,
  },
  {
    name: "a copy's ownerReferences",
    object: copy("team-a", "c"),
    patch: { metadata: { ownerReferences: [OWNER] } },
    refused: NO_OWNERS,
  },
  {
    name: "a copy's finalizers",
    object: copy("team-a", "c"),
    patch: { metadata: { finalizers: ["a.b/c"] } },
    refused: NO_FINALIZERS,
  },
  { name: "the data of a copy", object: copy("team-a", "c"), patch: { data: { a: "1" } } },
  {
    name: "the uid of a copy's owner, which was made anew",
    object: copy("team-a", "c"),
    patch: { metadata: { annotations: { "evenkeel.dev/owner-uid": "another" } } },
  },
  {
    name: "the data of a copy that others have put ownerReferences and finalizers on",
    object: held,
    patch: { data: { a: "1" } },
  },
  { name: "a copy into nobody's, all marks at once", object: copy("team-a", "c"), patch: NO_MARKS },
  { name: "a copy outside the prefix into nobody's", object: copy("other", "c"), patch: NO_MARKS },
  { name: "a child of a function that is gone into nobody's", object: orphan, patch: NO_MARKS },
  {
    name: "the data of a child of a function that is gone",
    object: orphan,
    patch: { data: { a: "1" } },
    refused: NO_PROVENANCE,
  },
];

const deletions: readonly { readonly name: string; readonly object: Copy; readonly refused?: RegExp }[] = [
  { name: "a stranger", object: stranger("team-a", "s"), refused: NOT_OURS },
  { name: "a stranger outside the prefix", object: stranger("other", "s"), refused: NOT_OURS },
  {
    name: "a copy that somebody made of a copy",
    object: copyOfCopy,
    refused: NOT_OURS,
  },
  { name: "a copy in kube-system", object: copy("kube-system", "c"), refused: CONTROL_PLANE },
  { name: "a copy", object: copy("team-a", "c") },
  { name: "a copy outside the prefix, which was narrowed since", object: copy("other", "c") },
  { name: "a child of a function that is gone", object: orphan },
];

/** With the rights of an admin bound to the account, so that RBAC refuses none of these. */
const others: readonly { readonly name: string; readonly args: readonly string[]; readonly input?: object }[] = [
  { name: "a Secret", args: ["create", "secret", "generic", "s", "-n", "team-a"] },
  { name: "a namespace", args: ["create", "namespace", "team-more"] },
  { name: "a binding of rights", args: ["create", "clusterrolebinding", "more", "--clusterrole=admin", "--group=a"] },
  { name: "a token of another account", args: ["create", "token", "default", "-n", "default"] },
  { name: "another Lease", args: ["create", "-f", "-"], input: lease("evenkeel", "other") },
  { name: "a Lease of its own name elsewhere", args: ["create", "-f", "-"], input: lease("team-a", "evenkeel") },
];

const FUNCTIONS: ReadonlySet<string> = new Set(["cleanup-on-delete", "mirror"]);
const ABSENT = "absent";

/** Right three times of four, so that about a third of the objects are ours. */
function mostly(right: string, ...wrong: readonly string[]): Arbitrary<string> {
  return oneof({ weight: 3, arbitrary: constant(right) }, { weight: 1, arbitrary: constantFrom(...wrong, ABSENT) });
}

const anyMarks = record({
  label: mostly("mirror", "cleanup-on-delete", "other", ""),
  owner: mostly(
    "ConfigMap/default/a",
    "ConfigMap/a",
    "Secret/default/a",
    "ConfigMap/a/b/c",
    "ConfigMap//a",
    "ConfigMap",
    "ConfigMap/",
  ),
  uid: mostly("u", "", "v"),
  self: mostly("ConfigMap/team-a/NAME", "ConfigMap/team-b/NAME", "ConfigMap/NAME", "ConfigMap/team-a/other", "NAME"),
});

function present(marks: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(marks).filter(([, mark]) => mark !== ABSENT));
}

function lease(namespace: string, name: string): object {
  return { apiVersion: "coordination.k8s.io/v1", kind: "Lease", metadata: { namespace, name }, spec: {} };
}

describeOnControlPlane("the fence", {}, (controlPlane) => {
  const folder = suiteFolder();
  let deployed: Deployed;

  before(async () => {
    deployed = await Deployed.on(controlPlane(), folder());
    for (const name of ["team-a", "xteam-a", "other", "kube-team-a"]) await deployed.admin("create", "namespace", name);
    await deployed.admin("create", "serviceaccount", "default", "-n", "default").catch(() => undefined);
  });

  for (const { name, object, refused } of creations) {
    test(`refuses the creation ${name}`, async () => {
      holds(await deployed.kubectl(["create", "-f", "-"], JSON.stringify(object)), refused);
    });
  }

  test("lets a copy be created, within the prefix and with its provenance", async () => {
    holds(await deployed.kubectl(["create", "-f", "-"], JSON.stringify(base)));
  });

  test("takes for ours exactly what the host takes for ours", async () => {
    const seed = randomInt(2 ** 31);
    const objects = sample(anyMarks, { seed, numRuns: 150 }).map(({ label, owner, uid, self }, i) =>
      copy("team-a", `any-${i}`, {
        labels: present({ "evenkeel.dev/function": label }),
        annotations: present({
          "evenkeel.dev/owner": owner,
          "evenkeel.dev/owner-uid": uid,
          "evenkeel.dev/self": self.replace("NAME", `any-${i}`),
        }),
      }),
    );
    const input = JSON.stringify({ apiVersion: "v1", kind: "List", items: objects });
    const { stdout } = await deployed.kubectl(["create", "--dry-run=server", "-f", "-", "-o", "name"], input);
    const allowed = stdout.split("\n").flatMap((line) => /any-\d+/.exec(line)?.[0] ?? []);
    const ours = objects.filter((object) => {
      const provenance = provenanceOf(object);
      return provenance !== undefined && FUNCTIONS.has(provenance.function) && provenance.owner.kind === "ConfigMap";
    });
    assert.ok(ours.length > 10 && ours.length < 140, `seed ${seed}: ${ours.length} of 150 are ours`);
    assert.deepEqual(
      allowed,
      ours.map(({ metadata }) => metadata.name),
      `seed ${seed}`,
    );
  });

  for (const { name, object, patch, refused } of changes) {
    test(`${refused === undefined ? "lets the host change" : "refuses to change"} ${name}`, async () => {
      const { metadata } = object;
      await deployed.adminApply(object);
      const args = ["patch", "configmap", metadata.name, "-n", metadata.namespace, "--type=merge", "-p"];
      holds(await deployed.kubectl([...args, JSON.stringify(patch)]), refused);
    });
  }

  for (const { name, object, refused } of deletions) {
    test(`${refused === undefined ? "lets the host delete" : "refuses to delete"} ${name}`, async () => {
      await deployed.adminApply(object);
      const args = ["delete", "configmap", object.metadata.name, "-n", object.metadata.namespace, "--wait=false"];
      holds(await deployed.kubectl(args), refused);
    });
  }

  test("holds up nobody else", async () => {
    await deployed.adminApply(stranger("kube-system", "anything"));
    await deployed.admin("delete", "configmap", "anything", "-n", "kube-system");
  });

  test("holds whatever rights the account is given by mistake", async (context) => {
    const binding = ["clusterrolebinding", "by-mistake"];
    await deployed.admin("create", ...binding, "--clusterrole=cluster-admin", "--serviceaccount=evenkeel:evenkeel");
    for (const { name, args, input } of others) {
      await context.test(`refuses ${name}`, async () => {
        const answer = await deployed.kubectl(args, input === undefined ? "" : JSON.stringify(input));
        holds(answer, /writes its Lease, Events, and the kinds that its functions declare/);
      });
    }
    await deployed.admin("delete", ...binding);
  });
});
