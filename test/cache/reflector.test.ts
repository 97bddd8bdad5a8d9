/** The reflector's states, one row per way in which a server behaves. The world is scripted; time is virtual. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { ListPage } from "../../runtime/kube/api.ts";
import { codeOf, type EvenkeelError } from "../../runtime/kube/errors.ts";
import type { Where } from "../../runtime/kube/query.ts";
import { added, bookmark, deleted, failure, initialEnd, modified, object, versions } from "./support/objects.ts";
import { ReflectorRig, syncedAB as synced } from "./support/reflector-rig.ts";
import { page, type Script, type WatchStep } from "./support/scripted-api.ts";

interface Row {
  readonly name: string;
  readonly why: string;
  readonly watches: readonly (readonly WatchStep[])[];
  readonly lists?: readonly (ListPage | EvenkeelError)[];
  /** Virtual milliseconds to let pass. Default: two minutes. */
  readonly ms?: number;
  /** How the server was asked, in order. */
  readonly calls: readonly string[];
  /** What the store holds at the end. */
  readonly holds: Readonly<Record<string, string>>;
  /** Codes of the reported failures. */
  readonly failures?: readonly string[];
}

const AB = { a: "3", b: "5" };
const dead = failure("API_TIMEOUT");
const tooLarge = failure("API_TIMEOUT", { causes: ["ResourceVersionTooLarge"], retryAfterMs: 1_000 });

