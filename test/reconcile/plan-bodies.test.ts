/** What a planned write carries: all that it needs, and never what belongs to somebody else. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { UntypedObject } from "../../runtime/kube/kind.ts";
import type { StoredObject } from "../../runtime/kube/object.ts";
import type { Child, Effects } from "../../runtime/reconcile/effects.ts";
import type { Plan, Write } from "../../runtime/reconcile/plan.ts";
import { stamp } from "../../runtime/reconcile/provenance.ts";
import { childOf, configMap, onlyWrite, other, planned, said, wish } from "./builders.ts";

const source = configMap("default/settings", { uid: "u1", resourceVersion: "9" });
const data = { a: "1" };
const copy = wish("team-a/settings", { data });
const one: Effects = { children: [copy] };

const planOf = (effects: Effects, objects: readonly StoredObject[] = []): Plan => planned(effects, source, objects);

function sent<V extends Write["verb"]>(
  verb: V,
  effects: Effects,
  objects?: readonly StoredObject[],
): Extract<Write, { readonly verb: V }> {
  return onlyWrite(planOf(effects, objects), verb);
}

const mine = (meta: Parameters<typeof configMap>[1] = {}): StoredObject =>
  childOf(source, "mirror", configMap("team-a/settings", { data, ...meta }));

suite("plan: what is sent", () => {
  test("a create is the wish and our marks, nothing else", () => {
    assert.deepEqual(sent("create", one), {
      kind: { apiVersion: "v1", kind: "ConfigMap" },
      name: { name: "settings", namespace: "team-a" },
      verb: "create",
      body: stamp(copy, "mirror", source),
      strategy: "update",
    });
  });

  test("an update keeps what others put into metadata, and is conditional on the version it was made from", () => {
    const owner = { apiVersion: "v1", kind: "Pod", name: "p", uid: "u" };
    const have = childOf(
      source,
      "mirror",
      configMap("team-a/settings", {
        resourceVersion: "42",
        data: { old: "1" },
        labels: { team: "a", "evenkeel.dev/old": "x" },
        annotations: { note: "b", "evenkeel.dev/retain": "true" },
        finalizers: ["x/y"],
        ownerReferences: [owner],
      }),
    );
    const { body } = sent("update", one, [have]);
    const marks = stamp(copy, "mirror", source).metadata;
    assert.deepEqual(body, {
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: {
        ...have.metadata,
        resourceVersion: "42",
        finalizers: ["x/y"],
        ownerReferences: [owner],
        labels: { team: "a", ...marks.labels },
        annotations: { note: "b", ...marks.annotations },
      },
      data,
    });
  });

  test("after its update an object is as wished: one write is enough", () => {
    const have = mine({ data: { old: "1" }, labels: { team: "a" } });
    const { body } = sent("update", one, [have]);
    assert.equal(planOf(one, [body as StoredObject]).unchangedCount, 1);
  });

  test("a replacement and a deletion name the uid and version that were looked at", () => {
    const have = mine({ immutable: true, data: { a: "2" }, uid: "u7", resourceVersion: "70" });
    const replaced = sent("replace", one, [have]);
    assert.deepEqual(
      [replaced.uid, replaced.resourceVersion, replaced.body.metadata.resourceVersion],
      ["u7", "70", undefined],
    );
    const deleted = sent("delete", { children: [] }, [have]);
    assert.deepEqual([deleted.uid, deleted.resourceVersion], ["u7", "70"]);
    const named = sent("delete", { deletions: [{ ...have, metadata: { ...have.metadata, resourceVersion: "69" } }] }, [
      have,
    ]);
    assert.equal(named.resourceVersion, "70", "the version that the plan looked at");
  });

  test("a release takes all our marks off, keeps the rest, and is conditional", () => {
    const have = childOf(
      source,
      "mirror",
      configMap("team-a/settings", {
        uid: "u7",
        resourceVersion: "70",
        labels: { team: "a" },
        annotations: { note: "b", "evenkeel.dev/retain": "true" },
      }),
    );
    assert.deepEqual(sent("release", { releases: [have] }, [have]).patch, {
      metadata: {
        uid: "u7",
        resourceVersion: "70",
        labels: { "evenkeel.dev/function": null },
        annotations: {
          "evenkeel.dev/owner": null,
          "evenkeel.dev/owner-uid": null,
          "evenkeel.dev/self": null,
          "evenkeel.dev/retain": null,
        },
      },
    });
  });

  test("an apply is the wished fields, and the uid of the object that was looked at: nothing can come into being by it", () => {
    const have = configMap("team-a/settings", { uid: "u7", labels: { team: "a" }, data: { old: "1" } });
    assert.deepEqual(sent("apply", { apply: [copy] }, [have]).body, {
      ...copy,
      metadata: { ...copy.metadata, uid: "u7" },
    });
  });

  test("a Secret is created in the form in which it is stored", () => {
    const metadata = { name: "key", namespace: "team-a" };
    const wish = { apiVersion: "v1", kind: "Secret", metadata, stringData: { a: "hunter2" } };
    const { metadata: _, ...content } = sent("create", { children: [wish] }).body;
    assert.deepEqual(content, { apiVersion: "v1", kind: "Secret", type: "Opaque", data: { a: "aHVudGVyMg==" } });
  });

  test("a status carries identity, version and nothing of the spec", () => {
    const { body } = sent("status", { status: { ready: true } });
    assert.deepEqual(body, {
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name: "settings", namespace: "default", resourceVersion: "9" },
      status: { ready: true },
    });
  });

  test("a scale says the number alone", () => {
    const web = other("apps/v1", "Deployment", "team-a/web", { spec: { replicas: 2 } });
    const { patch } = sent("scale", { scale: [{ of: web, replicas: 0 }] }, [web]);
    assert.deepEqual(patch, { spec: { replicas: 0 } });
  });
});

const WEB = "apps/v1/Deployment team-a/web";
const asked = {
  replicas: 2,
  template: { spec: { hostNetwork: false, containers: [{ name: "web", image: "nginx:1" }] } },
};

function effects(spec: object = asked): Effects {
  const metadata = { name: "web", namespace: "team-a" };
  return { children: [{ apiVersion: "apps/v1", kind: "Deployment", metadata, spec } as Child<UntypedObject>] };
}

/** What a server makes of the apply: identity, defaults, and false fields dropped. */
function stored(): StoredObject {
  const { body } = sent("create", effects());
  const defaulted = {
    replicas: 2,
    strategy: { type: "RollingUpdate" },
    template: { spec: { containers: [{ name: "web", image: "nginx:1", imagePullPolicy: "Always" }] } },
  };
  const metadata = { ...body.metadata, uid: "u5", resourceVersion: "5" };
  return { ...body, spec: defaulted, metadata } as StoredObject;
}

