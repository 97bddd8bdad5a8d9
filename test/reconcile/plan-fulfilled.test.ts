/** What is stored in another spelling than it was wished for in is sent until the server says that this changes nothing. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { UntypedObject } from "../../runtime/kube/kind.ts";
import type { StoredObject } from "../../runtime/kube/object.ts";
import type { Child, Effects } from "../../runtime/reconcile/effects.ts";
import type { Plan } from "../../runtime/reconcile/plan.ts";
import { bare, childOf, configMap, onlyWrite, other, planned, wish } from "./builders.ts";

const source = configMap("default/settings", { uid: "u1" });
const one = { children: [wish("team-a/settings")] };
const mine = (data: Readonly<Record<string, string>>, resourceVersion = "7"): StoredObject =>
  childOf(source, "mirror", configMap("team-a/settings", { data, resourceVersion }));

interface Reworded {
  readonly name: string;
  readonly effects: Effects;
  readonly have: StoredObject;
  /** What is there when the key runs again. */
  readonly later?: StoredObject;
  readonly laterEffects?: Effects;
  /** Whether that is sent. */
  readonly isSent: boolean;
  readonly why?: string;
}

const quota = (cpu: string, hard: object = {}): Effects => ({
  children: [
    {
      apiVersion: "v1",
      kind: "ResourceQuota",
      metadata: { name: "q", namespace: "a" },
      spec: { hard: { cpu, ...hard } },
    } as Child<UntypedObject>,
  ],
});
/** What the server makes of `quota("1000m")`: the quantity 1000m is 1. */
function storedQuota(spec: object = { hard: { cpu: "1" } }): StoredObject {
  const { body } = onlyWrite(planned(quota("1000m"), source, []), "create");
  const stored = { ...body, spec, metadata: { ...body.metadata, uid: "q7", resourceVersion: "7" } };
  return stored;
}
const labelled = (object: StoredObject): StoredObject => ({
  ...object,
  metadata: { ...object.metadata, resourceVersion: "8", labels: { ...object.metadata.labels, team: "a" } },
});
const widget = (status: object): StoredObject => other("example.dev/v1", "Widget", "a/w", { status });
const since = { status: { since: "2026-01-01T00:00:00.000Z" } };
const theirs = (data: Readonly<Record<string, string>>, resourceVersion = "7"): StoredObject =>
  configMap("team-a/settings", { data, resourceVersion });

const reworded: readonly Reworded[] = [
  {
    name: "a child that is still so costs nothing",
    effects: quota("1000m"),
    have: storedQuota(),
    isSent: false,
  },
  {
    name: "a child of which others have changed what is theirs costs nothing",
    effects: quota("1000m"),
    have: storedQuota(),
    later: labelled(storedQuota({ hard: { cpu: "1", pods: "9" } })),
    isSent: false,
  },
  {
    name: "a child that says something else by now is sent",
    effects: quota("1000m"),
    have: storedQuota(),
    later: storedQuota({ hard: { cpu: "2" } }),
    isSent: true,
  },
  {
    name: "a child of which something else is wished by now is sent",
    effects: quota("1000m"),
    have: storedQuota(),
    laterEffects: quota("2000m"),
    isSent: true,
  },
  {
    name: "a list that a webhook made longer counts whole",
    effects: quota("1", { scopes: ["A"] }),
    have: storedQuota({ hard: { cpu: "1", scopes: ["A", "B"] } }),
    later: storedQuota({ hard: { cpu: "1", scopes: ["A", "C"] } }),
    isSent: true,
  },
  {
    name: "a child that is kept as a whole costs nothing at the same version",
    effects: one,
    have: mine({ a: "one" }),
    isSent: false,
  },
  {
    name: "and is sent at another",
    effects: one,
    have: mine({ a: "one" }),
    later: mine({ a: "one", more: "2" }, "8"),
    isSent: true,
    why: "what is there and not wished for counts too",
  },
  {
    name: "fields of another's object cost nothing, whatever else that one changes",
    effects: { apply: [wish("team-a/settings")] },
    have: theirs({ a: "one" }),
    later: theirs({ a: "one", b: "2" }, "8"),
    isSent: false,
  },
  {
    name: "fields that are not cached cost nothing at the same version",
    effects: { apply: [wish("team-a/settings")] },
    have: bare(theirs({ a: "1" })),
    isSent: false,
  },
  {
    name: "and are sent at another",
    effects: { apply: [wish("team-a/settings")] },
    have: bare(theirs({ a: "1" })),
    later: bare(theirs({ a: "2" }, "8")),
    isSent: true,
    why: "they may have changed",
  },
  {
    name: "a status costs nothing",
    effects: since,
    have: widget({ since: "2026-01-01T00:00:00Z" }),
    isSent: false,
  },
  {
    name: "a status that says something else by now is sent",
    effects: since,
    have: widget({ since: "2026-01-01T00:00:00Z" }),
    later: widget({ since: "2025-01-01T00:00:00Z" }),
    isSent: true,
  },
  {
    name: "a status that is not cached costs nothing at the same version",
    effects: since,
    have: bare(widget({})),
    isSent: false,
  },
];

/** A status is wished for by the object itself, all else by the source. */
const on = (wished: Effects, have: StoredObject, fulfilled: ReadonlySet<string> = new Set()): Plan =>
  wished.status === undefined
    ? planned(wished, source, [have], { fulfilled })
    : planned(wished, have, [], { fulfilled });

suite("plan: where the server has answered a write by changing nothing,", () => {
  for (const { name, effects, have, later = have, laterEffects = effects, isSent, why } of reworded)
    test(name, () => {
      const [write] = on(effects, have).writes;
      assert.ok(write !== undefined && "comparison" in write);
      const { resourceVersion, digest } = write.comparison;
      assert.equal(resourceVersion, have.metadata.resourceVersion);
      const { writes, unchangedCount, fulfilled } = on(laterEffects, later, new Set([digest, "another"]));
      assert.deepEqual(
        [writes.map(({ verb }) => verb), unchangedCount, fulfilled],
        isSent ? [[write.verb], 0, []] : [[], 1, [digest]],
        why ?? name,
      );
    });
});
