/** Whatever was missed, the copies become what the sources say. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { ConfigMap, Namespace } from "../../runtime/kube/kind.ts";
import { configMap, namespace, source } from "./objects.ts";
import { refusal } from "./refusal.ts";
import { world, type World } from "./world.ts";

/** How soon a change must have arrived, retries of the first kind and the grace of deletions included. */
const SOON_MS = 5_000;
const MINUTE = 60_000;

/** A world whose copies are in place. */
async function settled(...[context, options]: Parameters<typeof world>): Promise<World> {
  const w = await world(context, options);
  await w.converged();
  w.mark();
  return w;
}

suite("copies", () => {
  test("have the same data and binaryData bytes, and are immutable where the source is", async (context) => {
    const content = {
      data: { text: "é\n\t ü", empty: "" },
      binaryData: { bytes: Buffer.from([0, 255, 128, 10]).toString("base64") },
    };
    const objects = [source("default/plain", content), source("default/fixed", { ...content, immutable: true })];
    const namespaces = ["team-a", "team-b", "team-c", "other"];
    const w = await world(context, { namespaces, objects });
    await w.advance(SOON_MS);
    assert.equal((await w.copies()).length, 6);
    for (const key of ["team-a/plain", "team-c/fixed"]) {
      const copy = await w.get(ConfigMap, key);
      assert.deepEqual({ data: copy?.data, binaryData: copy?.binaryData }, content);
      assert.equal(copy?.immutable, key.endsWith("fixed") ? true : undefined);
    }
  });

  test("carry nothing of the source's metadata", async (context) => {
    const annotations = {
      "kubectl.kubernetes.io/last-applied-configuration": "{}",
      "argocd.argoproj.io/tracking-id": "x",
      "meta.helm.sh/release-name": "x",
      "kopf.zalando.org/last-handled-configuration": "x",
      note: "x",
    };
    const labels = {
      "app.kubernetes.io/instance": "x",
      "app.kubernetes.io/managed-by": "Helm",
      "kustomize.toolkit.fluxcd.io/name": "x",
      "kapp.k14s.io/app": "x",
    };
    const w = await settled(context, {
      objects: [source("default/settings", { annotations, labels, finalizers: ["example.com/hold"] })],
    });
    const { metadata } = (await w.get(ConfigMap, "team-a/settings")) ?? assert.fail("no copy");
    assert.deepEqual(Object.keys(metadata.labels ?? {}), ["evenkeel.dev/function"]);
    const ours = ["evenkeel.dev/owner", "evenkeel.dev/owner-uid", "evenkeel.dev/self"];
    assert.deepEqual(Object.keys(metadata.annotations ?? {}).toSorted(), ours);
    assert.equal(metadata.ownerReferences, undefined);
    assert.equal(metadata.finalizers, undefined);
  });

  test("keep the labels and annotations that others put on them", async (context) => {
    const w = await settled(context, { objects: [source("default/settings")] });
    await w.update(ConfigMap, "team-a/settings", (it) => ({
      ...it,
      metadata: {
        ...it.metadata,
        labels: { ...it.metadata.labels, app: "x" },
        annotations: { ...it.metadata.annotations, note: "y" },
      },
    }));
    await w.update(ConfigMap, "default/settings", (it) => ({ ...it, data: { a: "2" } }));
    await w.converged();
    const copy = await w.get(ConfigMap, "team-a/settings");
    assert.deepEqual(
      [copy?.data, copy?.metadata.labels?.["app"], copy?.metadata.annotations?.["note"]],
      [{ a: "2" }, "x", "y"],
    );
    assert.deepEqual(w.writes().toSorted(), ["update team-a/settings", "update team-b/settings"]);
  });
});

interface Row {
  readonly name: string;
  readonly why?: string;
  readonly objects?: readonly ConfigMap[];
  readonly namespaces?: readonly string[];
  readonly change: (w: World) => Promise<void>;
  /** Keys and data of all copies in the end. */
  readonly copies: Readonly<Record<string, unknown>>;
  readonly writes?: readonly string[];
  /** Writes that the server refuses. */
  readonly refused?: readonly string[];
}