function digest(spec?: object): string | undefined {
  return sent("create", effects(spec)).body.metadata.annotations?.["evenkeel.dev/digest"];
}

suite("plan: kinds whose fields others fill in", () => {
  test("are created by an apply that cannot take over what is there", () => {
    const write = sent("create", effects());
    assert.deepEqual(
      [said(write), write.strategy, write.body.metadata.resourceVersion],
      [`create ${WEB}`, "apply", "1"],
    );
  });

  test("cost nothing when the server completed them, in lists as well", () => {
    assert.deepEqual(planOf(effects(), [stored()]), {
      writes: [],
      refused: [],
      awaited: [],
      unchangedCount: 1,
      fulfilled: [],
    });
  });

  test("are updated when a wanted field was changed by somebody else", () => {
    const have = { ...stored(), spec: { ...asked, replicas: 3 } };
    const write = sent("update", effects(), [have]);
    assert.deepEqual([write.strategy, write.body.metadata.resourceVersion], ["apply", "5"]);
  });

  test("are updated when a field is no longer wanted, which only the digest tells", () => {
    const { replicas: _, ...less } = asked;
    assert.deepEqual(planOf(effects(less), [stored()]).writes.map(said), [`update ${WEB}`]);
  });

  test("are updated when a false field is wanted anew", () => {
    assert.deepEqual(planOf(effects({ ...asked, paused: false }), [stored()]).writes.map(said), [`update ${WEB}`]);
  });

  test("have the same digest whenever the same is wanted", () => {
    assert.match(digest() ?? "", /^[0-9a-f]{16}$/);
    assert.equal(digest(), digest(structuredClone(asked)));
    assert.notEqual(digest(), digest({ ...asked, replicas: 1 }));
  });

  test("are refused when they are a stranger's, waited for when they go, deleted when no longer wanted", () => {
    const stranger = other("apps/v1", "Deployment", "team-a/web", { spec: asked });
    assert.deepEqual(
      planOf(effects(), [stranger]).refused.map(({ wish }) => wish),
      ["child"],
    );
    const going = { ...stored(), metadata: { ...stored().metadata, deletionTimestamp: "2026-01-01T00:00:00Z" } };
    assert.deepEqual(planOf(effects({ replicas: 9 }), [going]), {
      writes: [],
      refused: [],
      awaited: [],
      unchangedCount: 1,
      fulfilled: [],
    });
    assert.deepEqual(planOf({ children: [] }, [stored()]).writes.map(said), [`delete ${WEB}`]);
  });
});
