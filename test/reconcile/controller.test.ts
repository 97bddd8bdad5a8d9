import assert from "node:assert/strict";
import { suite, test, type TestContext } from "node:test";
import { Tracker } from "../../runtime/cache/tracker.ts";
import { EvenkeelError } from "../../runtime/kube/errors.ts";
import { ConfigMap } from "../../runtime/kube/kind.ts";
import { parseKey } from "../../runtime/kube/object.ts";
import { Controller, type Memos } from "../../runtime/reconcile/controller.ts";
import { defineFunction } from "../../runtime/reconcile/define.ts";
import { FunctionCache } from "../../runtime/reconcile/function-cache.ts";
import { OwnWrites } from "../../runtime/reconcile/own-writes.ts";
import type { Settled } from "../../runtime/reconcile/tally.ts";
import { WriteCauses } from "../../runtime/reconcile/write-causes.ts";
import { tracingWorld } from "../trace/spans.ts";
import { wish } from "./builders.ts";
import { ClusterRig } from "./cluster-rig.ts";

const watching = defineFunction({ watches: ConfigMap, writes: [ConfigMap], reconcile: () => ({}) });
const success: Settled = { result: "success", isRetry: false, written: [], own: undefined };
const failure: Settled = { ...success, result: "error", error: new EvenkeelError("BUG", "no"), isRetry: true };

type Answer = (key: string) => Settled | Promise<Settled>;

/** A controller over all ConfigMaps whose reconciler answers as the test says. */
async function rig(context: TestContext, answer: Answer, { concurrency = 2, isStarted = true } = {}) {
  const cluster = new ClusterRig(context);
  const cache = new FunctionCache("watching", watching, cluster.informers);
  const ran: string[] = [];
  const timesMs: number[] = [];
  const stale: string[] = [];
  const causes = new WriteCauses();
  const controller = new Controller({
    name: "watching",
    clock: cluster.clock,
    cache,
    tracker: new Tracker(),
    reconciler: {
      reconcile(key: string) {
        ran.push(key);
        timesMs.push(cluster.clock.now());
        return answer(key);
      },
      stop() {},
    },
    tracer: tracingWorld().tracer,
    causes,
    observer: { started() {}, settled() {}, stale: (key) => void stale.push(key) },
    concurrency,
  });
  cluster.informers.start();
  await cluster.clock.advance(10);
  if (isStarted) controller.start();
  return { cluster, controller, causes, ran, timesMs, stale };
}

/** Settled when the test says so. */
function gate(): {
  readonly answer: Answer;
  readonly open: (settled?: Settled) => void;
  readonly waiting: () => number;
} {
  const waiting: ((settled: Settled) => void)[] = [];
  return {
    answer: () => new Promise((resolve) => waiting.push(resolve)),
    open: (settled = success) => waiting.shift()?.(settled),
    waiting: () => waiting.length,
  };
}