const rows: readonly Row[] = [
  // Initial events.
  {
    name: "a WatchList is complete at the bookmark that says so, and its stream goes on",
    why: "the server needs one request for state and changes",
    watches: [[...synced, modified("a", 8), deleted("b", 9)]],
    calls: ["watch-list"],
    holds: { a: "8" },
  },
  {
    name: "objects that vanish among the initial events are not in the list",
    why: "a WatchList is collected aside, deletions included",
    watches: [[added("a", 3), deleted("a", 4), added("b", 5), initialEnd(7)]],
    calls: ["watch-list"],
    holds: { b: "5" },
  },
  {
    name: "initial events without their end never reach the store",
    why: "a partial list looks like deletions",
    watches: [[added("a", 3), modified("a", 6)]],
    ms: 29_000,
    calls: ["watch-list"],
    holds: {},
  },
  {
    name: "a WatchList closed before its end begins anew, from nothing",
    why: "what was collected may be outdated",
    watches: [[added("gone", 3), "end"], synced],
    calls: ["watch-list", "watch-list"],
    holds: AB,
    failures: ["API_UNAVAILABLE"],
  },
  {
    name: "a WatchList that is closed three times gives way to a list",
    why: "something in between may cut long answers",
    watches: [["end"], ["end"], ["end"]],
    lists: [page(7, [object("a", 3)])],
    calls: ["watch-list", "watch-list", "watch-list", "list 500", "watch from 7"],
    holds: { a: "3" },
    failures: ["API_UNAVAILABLE", "API_UNAVAILABLE", "API_UNAVAILABLE"],
  },
  {
    name: "a server that is silent about the end of a WatchList is asked for a list",
    why: "it may have overlooked that it was asked for one",
    watches: [[added("a", 3), 100_000]],
    lists: [page(7, [object("a", 3)])],
    ms: 60_000,
    calls: ["watch-list", "list 500", "watch from 7"],
    holds: { a: "3" },
    failures: ["API_UNAVAILABLE"],
  },
  {
    name: "a slow WatchList is waited for as long as it goes on",
    why: "a big kind takes its time",
    watches: [[20_000, added("a", 3), 20_000, added("b", 5), 20_000, initialEnd(7)]],
    calls: ["watch-list"],
    holds: AB,
  },
  {
    name: "a server whose initial events go on for ever is asked for a list after the time that a watch is granted",
    why: "one that knows no WatchList may send nothing but new objects",
    watches: [Array.from({ length: 100 }, (_, i) => [added(`o${i}`, 10 + i), 20_000]).flat()],
    lists: [page(99, [object("a", 3)])],
    ms: 340_000,
    calls: ["watch-list", "list 500", "watch from 99"],
    holds: { a: "3" },
    failures: ["API_UNAVAILABLE"],
  },
  {
    name: "once a WatchList tells of changes, its end comes within half a minute, or it is asked for a list",
    why: "the present objects have all been sent then; changes alone never end",
    watches: [[added("a", 3), ...Array.from({ length: 100 }, (_, i) => [20_000, modified("a", 10 + i)]).flat()]],
    lists: [page(99, [object("a", 3)])],
    ms: 60_000,
    calls: ["watch-list", "list 500", "watch from 99"],
    holds: { a: "3" },
    failures: ["API_UNAVAILABLE"],
  },
  {
    name: "a server that sends an ordinary bookmark first is listed, and not asked for a WatchList again",
    why: "one that knows WatchList sends none before the bookmark that ends it",
    watches: [
      [added("a", 3), bookmark(6)],
      [2_000, failure("API_EXPIRED")],
    ],
    lists: [page(7, [object("a", 3)]), page(9, [object("a", 3)])],
    calls: ["watch-list", "list 500", "watch from 7", "list 500", "watch from 9"],
    holds: { a: "3" },
    failures: ["API_UNAVAILABLE", "API_EXPIRED"],
  },
  ...(["API_INVALID", "API_REJECTED"] as const).map((code) => ({
    name: `a server that refuses WatchList (${code}) is listed at once, and not asked again`,
    why: "it is too old, and will stay so",
    watches: [[failure(code)], [2_000, failure("API_EXPIRED")]],
    lists: [page(7, [object("a", 3)]), page(9, [object("a", 3)])],
    calls: ["watch-list", "list 500", "watch from 7", "list 500", "watch from 9"],
    holds: { a: "3" },
    failures: [code, "API_EXPIRED"],
  })),
  {
    name: "a WatchList refused with 429 is asked for again",
    why: "a busy server would be busier with a list",
    watches: [
      [failure("API_TOO_MANY_REQUESTS")],
      [failure("API_TOO_MANY_REQUESTS")],
      [failure("API_TOO_MANY_REQUESTS")],
      [failure("API_TOO_MANY_REQUESTS")],
      synced,
    ],
    calls: ["watch-list", "watch-list", "watch-list", "watch-list", "watch-list"],
    holds: AB,
    failures: Array<string>(4).fill("API_TOO_MANY_REQUESTS"),
  },
  {
    name: "WatchLists that fail now and then, with success between, stay the way to list",
    why: "only failures in a row speak against them",
    watches: [
      [failure("API_UNAVAILABLE")],
      [failure("API_UNAVAILABLE")],
      [...synced, 2_000, failure("API_EXPIRED")],
      [failure("API_UNAVAILABLE")],
      [failure("API_UNAVAILABLE")],
      [added("a", 3), initialEnd(9)],
    ],
    calls: Array<string>(6).fill("watch-list"),
    holds: { a: "3" },
    failures: ["API_UNAVAILABLE", "API_UNAVAILABLE", "API_EXPIRED", "API_UNAVAILABLE", "API_UNAVAILABLE"],
  },
  {
    name: "a WatchList that answers nonsense gives way to a list, and is tried again at the next relist",
    why: "a proxy may have had a bad moment",
    watches: [[failure("API_BAD_RESPONSE")], [2_000, failure("API_EXPIRED")], [added("a", 3), initialEnd(9)]],
    lists: [page(7, [object("a", 3)])],
    calls: ["watch-list", "list 500", "watch from 7", "watch-list"],
    holds: { a: "3" },
    failures: ["API_BAD_RESPONSE", "API_EXPIRED"],
  },
  // Lists.
  {
    name: "a list goes through all pages, and is watched from their version",
    why: "they are one snapshot",
    watches: [[failure("API_INVALID")]],
    lists: [page(7, [object("a", 3)], "t1"), page(7, [object("b", 5)], "t2"), page(7, [object("c", 6)])],
    calls: ["watch-list", "list 500", "list 500 after t1", "list 500 after t2", "watch from 7"],
    holds: { ...AB, c: "6" },
    failures: ["API_INVALID"],
  },
  {
    name: "a snapshot that expires between pages is listed anew, whole and consistent",
    why: "the token that the server offers continues in another snapshot",
    watches: [[failure("API_INVALID")]],
    lists: [page(7, [object("gone", 3)], "t1"), failure("API_EXPIRED"), page(9, [object("b", 5)])],
    calls: ["watch-list", "list 500", "list 500 after t1", "list all", "watch from 9"],
    holds: { b: "5" },
    failures: ["API_INVALID"],
  },
  {
    name: "a list that was to be whole and is not is given up and retried",
    why: "what it lacks would read as deleted",
    watches: [[failure("API_INVALID")]],
    lists: [
      page(7, [object("a", 3)], "t1"),
      failure("API_EXPIRED"),
      page(8, [object("a", 3)], "more"),
      page(9, [object("a", 3), object("b", 5)]),
    ],
    calls: ["watch-list", "list 500", "list 500 after t1", "list all", "list 500", "watch from 9"],
    holds: AB,
    failures: ["API_INVALID", "API_BAD_RESPONSE"],
  },
  {
    name: "a list whose token does not move on is given up and retried",
    why: "it would never end",
    watches: [[failure("API_INVALID")]],
    lists: [page(7, [object("a", 3)], "t"), page(7, [object("a", 3)], "t"), page(8, [object("a", 3)])],
    calls: ["watch-list", "list 500", "list 500 after t", "list 500", "watch from 8"],
    holds: { a: "3" },
    failures: ["API_INVALID", "API_BAD_RESPONSE"],
  },
  {
    name: "a list older than what was seen is refused and taken again",
    why: "another API server may lag; its list would bring deleted objects back",
    watches: [[failure("API_INVALID")], [2_000, failure("API_EXPIRED")]],
    lists: [page(7, [object("a", 3)]), page(6, []), page(8, [object("a", 3), object("b", 8)])],
    calls: ["watch-list", "list 500", "watch from 7", "list 500", "list 500", "watch from 8"],
    holds: { a: "3", b: "8" },
    failures: ["API_INVALID", "API_EXPIRED", "API_WENT_BACK"],
  },
  {
    name: "what is no list leaves the store as it was",
    why: "a proxy's page must not look like an empty cluster",
    watches: [[failure("API_INVALID")], [2_000, failure("API_EXPIRED")]],
    lists: [
      page(7, [object("a", 3)]),
      failure("API_BAD_RESPONSE"),
      failure("API_BAD_RESPONSE"),
      failure("API_UNAVAILABLE", { retryAfterMs: 300_000 }),
    ],
    calls: ["watch-list", "list 500", "watch from 7", "list 500", "list 500", "list 500"],
    holds: { a: "3" },
    failures: ["API_INVALID", "API_EXPIRED", "API_BAD_RESPONSE", "API_BAD_RESPONSE", "API_UNAVAILABLE"],
  },
  // Watches.
  {
    name: "a watch that the server closes goes on from the last version, without a list",
    why: "servers close watches every few minutes",
    watches: [[...synced, 2_000, modified("a", 8), bookmark(20), "end"], [2_000, "end"], [added("c", 25)]],
    calls: ["watch-list", "watch from 20", "watch from 20"],
    holds: { a: "8", b: "5", c: "25" },
  },
  {
    name: "only bookmarks keep the version young",
    why: "a quiet kind would otherwise expire while others change",
    watches: [[...synced, 60_000, bookmark(50), 60_000, bookmark(90), "end"]],
    ms: 130_000,
    calls: ["watch-list", "watch from 90"],
    holds: AB,
  },
  ...(["API_EXPIRED", "API_INVALID", "API_BAD_RESPONSE"] as const).map((code) => ({
    name: `a watch that ends with ${code} is followed by exactly one relist`,
    why: "the version it went on from is of no use any more",
    watches: [
      [...synced, 2_000, failure(code)],
      [added("b", 11), initialEnd(12), modified("b", 13)],
    ],
    calls: ["watch-list", "watch-list"],
    holds: { b: "13" },
    failures: [code],
  })),
  ...(
    [
      "API_TOO_MANY_REQUESTS",
      "API_UNAVAILABLE",
      "API_UNREACHABLE",
      "API_UNTRUSTED",
      "API_TIMEOUT",
      "API_UNAUTHORIZED",
    ] as const
  ).map((code) => ({
    name: `a watch that ends with ${code} goes on from the last version, without a list`,
    why: "the version is as good as it was",
    watches: [
      [...synced, 2_000, modified("a", 8), failure(code)],
      [failure(code)],
      [failure(code)],
      [failure(code)],
      [modified("b", 9)],
    ],
    calls: ["watch-list", ...Array<string>(4).fill("watch from 8")],
    holds: { a: "8", b: "9" },
    failures: Array<string>(4).fill(code),
  })),
  ...(["API_FORBIDDEN", "API_NOT_FOUND", "KIND_NOT_SERVED"] as const).map((code) => ({
    name: `the objects stay while the server answers ${code}`,
    why: "a permission taken away is no deletion",
    watches: [[...synced, 2_000, failure(code)], [failure(code)], [failure(code)], [deleted("a", 9)]],
    calls: ["watch-list", ...Array<string>(3).fill("watch from 7")],
    holds: { b: "5" },
    failures: Array<string>(3).fill(code),
  })),
  {
    name: "watches closed at once are opened again with growing delays, and the third leads to a relist",
    why: "a server may close at once what it cannot serve, and reopening would be a storm",
    watches: [[...synced, 2_000, "end"], ["end"], ["end"], ["end"], [added("a", 9), initialEnd(10)]],
    calls: ["watch-list", "watch from 7", "watch from 7", "watch from 7", "watch-list"],
    holds: { a: "9" },
    failures: Array<string>(3).fill("API_UNAVAILABLE"),
  },
  {
    name: "a version that the server does not know yet is tried again",
    why: "one of several API servers may lag, for a moment",
    watches: [[...synced, 2_000, "end"], [tooLarge], [tooLarge], [modified("a", 8)]],
    calls: ["watch-list", ...Array<string>(3).fill("watch from 7")],
    holds: { a: "8", b: "5" },
    failures: Array<string>(2).fill("API_TIMEOUT"),
  },
  {
    name: "a version that the server does not know three times in a row leads to a relist",
    why: "history may have gone back, and then it never will",
    watches: [[...synced, 2_000, "end"], [tooLarge], [tooLarge], [tooLarge], [added("a", 9), initialEnd(10)]],
    calls: ["watch-list", ...Array<string>(3).fill("watch from 7"), "watch-list"],
    holds: { a: "9" },
    failures: Array<string>(3).fill("API_TIMEOUT"),
  },
  {
    name: "three watches in a row that are answered and then silent lead to a relist",
    why: "a server whose history went back accepts the version, and tells nothing until it has come by it again",
    watches: [
      [...synced, 2_000, "end"],
      [90_000, dead],
      [90_000, dead],
      [90_000, dead],
      [added("a", 9), initialEnd(10)],
    ],
    ms: 300_000,
    calls: ["watch-list", ...Array<string>(3).fill("watch from 7"), "watch-list"],
    holds: { a: "9" },
    failures: Array<string>(3).fill("API_TIMEOUT"),
  },
  {
    name: "watches that say anything before they are silent go on, without a list",
    why: "connections may die in a row; a server with bookmarks is heard once a minute",
    watches: [[...synced, 2_000, "end"], ...[8, 9, 10, 11].map((at) => [bookmark(at), 90_000, dead])],
    ms: 370_000,
    calls: ["watch-list", ...[7, 8, 9, 10, 11].map((at) => `watch from ${at}`)],
    holds: AB,
    failures: Array<string>(4).fill("API_TIMEOUT"),
  },
  {
    name: "replayed events change nothing",
    why: "after a reconnect the server may send what was seen",
    watches: [[...synced, modified("a", 9), deleted("b", 10), modified("a", 8), added("b", 5), modified("b", 7)]],
    calls: ["watch-list"],
    holds: { a: "9" },
  },
  {
    name: "a kind that is not served is asked for every ten seconds",
    why: "its CustomResourceDefinition may come at any time",
    watches: [[failure("KIND_NOT_SERVED")], [failure("KIND_NOT_SERVED")], synced],
    ms: 25_000,
    calls: ["watch-list", "watch-list", "watch-list"],
    holds: AB,
    failures: ["KIND_NOT_SERVED", "KIND_NOT_SERVED"],
  },
];