const a1 = { a: "1" };
const both = { "team-a/settings": a1, "team-b/settings": a1 };

const rows: readonly Row[] = [
  {
    name: "a source that is deleted takes its copies along",
    change: (w) => w.delete(ConfigMap, "default/settings"),
    copies: {},
    writes: ["delete team-a/settings", "delete team-b/settings"],
  },
  {
    name: "the label set to another value is the end of the copies",
    why: "a selector watch says DELETED of an object that lives",
    change: (w) => relabel(w, { mirror: "false" }),
    copies: {},
  },
  { name: "the label removed is the end of the copies", change: (w) => relabel(w, {}), copies: {} },
  {
    name: "the label removed and set again leaves the copies",
    async change(w) {
      await relabel(w, {});
      await w.advance(SOON_MS);
      await relabel(w, { mirror: "true" });
    },
    copies: both,
  },
  {
    name: "a source replaced by another of its name, at once, keeps its copies and updates them",
    async change(w) {
      await w.delete(ConfigMap, "default/settings");
      await w.create(source("default/settings", { data: { b: "2" } }));
    },
    copies: { "team-a/settings": { b: "2" }, "team-b/settings": { b: "2" } },
    writes: ["update team-a/settings", "update team-b/settings"],
  },
  {
    name: "a namespace that appears gets its copy",
    change: (w) => w.create(namespace("team-new")),
    copies: { ...both, "team-new/settings": a1 },
    writes: ["create team-new/settings"],
  },
  {
    name: "a namespace that does not match gets none",
    change: (w) => w.create(namespace("steam-new")),
    copies: both,
    writes: [],
  },
  {
    name: "a key removed from the source is removed from the copies",
    objects: [source("default/settings", { data: { a: "1", b: "2" }, binaryData: { c: "AAAA", d: "AAAA" } })],
    change: (w) =>
      w.update(ConfigMap, "default/settings", (it) => ({ ...it, data: { a: "1" }, binaryData: { c: "AAAA" } })),
    copies: both,
  },
  {
    name: "all data removed from the source is removed from the copies",
    change: (w) =>
      w.update(ConfigMap, "default/settings", ({ apiVersion, kind, metadata }) => ({
        apiVersion,
        kind,
        metadata,
      })),
    copies: { "team-a/settings": undefined, "team-b/settings": undefined },
  },
  {
    name: "a copy that was edited is repaired",
    change: (w) => w.update(ConfigMap, "team-a/settings", (it) => ({ ...it, data: { a: "edited", more: "x" } })),
    copies: both,
    writes: ["update team-a/settings"],
  },
  {
    name: "a copy that was deleted comes back",
    change: (w) => w.delete(ConfigMap, "team-a/settings"),
    copies: both,
    writes: ["create team-a/settings"],
  },
  {
    name: "a copy whose marks were taken off is a stranger from then on",
    change: (w) =>
      w.update(ConfigMap, "team-a/settings", (it) => ({
        ...it,
        metadata: { ...it.metadata, labels: {}, annotations: {} },
      })),
    copies: { "team-b/settings": a1 },
    refused: ["create team-a/settings: 409"],
  },
  {
    name: "a source that is renamed has copies of the new name only",
    async change(w) {
      await w.create(source("default/renamed"));
      await w.delete(ConfigMap, "default/settings");
    },
    copies: { "team-a/renamed": a1, "team-b/renamed": a1 },
  },
  {
    name: "the source's namespace deleted is the source deleted",
    objects: [source("other/settings")],
    change: (w) => w.delete(Namespace, "other"),
    copies: {},
  },
  {
    name: "a target namespace deleted takes its copy, and nobody writes into it meanwhile",
    change: (w) => w.delete(Namespace, "team-a"),
    copies: { "team-b/settings": a1 },
    writes: [],
  },
  {
    name: "a target namespace deleted and created again has its copy again",
    async change(w) {
      await w.delete(Namespace, "team-a");
      await w.advance(SOON_MS);
      await w.create(namespace("team-a"));
    },
    copies: both,
    writes: ["create team-a/settings"],
  },
  {
    name: "a copy that a human labels as a source makes no second generation",
    change: (w) =>
      w.update(ConfigMap, "team-a/settings", (it) => ({
        ...it,
        metadata: { ...it.metadata, labels: { ...it.metadata.labels, mirror: "true" } },
      })),
    copies: both,
    writes: [],
  },
  {
    name: "an immutable source replaced by another content replaces its copies",
    objects: [source("default/settings", { data: a1, immutable: true })],
    async change(w) {
      await w.delete(ConfigMap, "default/settings");
      await w.create(source("default/settings", { data: { a: "2" }, immutable: true }));
    },
    copies: { "team-a/settings": { a: "2" }, "team-b/settings": { a: "2" } },
    writes: ["create team-a/settings", "create team-b/settings", "delete team-a/settings", "delete team-b/settings"],
  },
  {
    name: "a source that becomes immutable makes its copies so",
    change: (w) => w.update(ConfigMap, "default/settings", (it) => ({ ...it, immutable: true })),
    copies: both,
    writes: ["update team-a/settings", "update team-b/settings"],
  },
  {
    name: "a source touched without a change of content costs no write",
    async change(w) {
      for (let second = 0; second < 30; second++) {
        await w.update(ConfigMap, "default/settings", (it) => ({
          ...it,
          metadata: { ...it.metadata, annotations: { leader: `${second}` } },
        }));
        await w.advance(1_000);
      }
    },
    copies: both,
    writes: [],
  },
];