suite("a controller", () => {
  test("runs nothing before it is started, and then every key", async (context) => {
    const { cluster, controller, ran } = await rig(context, () => success, { isStarted: false });
    await cluster.create(wish("default/a"), wish("default/b"));
    await cluster.clock.advance(10);
    assert.deepEqual(ran, []);
    controller.start();
    await cluster.clock.advance(10);
    assert.deepEqual(ran, ["default/b", "default/a"]);
    await controller.stop();
  });

  test("begins with what changed last", async (context) => {
    const { cluster, controller, ran } = await rig(context, () => success, { isStarted: false, concurrency: 1 });
    await cluster.create(wish("default/a"), wish("default/b"), wish("default/c"));
    await cluster.update(wish("default/b", { data: { changed: "while down" } }));
    await cluster.clock.advance(10);
    controller.start();
    await cluster.clock.advance(10);
    assert.deepEqual(ran, ["default/b", "default/c", "default/a"]);
    await controller.stop();
  });

  test("works on as many keys at once as it may, and never twice on the same", async (context) => {
    const { answer, open, waiting } = gate();
    const { cluster, controller, ran } = await rig(context, answer);
    await cluster.create(...["a", "b", "c"].map((name) => wish(`default/${name}`)));
    await cluster.clock.advance(10);
    await cluster.delete("default/a");
    await cluster.clock.advance(10);
    assert.deepEqual(ran, ["default/a", "default/b"]);
    assert.equal(waiting(), 2);
    open();
    await cluster.clock.advance(10);
    assert.deepEqual(ran, ["default/a", "default/b", "default/c"]);
    open();
    await cluster.clock.advance(10);
    assert.deepEqual(ran, ["default/a", "default/b", "default/c", "default/a"]);
    open();
    open();
    await controller.stop();
  });

  test("stops when the last answer is there, and starts nothing more", async (context) => {
    const { answer, open } = gate();
    const { cluster, controller, ran } = await rig(context, answer, { concurrency: 1 });
    await cluster.create(wish("default/a"), wish("default/b"));
    await cluster.clock.advance(10);
    let isStopped = false;
    const stopped = controller.stop().then(() => (isStopped = true));
    await cluster.clock.advance(60_000);
    assert.equal(isStopped, false);
    open();
    await stopped;
    await cluster.clock.advance(60_000);
    assert.deepEqual(ran, ["default/a"]);
  });

  test("tries a key that failed again and again, ever later", async (context) => {
    const { cluster, controller, timesMs } = await rig(context, () => failure);
    await cluster.create(wish("default/a"));
    await cluster.clock.advance(60_000);
    const gaps = timesMs.slice(1).map((timeMs, i) => timeMs - (timesMs[i] ?? 0));
    assert.ok(gaps.length > 8 && gaps.every((gap, i) => i === 0 || gap >= (gaps[i - 1] ?? 0)), gaps.join());
    await controller.stop();
  });

  test("a pause that the server asked for is the least, counts as a failure, and outlasts other delays", async (context) => {
    const paused: Settled = { ...failure, requeueAfterMs: 300, pauseMs: 2_000 };
    const { cluster, controller, timesMs } = await rig(context, () => paused);
    await cluster.create(wish("default/a"));
    await cluster.clock.advance(7_000);
    const gaps = timesMs.slice(1).map((timeMs, i) => timeMs - (timesMs[i] ?? 0));
    assert.deepEqual(gaps, [2_000, 2_000, 2_000]);
    assert.equal(controller.explain("default/a").retries, 4);
    assert.deepEqual(controller.needingAttention(9), ["default/a"]);
    await controller.stop();
  });

  test("runs a key again after its delay, or at once when something changes", async (context) => {
    const { cluster, controller, timesMs } = await rig(context, () => ({ ...success, requeueAfterMs: 5_000 }));
    await cluster.create(wish("default/a"));
    await cluster.clock.advance(7_000);
    assert.equal(timesMs.length, 2);
    await cluster.delete("default/a");
    await cluster.clock.advance(4_990);
    assert.equal(timesMs.length, 3);
    await cluster.clock.advance(20);
    assert.equal(timesMs.length, 4);
    await controller.stop();
  });

  test("leaves a key alone until the cache shows what it wrote, but not for ever", async (context) => {
    const own = new OwnWrites();
    own.wrote(ConfigMap, { namespace: "default", name: "never" }, "999999");
    const { cluster, controller, ran, stale } = await rig(context, () => ({ ...success, own }), { concurrency: 1 });
    await cluster.create(wish("default/a"));
    await cluster.clock.advance(10);
    await cluster.delete("default/a");
    await cluster.clock.advance(9_000);
    assert.deepEqual(ran, ["default/a"]);
    await cluster.create(wish("default/b"));
    await cluster.clock.advance(10);
    assert.deepEqual(ran, ["default/a", "default/b"], "no worker waits meanwhile");
    await cluster.clock.advance(2_000);
    assert.deepEqual(ran, ["default/a", "default/b", "default/a"]);
    assert.deepEqual(stale, ["default/a"]);
    await controller.stop();
  });

  test("stops at once while keys wait for what they wrote", async (context) => {
    const own = new OwnWrites();
    own.wrote(ConfigMap, { namespace: "default", name: "never" }, "999999");
    const { cluster, controller } = await rig(context, () => ({ ...success, own }));
    await cluster.create(wish("default/a"));
    await cluster.clock.advance(10);
    await controller.stop();
    assert.equal(controller.queue.processingCount, 0);
  });

  const A = "v1/ConfigMap default/a";
  const B = "v1/ConfigMap default/b";

  test("puts off a key that a write of ours woke until no write is under way", async (context) => {
    const { cluster, controller, causes, ran } = await rig(context, () => success);
    const [answered, another] = [causes.sending(A), causes.sending(B)];
    await cluster.create(wish("default/a"));
    await cluster.clock.advance(10);
    answered();
    await cluster.clock.advance(10);
    assert.deepEqual(ran, []);
    another();
    await cluster.clock.advance(1);
    assert.deepEqual(ran, ["default/a"]);
    await cluster.clock.advance(1_000);
    assert.deepEqual(ran, ["default/a"], "once");
    await controller.stop();
  });

  test("puts off no key for more than 250 ms", async (context) => {
    const { cluster, controller, causes, ran } = await rig(context, () => success);
    causes.sending(A);
    await cluster.create(wish("default/a"));
    await cluster.clock.advance(240);
    assert.deepEqual(ran, []);
    await cluster.clock.advance(20);
    assert.deepEqual(ran, ["default/a"]);
    await controller.stop();
  });

  test("puts off no key that somebody else's change wakes, and what was put off goes with it", async (context) => {
    const { cluster, controller, causes, ran } = await rig(context, () => success);
    const answered = causes.sending(A);
    await cluster.create(wish("default/a"), wish("default/b"));
    await cluster.clock.advance(10);
    assert.deepEqual(ran, ["default/b"]);
    const another = causes.sending(B);
    answered();
    await cluster.delete("default/a");
    await cluster.clock.advance(10);
    assert.deepEqual(ran, ["default/b", "default/a"]);
    another();
    await cluster.clock.advance(1_000);
    assert.deepEqual(ran, ["default/b", "default/a"]);
    await controller.stop();
  });

  test("puts off nothing beyond its end", async (context) => {
    const own = new OwnWrites();
    own.wrote(ConfigMap, { namespace: "default", name: "never" }, "999999");
    const { cluster, controller, causes } = await rig(context, () => ({ ...success, own }));
    await cluster.create(wish("default/a"));
    await cluster.clock.advance(10);
    // Comes while the key is in hand, by a write that is still under way when all ends.
    causes.sending(A);
    await cluster.delete("default/a");
    await cluster.clock.advance(10);
    const before = cluster.clock.pendingCount;
    await controller.stop();
    assert.equal(cluster.clock.pendingCount, before - 1, "the key's wait is over, and no other has begun");
    assert.equal(causes.isBusy, true);
  });

  test("has nothing more to do for an object that went as its own key wished", async (context) => {
    const own = new OwnWrites();
    const { cluster, controller, ran } = await rig(context, async (key) => {
      const { metadata } = await cluster.api.get(ConfigMap, parseKey(key));
      await cluster.api.delete(ConfigMap, parseKey(key), { uid: metadata.uid });
      own.removed(ConfigMap, parseKey(key), metadata.uid);
      return { ...success, own };
    });
    await cluster.create(wish("default/a"));
    await cluster.clock.advance(1_000);
    assert.deepEqual(ran, ["default/a"]);
    await controller.stop();
  });

  test("runs a key again whose object went by somebody else's hand", async (context) => {
    const { cluster, controller, ran } = await rig(context, () => success);
    await cluster.create(wish("default/a"));
    await cluster.clock.advance(10);
    await cluster.delete("default/a");
    await cluster.clock.advance(10);
    assert.deepEqual(ran, ["default/a", "default/a"]);
    await controller.stop();
  });
});