suite("reflector: a server's behaviour and what follows", () => {
  for (const row of rows)
    test(row.name, async () => {
      const rig = new ReflectorRig({ watches: row.watches, lists: row.lists ?? [] });
      await rig.clock.advance(row.ms ?? 120_000);
      assert.deepEqual(rig.api.calls, row.calls, row.why);
      assert.deepEqual(versions(rig.store.read({})), row.holds, row.why);
      assert.deepEqual(
        rig.failures.map(({ error }) => codeOf(error)),
        row.failures ?? [],
        row.why,
      );
      await rig.stop();
    });
});

suite("reflector: requests, relists and the end", () => {
  test("what the server can select it is asked to select, and the rest is left out here", async () => {
    const where: Where = { namespace: "n", namePrefix: "team-", labels: { mirror: "true" } };
    const labels = { mirror: "true" };
    const rig = new ReflectorRig(
      { watches: [[added("n/team-a", 3, { labels }), added("n/x", 4, { labels }), initialEnd(7)]] },
      where,
    );
    await rig.clock.advance(1);
    const [{ namespace, labelSelector, fieldSelector } = {}] = rig.api.watchOptions;
    assert.deepEqual(
      { namespace, labelSelector, fieldSelector },
      { namespace: "n", labelSelector: "mirror=true", fieldSelector: undefined },
    );
    assert.deepEqual(versions(rig.store.read({})), { "n/team-a": "3" });
    await rig.stop();
  });

  test("one object is watched by a field selector", async () => {
    const rig = new ReflectorRig({}, { namespace: "n", name: "a" });
    await rig.clock.advance(1);
    assert.equal(rig.api.watchOptions[0]?.fieldSelector, "metadata.name=a");
    await rig.stop();
  });

  test("a relist that is asked for drops the watch, and its changes say so", async () => {
    const rig = new ReflectorRig({ watches: [synced, [added("b", 5), added("c", 8), initialEnd(9)]] });
    await rig.clock.advance(2_000);
    rig.reflector.relist();
    await rig.clock.advance(1);
    assert.deepEqual(rig.api.calls, ["watch-list", "watch-list"]);
    assert.deepEqual(
      rig.changes.slice(2).map(({ key, origin, after }) => [key, origin, after === undefined]),
      [
        ["a", "relist", true],
        ["c", "relist", false],
      ],
    );
    assert.equal(rig.api.openCount, 1, "the first stream is closed");
    assert.deepEqual(rig.failures, []);
    await rig.stop();
  });

  test("a stream whose list is refused is closed", async () => {
    const rig = new ReflectorRig({ watches: [[...synced, 2_000, failure("API_EXPIRED")], [initialEnd(4)]] });
    await rig.clock.advance(4_000);
    assert.equal(rig.api.openCount, 0);
    assert.deepEqual(versions(rig.store.read({})), AB);
    await rig.stop();
  });

  test("a list that arrives after the end changes nothing", async () => {
    const rig = new ReflectorRig({ watches: [[failure("API_INVALID")]] });
    const { promise, resolve } = Promise.withResolvers<ListPage>();
    rig.api.list = () => promise;
    await rig.clock.advance(1);
    const stopped = rig.stop();
    resolve(page(7, [object("a", 3)]));
    await stopped;
    assert.equal(rig.store.size, 0);
    assert.deepEqual(rig.changes, []);
  });

  const moments: readonly { readonly during: string; readonly script: Script; readonly ms: number }[] = [
    { during: "initial events", script: { watches: [[added("a", 3)]] }, ms: 1_000 },
    { during: "a watch", script: { watches: [synced] }, ms: 1_000 },
    { during: "a delay", script: { watches: [[failure("API_UNREACHABLE", { retryAfterMs: 60_000 })]] }, ms: 1_000 },
  ];
  for (const { during, script, ms } of moments)
    test(`stops during ${during}, at once and with nothing left open`, async () => {
      const rig = new ReflectorRig(script);
      await rig.clock.advance(ms);
      await rig.stop();
      assert.equal(rig.reflector.state.name, "stopped");
      assert.equal(rig.api.openCount, 0);
      assert.equal(rig.clock.pendingCount, 0);
      assert.ok(rig.failures.every(({ error }) => !String(error).includes("aborted")));
    });
});
