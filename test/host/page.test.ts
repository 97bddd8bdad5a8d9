import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { STALE_MS } from "../../runtime/host/checks.ts";
import { statusDocument } from "../../runtime/host/page/document.ts";
import { Live, MAX_STREAMS } from "../../runtime/host/page/live.ts";
import { sectionsOf, sharedSections } from "../../runtime/host/page/sections.ts";
import { rough } from "../../runtime/host/page/words.ts";
import type { CacheStatus, FunctionStatus, Status } from "../../runtime/host/status.ts";
import { VirtualClock } from "../support/virtual-clock.ts";
import { fakeKey, fakeStatus, quietStatus } from "./fake-status.ts";

const nothing = { function: undefined, key: undefined };
const [working] = quietStatus.functions as readonly [FunctionStatus];
const cache: CacheStatus = {
  query: "v1/Namespace */*",
  holds: "whole",
  state: "watching",
  hasSynced: true,
  objectCount: 7,
  ageMs: 1_000,
  code: undefined,
  deletionsHeld: undefined,
  usedBy: ["mirror"],
};
const reconcile: Status["reconciles"][number] = {
  traceId: "0af7651916cd43dd8448eb211c80319c",
  function: "mirror",
  key: "default/x",
  kind: "v1/ConfigMap",
  outcome: "success",
  code: undefined,
  woke: "source added",
  wakeCount: 1,
  start: "2026-01-01T10:11:12.345Z",
  durationMs: 4.1,
  queuedMs: 0.1,
  spanCount: 4,
  writes: { create: 2 },
  failedWriteCount: 0,
  next: undefined,
  traceUrl: undefined,
};

