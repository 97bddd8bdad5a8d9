/** What an informer tells its handlers, when it is synced, and what it says about its health. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import * as fc from "fast-check";
import type { Change } from "../../runtime/cache/store.ts";
import { codeOf } from "../../runtime/kube/errors.ts";
import type { StoredObject } from "../../runtime/kube/object.ts";
import type { Where } from "../../runtime/kube/query.ts";
import { anyKey, anyLabels } from "./support/arbitraries.ts";
import { FakeCluster } from "./support/fake-cluster.ts";
import { InformerRig } from "./support/informer-rig.ts";
import { failure, versions } from "./support/objects.ts";

async function synced(where: Where = {}): Promise<{ readonly rig: InformerRig; readonly cluster: FakeCluster }> {
  const cluster = new FakeCluster(where);
  cluster.put("n/a");
  cluster.put("n/b");
  const rig = new InformerRig(cluster, where);
  await rig.clock.advance(2_000);
  return { rig, cluster };
}

const short = ({ key, origin, before, after }: Change): string =>
  `${key} ${origin} ${before === undefined ? "added" : after === undefined ? "deleted" : "changed"}`;

suite("informer: handlers", () => {
  test("are told of the first list, then of each change", async () => {
    const { rig, cluster } = await synced();
    cluster.put("n/a");
    cluster.remove("n/b");
    await rig.clock.advance(1);
    assert.deepEqual(rig.changes.map(short), [
      "n/a list added",
      "n/b list added",
      "n/a watch changed",
      "n/b watch deleted",
    ]);
    await rig.informer.stop();
  });

  test("that come late are told of what is there, at once", async () => {
    const { rig } = await synced();
    const late: string[] = [];
    rig.informer.onChange((change) => void late.push(short(change)));
    assert.deepEqual(late, ["n/a list added", "n/b list added"]);
    await rig.informer.stop();
  });

  test("that are added while changes are told hear each object once", async () => {
    const { rig, cluster } = await synced();
    const late: string[] = [];
    let isAdded = false;
    rig.informer.onChange(({ origin }) => {
      if (origin === "list" || isAdded) return;
      isAdded = true;
      rig.informer.onChange((change) => void late.push(short(change)));
    });
    cluster.put("n/c");
    await rig.clock.advance(1);
    assert.deepEqual(late, ["n/a list added", "n/b list added", "n/c list added"]);
    await rig.informer.stop();
  });

  test("that were ended hear no more", async () => {
    const { rig, cluster } = await synced();
    const heard: string[] = [];
    const end = rig.informer.onChange((change) => void heard.push(short(change)));
    end();
    cluster.put("n/c");
    await rig.clock.advance(1);
    assert.equal(heard.length, 2);
    await rig.informer.stop();
  });

  test("that are ended by another one hear no more of what is being told", async () => {
    const cluster = new FakeCluster();
    for (const key of ["n/a", "n/b", "n/c"]) cluster.put(key);
    const rig = new InformerRig(cluster);
    const heard: string[] = [];
    let end: (() => void) | undefined;
    rig.informer.onChange(({ key }) => {
      if (key === "n/b") end?.();
    });
    end = rig.informer.onChange(({ key }) => void heard.push(key));
    await rig.clock.advance(1);
    assert.deepEqual(heard, ["n/a"]);
    await rig.informer.stop();
  });

  test("that stop the informer hear no later event, though it has arrived", async () => {
    const { rig, cluster } = await synced();
    rig.informer.onChange(({ origin }) => {
      if (origin === "watch") void rig.informer.stop();
    });
    cluster.put("n/c");
    cluster.put("n/d");
    await rig.clock.advance(1);
    assert.deepEqual(rig.changes.map(short).slice(2), ["n/c watch added"]);
  });

  test("that throw are reported, and stop neither the others nor the watch", async () => {
    const { rig, cluster } = await synced();
    rig.informer.onChange(({ origin }) => {
      if (origin === "watch") throw new Error("a bug in a handler");
    });
    const others: string[] = [];
    rig.informer.onChange((change) => void others.push(short(change)));
    cluster.put("n/c");
    cluster.put("n/d");
    await rig.clock.advance(1);
    assert.equal(rig.count("handler-threw"), 2);
    assert.deepEqual(others.slice(2), ["n/c watch added", "n/d watch added"]);
    assert.equal(rig.count("failed"), 0);
    await rig.informer.stop();
  });

  test("for relists are told after each list but the first, once its changes are told", async () => {
    const { rig, cluster } = await synced();
    const seen: number[] = [];
    rig.informer.onRelist(() => void seen.push(rig.changes.length));
    cluster.drop(failure("API_UNREACHABLE"));
    cluster.put("n/c");
    cluster.compact();
    await rig.clock.advance(10_000);
    assert.deepEqual(seen, [3]);
    assert.equal(rig.changes.map(short).at(-1), "n/c relist added");
    await rig.informer.stop();
  });

  test("an object that leaves the selector is told as deleted, and as added when it is back", async () => {
    const { rig, cluster } = await synced({ labels: { x: "1" } });
    cluster.put("n/a", { x: "1" });
    cluster.put("n/a", { x: "2" });
    cluster.put("n/a", { x: "1" });
    await rig.clock.advance(1);
    assert.deepEqual(rig.changes.map(short), ["n/a watch added", "n/a watch deleted", "n/a watch added"]);
    await rig.informer.stop();
  });
});

const stateOf = ({ informer }: InformerRig): string => informer.state.name;

suite("informer: health", () => {
  test("is synced only when handlers have heard the first list", async () => {
    const cluster = new FakeCluster();
    cluster.put("n/a");
    const rig = new InformerRig(cluster);
    const heard: boolean[] = [];
    rig.informer.onChange(() => void heard.push(rig.informer.hasSynced));
    assert.equal(rig.informer.hasSynced, false);
    assert.equal(rig.informer.lastEventAgeMs, undefined);
    await rig.clock.advance(1);
    await rig.informer.synced;
    assert.deepEqual(heard, [false]);
    assert.equal(rig.informer.hasSynced, true);
    await rig.informer.stop();
  });

  test("an empty kind is synced too", async () => {
    const rig = new InformerRig(new FakeCluster());
    await rig.clock.advance(1);
    assert.equal(rig.informer.hasSynced, true);
    await rig.informer.stop();
  });

  test("shows the error while it lasts, and not after recovery, though nothing happens", async () => {
    const { rig, cluster } = await synced();
    assert.equal(rig.informer.lastError, undefined);
    await rig.clock.advance(20_000);
    cluster.drop(failure("API_FORBIDDEN"));
    await rig.clock.advance(100);
    assert.equal(codeOf(rig.informer.lastError), "API_FORBIDDEN");
    assert.equal(stateOf(rig), "backoff");
    assert.equal(rig.informer.hasSynced, true);
    assert.equal(rig.informer.store.size, 2);
    await rig.clock.advance(2_000);
    assert.equal(stateOf(rig), "watch");
    assert.equal(codeOf(rig.informer.lastError), "API_FORBIDDEN", "the new watch may be refused as well");
    await rig.clock.advance(15_000);
    assert.equal(rig.informer.lastError, undefined);
    assert.equal(stateOf(rig), "watch");
    await rig.informer.stop();
  });

  test("a watch that is resumed and stays has recovered after 10 s; one that is not answered has not", async () => {
    const { rig, cluster } = await synced();
    const answer = Promise.withResolvers<void>();
    cluster.untilOpen = answer.promise;
    cluster.drop(failure("API_UNREACHABLE"));
    await rig.clock.advance(60_000);
    assert.deepEqual([stateOf(rig), codeOf(rig.informer.lastError)], ["watch", "API_UNREACHABLE"]);
    answer.resolve();
    await rig.clock.advance(9_999);
    assert.deepEqual([rig.count("recovered"), codeOf(rig.informer.lastError)], [0, "API_UNREACHABLE"]);
    await rig.clock.advance(1);
    assert.deepEqual([rig.count("recovered"), rig.informer.lastError], [1, undefined]);
    await rig.clock.advance(60_000);
    assert.deepEqual([rig.count("recovered"), rig.count("listed")], [1, 1]);
    await rig.informer.stop();
  });

  test("a watch that is resumed has recovered with its first event", async () => {
    const { rig, cluster } = await synced();
    cluster.drop(failure("API_UNREACHABLE"));
    await rig.clock.advance(2_000);
    assert.equal(rig.count("recovered"), 0);
    cluster.bookmark();
    cluster.put("n/c");
    await rig.clock.advance(60_000);
    assert.deepEqual([rig.count("recovered"), rig.count("listed")], [1, 1]);
    await rig.informer.stop();
  });

  test("a watch that is resumed and ends again within 10 s has not recovered, nor one that needed a list", async () => {
    const { rig, cluster } = await synced();
    for (let i = 0; i < 3; i++) {
      cluster.drop(failure("API_UNREACHABLE"));
      await rig.clock.advance(9_000);
      assert.equal(stateOf(rig), "watch");
    }
    cluster.drop(failure("API_UNREACHABLE"));
    cluster.put("n/c");
    cluster.compact();
    await rig.clock.advance(60_000);
    assert.deepEqual([rig.count("recovered"), rig.count("listed")], [0, 2]);
    await rig.informer.stop();
  });

  test("says so when history has gone back, keeps what it holds, and goes on once history has passed what was seen", async () => {
    const { rig, cluster } = await synced();
    const restore = cluster.backup();
    cluster.put("n/a");
    cluster.put("n/c");
    cluster.remove("n/b");
    await rig.clock.advance(60_000);
    const held = versions(rig.informer.store.read({}));
    restore();
    await rig.clock.advance(120_000);
    assert.equal(codeOf(rig.informer.lastError), "API_WENT_BACK");
    assert.match(String(rig.informer.lastError), /at resourceVersion 12 is older than 15, .* restart evenkeel/);
    assert.deepEqual(versions(rig.informer.store.read({})), held);
    await rig.clock.advance(3_600_000);
    assert.equal(codeOf(rig.informer.lastError), "API_WENT_BACK");
    assert.ok(cluster.listCount <= 20, `${cluster.listCount} lists in an hour`);
    for (let i = 0; i < 5; i++) cluster.put("n/new");
    await rig.clock.advance(600_000);
    assert.equal(rig.informer.lastError, undefined);
    assert.deepEqual(versions(rig.informer.store.read({})), { "n/a": "11", "n/b": "12", "n/new": "17" });
    await rig.informer.stop();
  });

  test("grows old in silence, and young with any bookmark", async () => {
    const { rig, cluster } = await synced();
    await rig.clock.advance(50_000);
    assert.equal(rig.informer.lastEventAgeMs, 52_000);
    cluster.bookmark();
    await rig.clock.advance(5);
    assert.ok((rig.informer.lastEventAgeMs ?? Infinity) <= 5);
    await rig.informer.stop();
  });

  test("stops for good, once and again, and is quiet then", async () => {
    const { rig, cluster } = await synced();
    await Promise.all([rig.informer.stop(), rig.informer.stop()]);
    rig.informer.start();
    cluster.put("n/c");
    await rig.clock.advance(1_000);
    assert.equal(rig.changes.length, 2);
    assert.equal(rig.informer.state.name, "stopped");
    assert.equal(rig.clock.pendingCount, 0);
  });
});

suite("informer: whatever happens to the server and on the way", () => {
  const happening = fc.oneof(
    { weight: 6, arbitrary: fc.record({ does: fc.constant("put" as const), key: anyKey, labels: anyLabels }) },
    { weight: 3, arbitrary: fc.record({ does: fc.constant("remove" as const), key: anyKey }) },
    { weight: 3, arbitrary: fc.record({ does: fc.constant("wait" as const), ms: fc.integer({ min: 1, max: 3_000 }) }) },
    {
      weight: 1,
      arbitrary: fc.record({ does: fc.constantFrom("compact" as const, "bookmark" as const, "close" as const) }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        does: fc.constant("fail" as const),
        code: fc.constantFrom(
          "API_EXPIRED",
          "API_UNAVAILABLE",
          "API_TOO_MANY_REQUESTS",
          "API_FORBIDDEN",
          "API_BAD_RESPONSE",
          "BUG",
        ),
      }),
    },
  );
  const world = fc.record({
    happenings: fc.array(happening, { maxLength: 40, size: "max" }),
    /** Done between the pages of lists: objects change while they are read. */
    between: fc.array(fc.record({ key: anyKey, labels: fc.option(anyLabels) }), { maxLength: 10 }),
    servesWatchList: fc.boolean(),
    where: fc.constantFrom<Where>({}, { labels: { x: "1" } }, { namePrefix: "a" }),
  });

  test("list, pages and watch together come to hold what the server holds", async () => {
    await fc.assert(
      fc.asyncProperty(world, async ({ happenings, between, servesWatchList, where }) => {
        const cluster = new FakeCluster(where);
        cluster.pageSize = 2;
        cluster.servesWatchList = servesWatchList;
        const changes = [...between];
        cluster.afterPage = () => {
          const next = changes.shift();
          if (next?.labels) cluster.put(next.key, next.labels);
          else if (next !== undefined) cluster.remove(next.key);
        };
        for (const key of ["n/a", "n/ab", "m/a", "ab"]) cluster.put(key, { x: "1" });
        const rig = new InformerRig(cluster, where);
        for (const each of happenings) {
          if (each.does === "put") cluster.put(each.key, each.labels);
          else if (each.does === "remove") cluster.remove(each.key);
          else if (each.does === "wait") await rig.clock.advance(each.ms);
          else if (each.does === "fail") cluster.drop(failure(each.code));
          else if (each.does === "close") cluster.drop();
          else cluster[each.does]();
        }
        await rig.clock.advance(120_000);
        assert.deepEqual(versions(rig.informer.store.read({})), versions(inOrder(cluster.present())));
        assert.deepEqual(versions(inOrder(retold(rig.changes))), versions(rig.informer.store.read({})));
        await rig.informer.stop();
        assert.equal(rig.clock.pendingCount, 0);
      }),
      { numRuns: 150 },
    );
  });
});

function inOrder(objects: readonly StoredObject[]): readonly StoredObject[] {
  return objects.toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
}

const keyOf = ({ metadata }: StoredObject): string => `${metadata.namespace ?? ""}/${metadata.name}`;

/** What a handler knows that only listens. */
function retold(changes: readonly Change[]): readonly StoredObject[] {
  const known = new Map<string, StoredObject>();
  for (const { key, before, after } of changes) {
    assert.equal(before, known.get(key));
    if (after === undefined) known.delete(key);
    else known.set(key, after);
  }
  return [...known.values()];
}
