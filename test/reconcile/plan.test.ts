/** Which writes come of which wishes, and what is refused because it is not provably ours. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { kindKey } from "../../runtime/kube/kind.ts";
import { objectKey, type StoredObject } from "../../runtime/kube/object.ts";
import type { Effects } from "../../runtime/reconcile/effects.ts";
import { bare, childOf, configMap, digested, onlyWrite, other, planned, said, wish } from "./builders.ts";

const source = configMap("default/settings", { uid: "u1" });
const data = { a: "1" };

/** A copy as it is stored: ours, in the state that is wished for. */
const mine = (meta: Parameters<typeof configMap>[1] = {}): StoredObject =>
  childOf(source, "mirror", configMap("team-a/settings", { data, ...meta }));
const strange = configMap("team-a/settings", { data });
const dying = { deletionTimestamp: "2026-01-01T00:00:00Z", finalizers: ["x/y"] };

interface Row {
  readonly name: string;
  readonly effects: Effects;
  readonly objects?: readonly StoredObject[];
  readonly writes?: readonly string[];
  readonly refused?: readonly string[];
  readonly awaited?: readonly string[];
  readonly unchanged?: number;
  readonly why?: string;
}

const one = { children: [wish("team-a/settings")] };
const COPY = "v1/ConfigMap team-a/settings";

/** Of a kind that is served in several versions. */
const scaler = (apiVersion: string): NonNullable<Effects["children"]>[number] => ({
  apiVersion,
  kind: "HorizontalPodAutoscaler",
  metadata: { name: "web", namespace: "team-a" },
});
const madeScaler = (apiVersion: string): StoredObject =>
  childOf(source, "mirror", other(apiVersion, "HorizontalPodAutoscaler", "team-a/web"));
const SCALER = "autoscaling/v2/HorizontalPodAutoscaler team-a/web";

const children: readonly Row[] = [
  { name: "a child that is missing is created", effects: one, writes: [`create ${COPY}`] },
  { name: "a child that is as wished costs nothing", effects: one, objects: [mine()], unchanged: 1 },
  {
    name: "a child with other data is updated",
    effects: one,
    objects: [mine({ data: { a: "2" } })],
    writes: [`update ${COPY}`],
  },
  {
    name: "a foreign label on a child costs nothing",
    effects: one,
    objects: [childOf(source, "mirror", configMap("team-a/settings", { data, labels: { team: "a" } }))],
    unchanged: 1,
  },
  {
    name: "a child of the source's former self is marked anew",
    effects: one,
    objects: [childOf(configMap("default/settings", { uid: "u0" }), "mirror", configMap("team-a/settings", { data }))],
    writes: [`update ${COPY}`],
  },
  {
    name: "a child that is no longer named is deleted",
    effects: { children: [] },
    objects: [mine()],
    writes: [`delete ${COPY}`],
  },
  {
    name: "children that nothing is said about are left alone",
    effects: {},
    objects: [mine()],
    why: "absent is not empty",
  },
  { name: "children: undefined says nothing either", effects: { children: undefined }, objects: [mine()] },
  {
    name: "a child that is named anew takes the place of one that no longer is",
    effects: { children: [wish("squad-a/settings")] },
    objects: [mine()],
    writes: ["create v1/ConfigMap squad-a/settings", `delete ${COPY}`],
  },
  {
    name: "an immutable child with other data makes way for its successor",
    effects: one,
    objects: [mine({ immutable: true, data: { a: "2" } })],
    writes: [`replace ${COPY}`],
  },
  {
    name: "a child that must no longer be immutable makes way too",
    effects: one,
    objects: [mine({ immutable: true })],
    writes: [`replace ${COPY}`],
  },
  {
    name: "an immutable child with other marks is updated",
    effects: { children: [wish("team-a/settings", { immutable: true })] },
    objects: [
      childOf(
        configMap("default/settings", { uid: "u0" }),
        "mirror",
        configMap("team-a/settings", { data, immutable: true }),
      ),
    ],
    writes: [`update ${COPY}`],
  },
  {
    name: "a child becomes immutable by an update",
    effects: { children: [wish("team-a/settings", { immutable: true })] },
    objects: [mine()],
    writes: [`update ${COPY}`],
  },
  { name: "a child on its way out is waited for", effects: one, objects: [mine({ ...dying, data: {} })], unchanged: 1 },
  { name: "a child on its way out is not deleted again", effects: { children: [] }, objects: [mine(dying)] },
  { name: "a stranger in the way is reported", effects: one, objects: [strange], refused: [`child ${COPY}`] },
  {
    name: "a stranger in the way that is as wished is reported all the same",
    effects: one,
    objects: [configMap("team-a/settings", { data })],
    refused: [`child ${COPY}`],
  },
  {
    name: "another function's child in the way is reported",
    effects: one,
    objects: [childOf(source, "other", configMap("team-a/settings", { data }))],
    refused: [`child ${COPY}`],
  },
  {
    name: "another owner's child in the way is reported",
    effects: one,
    objects: [childOf(configMap("other/settings"), "mirror", configMap("team-a/settings", { data }))],
    refused: [`child ${COPY}`],
  },
  {
    name: "a hand-made copy of a child is never pruned",
    effects: { children: [] },
    objects: [
      configMap("team-b/settings", {
        labels: mine().metadata.labels ?? {},
        annotations: mine().metadata.annotations ?? {},
      }),
    ],
  },
  {
    name: "a child of another function is never pruned",
    effects: { children: [] },
    objects: [childOf(source, "other", configMap("team-a/settings"))],
  },
  {
    name: "a child that is wished for in one of two versions is not deleted in the other",
    effects: { children: [scaler("autoscaling/v2")] },
    objects: [madeScaler("autoscaling/v1"), madeScaler("autoscaling/v2")],
    writes: [`update ${SCALER}`],
    why: "both are one object",
  },
  {
    name: "a child that is there in two versions is deleted once",
    effects: { children: [] },
    objects: [madeScaler("autoscaling/v1"), madeScaler("autoscaling/v2")],
    writes: [`delete ${SCALER}`],
  },
  {
    name: "a child that is wished for in one of two groups is not deleted in the other",
    effects: { children: [scaler("autoscaling/v2")] },
    objects: [madeScaler("extensions/v1"), { ...madeScaler("extensions/v1"), apiVersion: "autoscaling/v2" }],
    refused: [`child ${SCALER}`],
    why: "both are one object",
  },
  {
    name: "one refusal does not hold up the others",
    effects: { children: [wish("team-a/settings"), wish("team-b/settings")] },
    objects: [strange],
    refused: [`child ${COPY}`],
    writes: ["create v1/ConfigMap team-b/settings"],
  },
];