suite("while the host is up", () => {
  for (const {
    name,
    why = name,
    refused = [],
    objects = [source("default/settings")],
    change,
    copies,
    writes,
  } of rows) {
    test(name, async (context) => {
      const w = await settled(context, { objects });
      await change(w);
      await w.advance(SOON_MS);
      assert.deepEqual(await w.contents(), copies, why);
      if (writes !== undefined) assert.deepEqual(w.writes().toSorted(), writes, why);
      assert.deepEqual(badAnswers(w), refused);
      await w.converged();
      assert.deepEqual(await w.contents(), copies, why);
    });
  }
});

suite("while the host was down", () => {
  for (const { name, why = name, refused = [], objects = [source("default/settings")], change, copies } of rows) {
    test(name, async (context) => {
      const w = await settled(context, { objects });
      await w.stop();
      await change(w);
      await w.advance(SOON_MS);
      await w.boot();
      await w.advance(SOON_MS);
      assert.deepEqual(await w.contents(), copies, why);
      assert.deepEqual(badAnswers(w), refused);
    });
  }
});

suite("a changed prefix", () => {
  const namespaces = ["team-a", "team-b", "squad-a", "squad-b"];
  const squads = ["squad-a/settings", "squad-b/settings"];

  test("makes the new copies first, then removes the old ones; strangers stay", async (context) => {
    const objects = [source("default/settings"), configMap("team-a/mine"), configMap("squad-a/mine")];
    const w = await settled(context, { namespaces, objects });
    await w.apply({ config: { mirror: { prefixes: ["squad-"] } } });
    await w.converged();
    assert.deepEqual(await w.copies(), squads);
    assert.deepEqual(w.writes(), [
      "create squad-a/settings",
      "create squad-b/settings",
      "delete team-a/settings",
      "delete team-b/settings",
    ]);
    for (const key of ["team-a/mine", "squad-a/mine"]) assert.ok(await w.get(ConfigMap, key));
  });

  test("comes to the same end when it changed while the host was down", async (context) => {
    const w = await settled(context, { namespaces, objects: [source("default/settings")] });
    await w.stop();
    await w.apply({ config: { mirror: { prefixes: ["squad-"] } } });
    await w.boot();
    await w.converged();
    assert.deepEqual(await w.copies(), squads);
  });

  const teams = ["team-a/settings", "team-b/settings"];
  const failures: readonly {
    readonly name: string;
    readonly why: string;
    readonly status: number;
    readonly reason: string;
    readonly fails: (key: string) => boolean;
    readonly copies: readonly string[];
    readonly events: readonly string[];
  }[] = [
    {
      name: "whose new copies are refused keeps the old ones",
      why: "a fence, a quota or a policy",
      status: 403,
      reason: "Forbidden",
      fails: (key) => squads.includes(key),
      copies: teams,
      events: ["Kept on default/settings", "WriteRefused on default/settings"],
    },
    {
      name: "whose new copies meet a webhook that fails keeps the old ones",
      why: "an outage says nothing about what is wanted",
      status: 500,
      reason: "InternalError",
      fails: (key) => squads.includes(key),
      copies: teams,
      events: ["Kept on default/settings"],
    },
    {
      name: "whose new copies meet a server without an answer keeps the old ones",
      why: "an outage says nothing about what is wanted",
      status: 503,
      reason: "ServiceUnavailable",
      fails: (key) => squads.includes(key),
      copies: teams,
      events: ["Kept on default/settings"],
    },
    {
      name: "of whose new copies one is refused removes the old ones",
      why: "what is wanted has begun to be there; one bad namespace holds up no other",
      status: 403,
      reason: "Forbidden",
      fails: (key) => key === "squad-b/settings",
      copies: ["squad-a/settings"],
      events: ["WriteRefused on default/settings"],
    },
  ];
  for (const { name, why, status, reason, fails, copies, events } of failures)
    test(`${name}, until they can be made`, async (context) => {
      const w = await settled(context, { namespaces, objects: [source("default/settings")] });
      w.rule(({ verb, resource, key }) =>
        verb === "create" && resource === "configmaps" && fails(key) ? refusal(status, reason, reason) : undefined,
      );
      await w.apply({ config: { mirror: { prefixes: ["squad-"] } } });
      await w.advance(10 * MINUTE);
      assert.deepEqual(await w.copies(), copies, why);
      assert.deepEqual(await w.events(), events);
      assert.ok(w.writes().length < 40, `${w.writes().length} writes in ten minutes`);
      w.rule(() => undefined);
      await w.advance(6 * MINUTE);
      assert.deepEqual(await w.copies(), squads, why);
    });

  test("whose new names are all taken lets the old copies go: that may last for ever", async (context) => {
    const strangers = [configMap("squad-a/settings"), configMap("squad-b/settings")];
    const w = await settled(context, { namespaces, objects: [source("default/settings"), ...strangers] });
    await w.apply({ config: { mirror: { prefixes: ["squad-"] } } });
    await w.converged();
    assert.deepEqual(await w.copies(), []);
    assert.deepEqual(await w.events(), ["NotOurs on default/settings"]);
  });
});