suite("the page says", () => {
  const cases: readonly { readonly name: string; readonly status: Partial<Status>; readonly says: RegExp }[] = [
    { name: "that the host is ready", status: {}, says: /●<\/span> Ready/ },
    {
      name: "what keeps it from being ready",
      status: { notReady: [{ check: "caches", reason: "v1/Namespace */* has not synced" }] },
      says: /Not ready.*What is wrong.*<b>caches<\/b> v1\/Namespace \*\/\* has not synced/s,
    },
    {
      name: "that it leads, and by which lease",
      status: { lease: { name: "evenkeel/evenkeel", holder: "replica-1", isLeading: true } },
      says: /Leads<\/span> <span>by lease evenkeel\/evenkeel/,
    },
    {
      name: "who leads instead",
      status: { lease: { name: "evenkeel/evenkeel", holder: "replica-2", isLeading: false } },
      says: /Stands by.*held by <b>replica-2<\/b>/s,
    },
    {
      name: "that nobody leads",
      status: { lease: { name: "evenkeel/evenkeel", holder: "", isLeading: false } },
      says: /Stands by.*held by nobody/s,
    },
    {
      name: "what a function declares",
      status: {},
      says: /Watches.*v1\/ConfigMap \*\/\* \[mirror=true\].*Reads.*v1\/Namespace/s,
    },
    {
      name: "which cache a function waits for",
      status: { functions: [{ ...working, state: "waiting for caches", waitsFor: ["v1/Secret */*"] }] },
      says: /Waiting for caches.*Waits for.*v1\/Secret \*\/\*/s,
    },
    {
      name: "that a function runs dry",
      status: { functions: [{ ...working, isDryRun: true }] },
      says: /Dry run: plans, writes nothing/,
    },
    {
      name: "that the last good version goes on, and why",
      status: {
        functions: [{ ...working, problem: "broken" }],
        problems: [{ about: "mirror", message: "functions/mirror.ts:3:1: Unexpected token" }],
      },
      says: /What is wrong.*mirror<\/b> functions\/mirror\.ts:3:1: Unexpected token.*Newest version refused.*the last good one goes on/s,
    },
    {
      name: "how long each queue is",
      status: { functions: [{ ...working, queue: { high: 11, low: 22, delayed: 33, processing: 44 } }] },
      says: /<td>11<\/td>\s*<td>22<\/td>\s*<td>33<\/td>\s*<td>44<\/td>/,
    },
    {
      name: "which keys are in trouble, with a link",
      status: { functions: [{ ...working, troubled: ["a/b"] }] },
      says: /In trouble:\s*<a class="key" href="\/\?function=mirror&amp;key=a%2Fb#key">a\/b<\/a>/,
    },
    {
      name: "that a function is suspended, why, and when it is tried again",
      status: { functions: [{ ...working, suspension: { forMs: 12_000, reason: "it did not return" } }] },
      says: /What is wrong.*<b>mirror<\/b> is suspended: it did not return.*▲<\/span> Suspended<\/span> <span>tried again within 20 s/s,
    },
    {
      name: "that a suspended function is about to be tried again",
      status: { functions: [{ ...working, suspension: { forMs: 0, reason: "it did not return" } }] },
      says: /Suspended<\/span> <span>about to be tried again/,
    },
    {
      name: "the last error of a function, on which key and when, and what to do",
      status: {
        functions: [
          {
            ...working,
            lastError: { code: "FUNCTION_TIMED_OUT", key: "a/b", at: "2026-01-01T10:11:12.345Z", next: "take it out" },
          },
        ],
      },
      says: /Last error.*<code>FUNCTION_TIMED_OUT<\/code> on <a class="key" href="\/\?function=mirror&amp;key=a%2Fb#key">a\/b<\/a>.*10:11:12.*take it out/s,
    },
    {
      name: "how many threads a function ended",
      status: { functions: [{ ...working, faultCount: 3 }] },
      says: /Threads<\/dt>\s*<dd>3 ended by what it did/,
    },
    { name: "that a cache is current", status: { caches: [cache] }, says: /Current.*>7<.*a moment ago.*mirror/s },
    {
      name: "that a cache is current for as long as readiness says so",
      status: { caches: [{ ...cache, ageMs: STALE_MS }] },
      says: /Current.*3 min/s,
    },
    {
      name: "which cache has heard nothing for too long",
      status: { caches: [{ ...cache, ageMs: STALE_MS + 1 }] },
      says: /Quiet for too long/,
    },
    {
      name: "that a cache is stale, and why",
      status: { caches: [{ ...cache, state: "waiting to retry", code: "API_FORBIDDEN" }] },
      says: /Stale<\/span> waiting to retry, <code>API_FORBIDDEN<\/code>/,
    },
    {
      name: "that a cache holds deletions",
      status: { caches: [{ ...cache, deletionsHeld: "7 of 9 are gone" }] },
      says: /Deletions held<\/span> 7 of 9 are gone/,
    },
    {
      name: "what a reconcile did and why",
      status: { reconciles: [reconcile] },
      says: /default\/x.*Settled.*2\u00a0×\u00a0create.*source added.*4\.1 ms.*10:11:12/s,
    },
    {
      name: "what to do about one that failed",
      status: { reconciles: [{ ...reconcile, outcome: "error", code: "API_FORBIDDEN", next: "grant it" }] },
      says: /▲<\/span> Failed<\/span> <code>API_FORBIDDEN<\/code> grant it/,
    },
  ];
  for (const { name, status, says } of cases)
    test(name, () => assert.match(String(statusDocument(fakeStatus(status), nothing)), says));

  const [where, shown] = ["http://j.example/?a=1&id=0af7", `<code>${reconcile.traceId}</code>`];
  for (const { traceUrl, says, name } of [
    { name: "the id of a trace", traceUrl: undefined, says: `class="trace">${shown}</td>` },
    {
      name: "where a trace is shown",
      traceUrl: where,
      says: `class="trace"><a href="${where.replace("&", "&amp;")}" rel="noreferrer">${shown}</a></td>`,
    },
  ])
    test(`${name}, in the list and with its key`, () => {
      const run = { ...reconcile, traceUrl };
      const source = fakeStatus({ reconciles: [run] });
      assert.ok(String(statusDocument(source, nothing)).includes(says));
      source.key = () => ({ ...fakeKey, reconciles: [run] });
      const link = says.slice('class="trace">'.length, -"</td>".length);
      const text = String(statusDocument(source, { function: "mirror", key: "default/x" }));
      assert.ok(text.includes(`trace ${link} ·`), text);
    });

  test("why a key ran, what it read, owns and is blocked by", () => {
    const source = fakeStatus();
    source.key = () => ({ ...fakeKey, obstacles: [{ target: "v1/ConfigMap b/x", reason: "exists", inMs: 4_000 }] });
    const text = String(statusDocument(source, { function: "mirror", key: "default/x" }));
    assert.match(
      text,
      /Why it ran.*source added.*What it read.*team-\*.*What it owns.*team-a\/x.*What blocks it.*b\/x.*exists.*within 10 s/s,
    );
  });
});