/** A Secret as a function wishes for it. */
const secret = (content: object): Effects => ({
  children: [{ apiVersion: "v1", kind: "Secret", metadata: { name: "key", namespace: "team-a" }, ...content }],
});
/** And as the server stores it. */
const storedSecret = (content: object): StoredObject =>
  childOf(source, "mirror", other("v1", "Secret", "team-a/key", content));
const SECRET = "v1/Secret team-a/key";
const hunter2 = "aHVudGVyMg==";

const spellings: readonly Row[] = [
  {
    name: "a Secret without a type is Opaque",
    effects: secret({ data: { a: hunter2 } }),
    objects: [storedSecret({ type: "Opaque", data: { a: hunter2 } })],
    unchanged: 1,
  },
  {
    name: "so is one whose type is empty",
    effects: secret({ type: "", data: { a: hunter2 } }),
    objects: [storedSecret({ type: "Opaque", data: { a: hunter2 } })],
    unchanged: 1,
  },
  {
    name: "a Secret of another type is no Opaque one",
    effects: secret({ type: "example.dev/key", data: { a: hunter2 } }),
    objects: [storedSecret({ type: "Opaque", data: { a: hunter2 } })],
    writes: [`update ${SECRET}`],
  },
  {
    name: "text of a Secret is stored as base64 of its UTF-8",
    effects: secret({ stringData: { a: "hunter2", b: "naïve", c: "" } }),
    objects: [storedSecret({ type: "Opaque", data: { a: hunter2, b: "bmHDr3Zl", c: "" } })],
    unchanged: 1,
  },
  {
    name: "text wins over data of the same key, and the other data stays",
    effects: secret({ data: { a: "b2xk", b: "Yg==" }, stringData: { a: "hunter2" } }),
    objects: [storedSecret({ type: "Opaque", data: { a: hunter2, b: "Yg==" } })],
    unchanged: 1,
  },
  {
    name: "text of a Secret that has changed is sent",
    effects: secret({ stringData: { a: "hunter3" } }),
    objects: [storedSecret({ type: "Opaque", data: { a: hunter2 } })],
    writes: [`update ${SECRET}`],
  },
  {
    name: "a Secret with neither data nor text",
    effects: secret({ stringData: {} }),
    objects: [storedSecret({ type: "Opaque" })],
    unchanged: 1,
  },
  {
    name: "a ConfigMap that is not immutable, said or unsaid",
    effects: { children: [wish("team-a/settings", { immutable: false }), wish("team-b/settings")] },
    objects: [mine(), childOf(source, "mirror", configMap("team-b/settings", { data, immutable: false }))],
    unchanged: 2,
  },
  {
    name: "a ConfigMap with empty data, which the server drops",
    effects: { children: [{ ...wish("team-a/settings", { data: {} }), binaryData: {} }] },
    objects: [childOf(source, "mirror", configMap("team-a/settings"))],
    unchanged: 1,
  },
  {
    name: "a ConfigMap with an empty text, which the server keeps",
    effects: { children: [wish("team-a/settings", { data: { a: "" } })] },
    objects: [childOf(source, "mirror", configMap("team-a/settings"))],
    writes: [`update ${COPY}`],
  },
];