suite("two sources of one name", () => {
  const settings = { data: { from: "default" } };

  test("the older one wins, the other is told so once, and nothing is written over and over", async (context) => {
    const w = await world(context, { objects: [source("default/settings", settings)] });
    await w.advance(2_000);
    await w.create(source("other/settings", { data: { from: "other" } }));
    await w.converged();
    assert.deepEqual(await w.contents(), { "team-a/settings": settings.data, "team-b/settings": settings.data });
    assert.deepEqual(await w.events(), ["Conflict on other/settings"]);
    w.mark();
    await w.advance(10 * 60_000);
    await w.restart();
    await w.converged();
    assert.deepEqual(w.writes(), []);
    assert.deepEqual(await w.events(), ["Conflict on other/settings"]);
  });

  test("of the same second, the first namespace by name wins, whichever is seen first", async (context) => {
    const w = await world(context, { objects: [source("other/settings"), source("default/settings", settings)] });
    await w.converged();
    assert.deepEqual(await w.contents(), { "team-a/settings": settings.data, "team-b/settings": settings.data });
  });

  test("when the winner goes, the other takes over; when it comes back, it is the younger one", async (context) => {
    const other = { from: "other" };
    const w = await world(context, { objects: [source("default/settings", settings)] });
    await w.advance(2_000);
    await w.create(source("other/settings", { data: other }));
    await w.converged();
    w.mark();
    await w.delete(ConfigMap, "default/settings");
    await w.converged();
    assert.deepEqual(await w.contents(), { "team-a/settings": other, "team-b/settings": other });
    await w.create(source("default/settings", settings));
    await w.converged();
    assert.deepEqual(await w.contents(), { "team-a/settings": other, "team-b/settings": other });
    const writes = [
      "create team-a/settings",
      "create team-b/settings",
      "delete team-a/settings",
      "delete team-b/settings",
    ];
    assert.deepEqual(w.writes().toSorted(), writes);
  });
});