test("whatever a name holds is text on the page", () => {
  const evil = `"><script>alert(1)</script><img src=x onerror='y'>`;
  const source = fakeStatus({
    functions: [
      {
        ...working,
        name: evil,
        watches: evil,
        reads: [evil],
        troubled: [evil],
        waitsFor: [evil],
        suspension: { forMs: 1, reason: evil },
        lastError: { code: "FUNCTION_THREW", key: evil, at: evil, next: evil },
      },
    ],
    caches: [{ ...cache, query: evil, usedBy: [evil], deletionsHeld: evil }],
    reconciles: [{ ...reconcile, key: evil, woke: evil, function: evil, traceUrl: `http://j/${evil}` }],
    problems: [{ about: evil, message: evil }],
    identity: evil,
  });
  source.key = () => undefined;
  const text = String(statusDocument(source, { function: evil, key: evil }));
  assert.ok(!/<script>|<img|onerror='/.test(text));
  assert.equal(text.match(/<script /g)?.length, 1);
});

test("nothing on the page needs a style or a script of the markup's own", () => {
  const text = String(statusDocument(fakeStatus({ caches: [cache], reconciles: [reconcile] }), nothing));
  assert.doesNotMatch(text, /\sstyle=|\son[a-z]+=|<style|javascript:|https?:/);
});

suite("a rough duration", () => {
  for (const [ms, says] of [
    [0, "a moment"],
    [9_999, "a moment"],
    [10_000, "10 s"],
    [59_999, "50 s"],
    [60_000, "1 min"],
    [3_600_000, "1 h"],
    [172_800_000, "2 d"],
  ] as const)
    test(`of ${ms} ms is ${says}`, () => assert.equal(rough(ms), says));
});

suite("the live stream", () => {
  test("begins with every section, then sends those that changed, within half a second", async () => {
    const { clock, source, live } = rig();
    const reader = live.open(nothing)?.getReader();
    assert.ok(reader);
    assert.equal(await next(reader), "retry: 2000\n\n");
    assert.deepEqual(sections(await next(reader)), [...sectionsOf(source, nothing).keys()]);
    source.status = { ...source.status, caches: [cache] };
    const message = next(reader);
    await clock.advance(500);
    assert.deepEqual(sections(await message), ["caches"]);
    live.close();
  });

  test("computes nothing while nobody looks", async () => {
    const { clock, source, live } = rig();
    await clock.advance(10_000);
    assert.equal(source.readCount, 0);
    const stream = live.open(nothing);
    await clock.advance(1_000);
    assert.equal(source.readCount, 3);
    await stream?.cancel();
    await clock.advance(500);
    assert.deepEqual([source.readCount, clock.pendingCount], [3, 0]);
  });

  test("is looked at once for all viewers", async () => {
    const { clock, source, live } = rig();
    live.open(nothing);
    live.open(nothing);
    source.readCount = 0;
    await clock.advance(500);
    assert.equal(source.readCount, 1);
    live.close();
  });

  test("keeps one text per section for a viewer that does not read, and sends the last", async () => {
    const { clock, source, live } = rig();
    const reader = live.open(nothing)?.getReader();
    assert.ok(reader);
    for (let objectCount = 1; objectCount <= 100; objectCount++) {
      source.status = { ...source.status, caches: [{ ...cache, objectCount }] };
      await clock.advance(500);
    }
    await next(reader);
    const messages = [await next(reader)];
    const last = String(sharedSections(source.status).get("caches"));
    while (!messages.at(-1)?.includes(JSON.stringify(last).slice(1, -1))) messages.push(await next(reader));
    assert.ok(messages.length <= 2, `${messages.length} messages`);
    live.close();
  });

  test("says that it is there when there is no news", async () => {
    const { clock, live } = rig();
    const reader = live.open(nothing)?.getReader();
    assert.ok(reader);
    await next(reader);
    await next(reader);
    const beat = next(reader);
    await clock.advance(15_000);
    assert.equal(await beat, ": still here\n\n");
    live.close();
  });

  test("is refused to more viewers than there is room for, until one goes", async () => {
    const { live } = rig();
    const streams = Array.from({ length: MAX_STREAMS }, () => live.open(nothing));
    assert.ok(streams.every((stream) => stream !== undefined));
    assert.equal(live.open(nothing), undefined);
    await streams[0]?.cancel();
    assert.ok(live.open(nothing));
    live.close();
  });

  test("ends when the host stops, and none begins after that", async () => {
    const { clock, live } = rig();
    const reader = live.open(nothing)?.getReader();
    assert.ok(reader);
    live.close();
    while (!(await reader.read()).done);
    assert.equal(live.open(nothing), undefined);
    assert.equal(clock.pendingCount, 0);
  });
});

function rig() {
  const clock = new VirtualClock();
  const source = fakeStatus();
  const live = new Live({ source, clock });
  return { clock, source, live };
}
async function next(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<string> {
  const { value } = await reader.read();
  return new TextDecoder().decode(value);
}
/** The names of the sections in a message. */
function sections(message: string): readonly string[] {
  return Object.keys(JSON.parse(message.replace(/^data: /, "")) as object);
}
