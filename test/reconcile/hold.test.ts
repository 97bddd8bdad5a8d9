/** Which writes of a plan wait, how long, and what makes them wait anew. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfigMap } from "../../runtime/kube/kind.ts";
import { parseKey, type StoredObject } from "../../runtime/kube/object.ts";
import type { Effects } from "../../runtime/reconcile/effects.ts";
import type { FunctionCache } from "../../runtime/reconcile/function-cache.ts";
import { Hold } from "../../runtime/reconcile/hold.ts";
import { KeyRecord } from "../../runtime/reconcile/key-record.ts";
import type { Write } from "../../runtime/reconcile/plan.ts";
import { idOf, type Request } from "../../runtime/reconcile/request.ts";
import { VirtualClock } from "../support/virtual-clock.ts";
import { tracingWorld } from "../trace/spans.ts";
import { configMap, namespace, said, wish } from "./builders.ts";
import { requestOf } from "./requests.ts";

const { apiVersion, kind } = ConfigMap;
const to = (key: string): Pick<Write, "kind" | "name"> => ({ kind: { apiVersion, kind }, name: parseKey(key) });
const identity = { uid: "u7", resourceVersion: "70" };

const create: Write = { ...to("team-a/new"), verb: "create", body: configMap("team-a/new"), strategy: "update" };
const replace: Write = { ...to("team-a/other"), verb: "replace", body: configMap("team-a/other"), ...identity };
const update: Write = {
  ...to("team-a/changed"),
  verb: "update",
  body: configMap("team-a/changed"),
  strategy: "update",
  comparison: { resourceVersion: "70", digest: "" },
};
const remove: Write = { ...to("team-a/old"), verb: "delete", ...identity };
const release: Write = { ...to("team-a/kept"), verb: "release", patch: {}, uid: "u7" };

interface Look {
  /** `delete v1/ConfigMap team-a/old` */
  readonly sent: readonly string[];
  readonly requeueAfterMs: number | undefined;
  readonly request: Request;
}

interface Bench {
  readonly clock: VirtualClock;
  /** One run of the key, whose plan has these writes. */
  readonly look: (...writes: readonly Write[]) => Look;
  /** The second look of this run found otherwise. @returns in how many milliseconds the key runs again */
  readonly doubted: (look: Look) => number | undefined;
  /** What the cache says of its lists. */
  readonly lists: { deletionsHeld: boolean };
  /** What the cache shows of namespaces. */
  readonly namespaces: Map<string, StoredObject>;
  /** What the function wants. */
  readonly wants: { effects: Effects };
  readonly record: KeyRecord;
}

function bench({ isDryRun = false } = {}): Bench {
  const clock = new VirtualClock();
  const record = new KeyRecord(clock);
  const { tracer } = tracingWorld();
  const lists = { deletionsHeld: false };
  const wants: Bench["wants"] = { effects: {} };
  const namespaces = new Map<string, StoredObject>();
  const find: FunctionCache["find"] = (of, { name }) => (of.kind === "Namespace" ? namespaces.get(name) : undefined);
  const hold = new Hold({ cache: Object.assign(lists, { find }) as unknown as FunctionCache, clock, isDryRun });
  return {
    clock,
    lists,
    namespaces,
    wants,
    record,
    look(...writes) {
      const request = requestOf({ record, clock, tracer, effects: wants.effects });
      const sent = hold.sendable({ writes, refused: [], awaited: [], unchangedCount: 0, fulfilled: [] }, request);
      return { sent: sent.map(said), requeueAfterMs: request.tally.nextTry.requeueAfterMs, request };
    },
    doubted({ request }) {
      hold.doubted(request);
      return request.tally.nextTry.requeueAfterMs;
    },
  };
}