/** Each run of a key returns the uid of its object as memo. */
async function handover(context: TestContext) {
  const cluster = new ClusterRig(context);
  const cache = new FunctionCache("watching", watching, cluster.informers);
  /** Key → the memo that each run was given. */
  const given: (readonly [string, unknown])[] = [];
  const answers = gate();
  let isSlow = false;
  const make = (memos?: Memos): Controller =>
    new Controller({
      name: "watching",
      clock: cluster.clock,
      cache,
      tracker: new Tracker(),
      tracer: tracingWorld().tracer,
      causes: new WriteCauses(),
      memos,
      concurrency: 1,
      observer: { started() {}, settled() {}, stale() {} },
      reconciler: {
        reconcile(key, record) {
          const source = cache.source(key);
          if (source === undefined) return { ...success, result: "gone" };
          record.begins(source);
          given.push([key, record.memo]);
          record.memo = source.metadata.uid;
          return isSlow ? answers.answer(key) : success;
        },
        stop() {},
      },
    });
  cluster.informers.start();
  await cluster.clock.advance(10);
  await cluster.create(wish("default/a"), wish("default/b"));
  await cluster.clock.advance(10);
  const first = make();
  first.start();
  await cluster.clock.advance(10);
  await first.stop();
  given.length = 0;
  const replace = async (): Promise<void> => {
    await cluster.delete("default/a");
    await cluster.create(wish("default/a"));
    await cluster.clock.advance(10);
  };
  const next = async (): Promise<Controller> => {
    const second = make(first.memos);
    second.start();
    await cluster.clock.advance(10);
    return second;
  };
  const slowly = (): void => void (isSlow = true);
  const go = async (): Promise<void> => {
    isSlow = false;
    answers.open();
    await cluster.clock.advance(50);
  };
  return { given, next, replace, slowly, go };
}

const ofA = (given: readonly (readonly [string, unknown])[]): readonly unknown[] =>
  given.filter(([key]) => key === "default/a").map(([, memo]) => typeof memo);

suite("a memo that one controller hands to the next", () => {
  test("is given to the object that it was returned for", async (context) => {
    const { given, next } = await handover(context);
    await (await next()).stop();
    assert.deepEqual(ofA(given), ["string"]);
  });

  test("is not given to another of its name, made before the next controller begins", async (context) => {
    const { given, next, replace } = await handover(context);
    await replace();
    await (await next()).stop();
    assert.deepEqual(ofA(given), ["undefined"]);
  });

  test("is not given to another of its name, made while the key waits for its first run", async (context) => {
    const { given, next, replace, slowly, go } = await handover(context);
    slowly();
    const second = await next();
    await replace();
    await go();
    await second.stop();
    assert.deepEqual(ofA(given), ["undefined"]);
  });
});