suite("a source that has become a copy", () => {
  test("of its rival, and is labelled again, leaves no copies of its own in the way", async (context) => {
    const w = await world(context, { objects: [source("team-a/settings", { data: { from: "team-a" } })] });
    await w.advance(2_000);
    await w.create(source("default/settings", { data: { from: "default" } }));
    await w.converged();
    await w.delete(ConfigMap, "team-a/settings");
    await w.advance(100);
    assert.deepEqual((await w.get(ConfigMap, "team-a/settings"))?.data, { from: "default" });
    // Somebody applies its manifest once more, and meets the copy in its place.
    await w.update(ConfigMap, "team-a/settings", (it) => {
      const { metadata } = it;
      return { ...it, metadata: { ...metadata, labels: { ...metadata.labels, mirror: "true" } } };
    });
    await w.converged();
    const from = { from: "default" };
    assert.deepEqual(await w.contents(), { "team-a/settings": from, "team-b/settings": from });
  });
});

suite("many changes", () => {
  test("a hundred updates of a source within a second: few writes, and the last content wins", async (context) => {
    const w = await settled(context, { objects: [source("default/settings")] });
    for (let i = 1; i <= 100; i++) {
      await w.update(ConfigMap, "default/settings", (it) => ({ ...it, data: { a: `${i}` } }));
      await w.advance(10);
    }
    await w.converged();
    assert.deepEqual((await w.get(ConfigMap, "team-a/settings"))?.data, { a: "100" });
    const count = w.writes().filter((write) => write === "update team-a/settings").length;
    assert.ok(count <= 100, `${count} writes`);
    assert.deepEqual(badAnswers(w), []);
  });

  test("a hundred updates with watches half a second late cost a few writes per copy", async (context) => {
    const w = await settled(context, { objects: [source("default/settings")] });
    w.delayWatches(500);
    for (let i = 1; i <= 100; i++) {
      await w.update(ConfigMap, "default/settings", (it) => ({ ...it, data: { a: `${i}` } }));
      await w.advance(10);
    }
    await w.converged();
    assert.deepEqual((await w.get(ConfigMap, "team-a/settings"))?.data, { a: "100" });
    const count = w.writes().filter((write) => write === "update team-a/settings").length;
    assert.ok(count >= 1 && count <= 4, `${count} writes`);
    assert.deepEqual(badAnswers(w), []);
  });
});

async function relabel(w: World, labels: Readonly<Record<string, string>>): Promise<void> {
  await w.update(ConfigMap, "default/settings", (it) => ({ ...it, metadata: { ...it.metadata, labels } }));
}

/** Write requests that the server refused. */
function badAnswers(w: World): readonly string[] {
  return w.writeRequests().flatMap(({ verb, key, status = 0 }) => (status >= 300 ? [`${verb} ${key}: ${status}`] : []));
}