const rows: readonly {
  readonly name: string;
  readonly why: string;
  readonly run: (bench: Bench) => Promise<void>;
}[] = [
  {
    name: "what goes, and what is let go, waits for 300 ms; what is new is sent at once",
    why: "time for a replaced object to come back",
    async run({ clock, look }) {
      const first = look(create, replace, release, remove);
      assert.deepEqual(first.sent, [said(create), said(replace)]);
      assert.equal(first.requeueAfterMs, 300);
      await clock.advance(299);
      assert.deepEqual([look(remove).sent, look(remove).requeueAfterMs], [[], 1]);
      await clock.advance(1);
      assert.deepEqual(look(release, remove).sent, [said(release), said(remove)]);
    },
  },
  {
    name: "a deletion that was not wished for in between waits anew",
    why: "the second look must not believe an answer that is older than the wish",
    async run({ clock, look }) {
      look(remove);
      await clock.advance(200);
      look(create);
      await clock.advance(100);
      assert.deepEqual([look(remove).sent, look(remove).requeueAfterMs], [[], 300]);
      await clock.advance(300);
      assert.deepEqual(look(remove).sent, [said(remove)]);
    },
  },
  {
    name: "each doubt doubles the wait, up to a minute",
    why: "a cache that stays behind must not be a load, nor hold a deletion back for hours",
    async run({ clock, look, doubted }) {
      const waits: (number | undefined)[] = [];
      look(remove);
      await clock.advance(300);
      for (let i = 0; i < 10; i++) {
        waits.push(doubted(look(remove)));
        assert.equal(look(remove).requeueAfterMs, waits.at(-1), "counted from the doubt on");
        await clock.advance(waits.at(-1) ?? 0);
        assert.deepEqual(look(remove).sent, [said(remove)]);
      }
      assert.deepEqual(waits, [600, 1_200, 2_400, 4_800, 9_600, 19_200, 38_400, 60_000, 60_000, 60_000]);
    },
  },
  {
    name: "doubts are over when nothing is to be deleted any more",
    why: "the next deletion is another one",
    async run({ look, doubted }) {
      for (let i = 0; i < 3; i++) doubted(look(remove));
      look();
      assert.equal(look(remove).requeueAfterMs, 300);
    },
  },
  {
    name: "while a list lacks too much no deletion is due, and its wait begins when that is over",
    why: "what the cache shows until then is no wish to count from",
    async run({ clock, look, lists }) {
      lists.deletionsHeld = true;
      for (let i = 0; i < 3; i++) {
        const held = look(create, remove);
        assert.deepEqual([held.sent, held.requeueAfterMs], [[said(create)], 5_000]);
        await clock.advance(5_000);
      }
      lists.deletionsHeld = false;
      assert.deepEqual([look(remove).sent, look(remove).requeueAfterMs], [[], 300]);
    },
  },
  {
    name: "what is wanted no more stays until something that is wanted is there",
    why: "a create may be refused for as long as a policy stands",
    async run({ clock, look, wants }) {
      wants.effects = { children: [wish("team-a/new")] };
      look(create, remove);
      await clock.advance(60_000);
      assert.deepEqual(look(create, remove).sent, [said(create)]);
      assert.deepEqual(look(remove).sent, [said(remove)], "the new one is there");
    },
  },
  {
    name: "what is wanted no more does not wait for names that are taken",
    why: "two keys that change places would wait for each other for ever",
    async run({ clock, look, wants, record }) {
      wants.effects = { children: [wish("team-a/new")] };
      look(create, remove);
      await clock.advance(300);
      record.blocked.block(idOf(create), "not_ours", "team-a");
      assert.deepEqual(look(create, remove).sent, [said(remove)]);
    },
  },
  {
    name: "what goes by a wish of its own waits for nothing that is to come",
    why: "a deletion that a function names is no move",
    async run({ clock, look, wants }) {
      wants.effects = { children: [wish("team-a/new")], deletions: [configMap("team-a/old", identity)] };
      look(create, remove);
      await clock.advance(300);
      assert.deepEqual(look(create, remove, release).sent, [said(create), said(remove), said(release)]);
    },
  },
  {
    name: "what is wanted no more goes where nothing is wanted",
    why: "there is nothing to wait for",
    async run({ clock, look, wants }) {
      wants.effects = { children: [] };
      look(remove);
      await clock.advance(300);
      assert.deepEqual(look(remove).sent, [said(remove)]);
    },
  },
  {
    name: "nothing is made or put right in a namespace on its way out; what goes there may go",
    why: "it goes with its namespace, which takes no new object either",
    async run({ clock, look, record, namespaces }) {
      namespaces.set("team-a", namespace("team-a", { deletionTimestamp: "2026-01-01T00:00:00Z" }));
      const held = look(create, update, replace);
      assert.deepEqual([held.sent, record.blocked.targets("terminating").length], [[], 3]);
      await clock.advance(60_000);
      assert.deepEqual(look(create, update, replace).sent, []);
      look(release, remove);
      await clock.advance(300);
      assert.deepEqual(look(release, remove).sent, [said(release), said(remove)]);
      namespaces.set("team-a", namespace("team-a"));
      record.blocked.clearNamespace("team-a");
      assert.deepEqual(look(create, update, replace).sent, [said(create), said(update), said(replace)]);
    },
  },
  {
    name: "an object that is ours again is written and deleted at once",
    why: "a plan that changes it has seen the proof; only a create asks for the name first",
    async run({ clock, look, record }) {
      look(remove);
      await clock.advance(300);
      for (const write of [create, replace, remove]) record.blocked.block(idOf(write), "not_ours", "team-a");
      assert.deepEqual(look(create, replace, remove).sent, [said(replace), said(remove)]);
    },
  },
];

for (const { name, why, run } of rows)
  test(name, async () => {
    try {
      await run(bench());
    } catch (error) {
      if (error instanceof Error) error.message = `${why}: ${error.message}`;
      throw error;
    }
  });

test("a dry run sends nothing, deletions that are due included", async () => {
  const { clock, look } = bench({ isDryRun: true });
  look(create, remove);
  await clock.advance(300);
  assert.deepEqual(look(create, remove).sent, []);
});

test("what was scaled or applied once and is named no more is forgotten: at once, or when it counts for nothing where nothing is said of children", () => {
  const { record, clock, wants, look } = bench();
  const once = { inputs: "1", body: configMap("team-a/settings"), isCreate: false };
  for (const target of ["apps/v1/Deployment/scale team-a/web", "v1/ConfigMap team-a/theirs"])
    record.rewrites.wrote(target, once, clock.now());
  wants.effects = { children: [], apply: [wish("team-a/theirs")] };
  look();
  assert.equal(record.rewrites.size, 1);
  wants.effects = {};
  look();
  assert.equal(record.rewrites.size, 1);
  clock.step(600_001);
  look();
  assert.equal(record.rewrites.size, 0);
});