const deployment = other("apps/v1", "Deployment", "team-a/web", { spec: { replicas: 2 } });
const gone = { ...strange, metadata: { ...strange.metadata, uid: "another" } };

const rest: readonly Row[] = [
  {
    name: "an object of ours is deleted",
    effects: { deletions: [mine()] },
    objects: [mine()],
    writes: [`delete ${COPY}`],
  },
  {
    name: "a child of another function, too: cleanup works on what mirror made",
    effects: { deletions: [childOf(strange, "other", mine())] },
    objects: [childOf(strange, "other", mine())],
    writes: [`delete ${COPY}`],
  },
  {
    name: "a stranger is never deleted",
    effects: { deletions: [strange] },
    objects: [strange],
    refused: [`deletion ${COPY}`],
  },
  { name: "an object that is gone already needs no deletion", effects: { deletions: [mine()] }, unchanged: 1 },
  { name: "a namesake with another uid is not meant", effects: { deletions: [gone] }, objects: [mine()], unchanged: 1 },
  {
    name: "an object on its way out is not deleted again",
    effects: { deletions: [mine(dying)] },
    objects: [mine(dying)],
  },
  {
    name: "an object of ours is let go",
    effects: { releases: [mine()] },
    objects: [mine()],
    writes: [`release ${COPY}`],
  },
  {
    name: "a stranger cannot be let go",
    effects: { releases: [strange] },
    objects: [strange],
    refused: [`release ${COPY}`],
  },
  {
    name: "a child that is to be deleted by name and by omission is deleted once",
    effects: { children: [], deletions: [mine()] },
    objects: [mine()],
    writes: [`delete ${COPY}`],
  },
  {
    name: "a child that is let go is not pruned",
    effects: { children: [], releases: [mine()] },
    objects: [mine()],
    writes: [`release ${COPY}`],
  },
  {
    name: "fields of an absent object are not applied: it would come into being",
    effects: { apply: [wish("team-a/settings")] },
    awaited: [COPY],
  },
  {
    name: "text of a Secret is applied as the data that it becomes, and no type with it",
    effects: { apply: secret({ stringData: { a: "hunter2" } }).children ?? [] },
    objects: [other("v1", "Secret", "team-a/key", { type: "example.dev/key", data: { a: hunter2, b: "Yg==" } })],
    unchanged: 1,
  },
  {
    name: "fields that are there cost nothing",
    effects: { apply: [wish("team-a/settings")] },
    objects: [configMap("team-a/settings", { data: { a: "1", b: "2" } })],
    unchanged: 1,
  },
  {
    name: "fields with another value are applied, whosever the object is",
    effects: { apply: [wish("team-a/settings")] },
    objects: [configMap("team-a/settings", { data: { a: "2" } })],
    writes: [`apply ${COPY}`],
  },
  {
    name: "a false field that is absent is applied",
    effects: { apply: [wish("team-a/settings", { immutable: false })] },
    objects: [strange],
    writes: [`apply ${COPY}`],
    why: "absent may mean true",
  },
  {
    name: "a status is written",
    effects: { status: { ready: true } },
    writes: ["status v1/ConfigMap default/settings"],
  },
  {
    name: "a first status of false is written",
    effects: { status: { ready: false } },
    writes: ["status v1/ConfigMap default/settings"],
  },
  { name: "an empty status of an object without one costs nothing", effects: { status: {} }, unchanged: 1 },
  {
    name: "a scale is set",
    effects: { scale: [{ of: deployment, replicas: 3 }] },
    objects: [deployment],
    writes: ["scale apps/v1/Deployment team-a/web"],
  },
  {
    name: "a scale that is so already costs nothing",
    effects: { scale: [{ of: deployment, replicas: 2 }] },
    objects: [deployment],
    unchanged: 1,
  },
  {
    name: "a namesake with another uid is not scaled",
    effects: { scale: [{ of: { ...deployment, metadata: { ...deployment.metadata, uid: "x" } }, replicas: 3 }] },
    objects: [deployment],
    unchanged: 1,
  },
  {
    name: "events, times and memos are no writes",
    effects: { events: [], requeueAfterMs: 5, memo: 1 },
    objects: [mine()],
  },
];

function holds({ name, effects, objects = [], why, ...expected }: Row): void {
  const { writes = [], refused = [], awaited = [], unchanged = 0 } = expected;
  test(name, () => {
    const result = planned(effects, source, objects);
    const refusals = result.refused.map(({ wish, kind, name }) => `${wish} ${kindKey(kind)} ${objectKey(name)}`);
    const absent = result.awaited.map(({ kind, name }) => `${kindKey(kind)} ${objectKey(name)}`);
    assert.deepEqual(
      [result.writes.map(said), refusals, absent, result.unchangedCount],
      [writes, refused, awaited, unchanged],
      why ?? name,
    );
  });
}

suite("plan: children", () => {
  for (const row of children) holds(row);
});

suite("plan: a child that is made where one has just gone", () => {
  const fixed = { children: [wish("team-a/settings", { immutable: true })] };
  const rows: readonly {
    readonly name: string;
    readonly effects?: Effects;
    readonly gone?: StoredObject;
    readonly isNews: boolean;
  }[] = [
    {
      name: "is news where that was immutable and had other data",
      gone: mine({ immutable: true, data: { a: "2" } }),
      isNews: true,
    },
    { name: "is none where it had the same", effects: fixed, gone: mine({ immutable: true }), isNews: false },
    { name: "is none where it could be changed", gone: mine({ data: { a: "2" } }), isNews: false },
    { name: "is none where nothing is known of its data", gone: bare(mine({ immutable: true })), isNews: false },
    { name: "is none where none has gone", isNews: false },
  ];
  for (const { name, effects = one, gone, isNews } of rows)
    test(name, () => {
      const made = planned(effects, source, [], { departed: () => gone && digested(gone) });
      assert.equal(onlyWrite(made, "create").isSuccessor === true, isNews);
    });
});

suite("plan: what is stored in another form than it was wished for", () => {
  for (const row of spellings) holds(row);
});

const unknown: readonly Row[] = [
  {
    name: "a child of ours is awaited in the cache of children, which tells whether it is as wished",
    effects: one,
    objects: [bare(mine({ data: { a: "2" } }))],
    unchanged: 1,
  },
  {
    name: "so is one whose wanted fields are looked up",
    effects: { children: [{ apiVersion: "apps/v1", kind: "Deployment", metadata: { name: "web", namespace: "a" } }] },
    objects: [bare(childOf(source, "mirror", other("apps/v1", "Deployment", "a/web")))],
    unchanged: 1,
  },
  { name: "a stranger in the way is reported", effects: one, objects: [bare(strange)], refused: [`child ${COPY}`] },
  {
    name: "what is ours can be deleted",
    effects: { deletions: [mine()] },
    objects: [bare(mine())],
    writes: [`delete ${COPY}`],
  },
  {
    name: "labels that are applied are compared",
    effects: {
      apply: [{ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "a", namespace: "n", labels: { x: "1" } } }],
    },
    objects: [bare(configMap("n/a", { data, labels: { x: "1", y: "2" } }))],
    unchanged: 1,
  },
  {
    name: "content that is applied cannot be compared, and is sent",
    effects: { apply: [wish("team-a/settings")] },
    objects: [bare(configMap("team-a/settings", { data }))],
    writes: [`apply ${COPY}`],
  },
];

suite("plan: where metadata alone is cached", () => {
  for (const row of unknown) holds(row);
});

suite("plan: everything else", () => {
  for (const row of rest) holds(row);

  const ready = { status: { ready: true } };
  const statuses: readonly {
    readonly name: string;
    readonly status: object;
    readonly sent?: object;
    readonly isWritten: boolean;
  }[] = [
    { name: "that is so already costs nothing", status: { ready: true }, isWritten: false },
    { name: "that lacks something is written", status: { more: 1 }, sent: ready, isWritten: true },
    {
      name: "that says more is written when nothing is known of it",
      status: { ready: true, more: 1 },
      isWritten: true,
    },
    {
      name: "that says more than what was sent costs nothing: the rest is another's",
      status: { ready: true, more: 1 },
      sent: ready,
      isWritten: false,
    },
    {
      name: "that still says what is no longer wished for is written",
      status: { ready: true, error: "old" },
      sent: { status: { ready: true, error: "old" } },
      isWritten: true,
    },
  ];
  for (const { name, status, sent, isWritten } of statuses)
    test(`a status ${name}`, () => {
      const owner = other("example.dev/v1", "Widget", "a/w", { status });
      const bare = other("example.dev/v1", "Widget", "a/w", {});
      const statusDigest = sent && onlyWrite(planned(sent, bare, []), "status").digest;
      const { writes, unchangedCount } = planned(ready, owner, [], { statusDigest });
      assert.deepEqual([writes.map(({ verb }) => verb), unchangedCount], isWritten ? [["status"], 0] : [[], 1]);
    });
});
