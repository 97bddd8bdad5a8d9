/** One informer per query, as long as somebody uses it. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { Informers } from "../../runtime/cache/informers.ts";
import { ConfigMap, Namespace } from "../../runtime/kube/kind.ts";
import { select } from "../../runtime/kube/query.ts";
import { settle, VirtualClock } from "../support/virtual-clock.ts";
import { FakeCluster } from "./support/fake-cluster.ts";
import { ScriptedApi } from "./support/scripted-api.ts";

const x1y2 = select(ConfigMap, { labels: { x: "1", y: "2" } });
const y2x1 = select(ConfigMap, { labels: { y: "2", x: "1" } });

const make = (): Informers => new Informers({ api: new FakeCluster(), clock: new VirtualClock() });

suite("informers", () => {
  test("equal queries share one, others do not", () => {
    const informers = make();
    assert.equal(informers.informer(x1y2), informers.informer(y2x1));
    assert.notEqual(informers.informer(x1y2), informers.informer(select(ConfigMap)));
    assert.notEqual(informers.informer(select(Namespace)), informers.informer(select(ConfigMap)));
    assert.equal(informers.all().length, 3);
  });

  test("one is stopped when its last user gives it back, and not before", async () => {
    const informers = make();
    informers.start();
    const informer = informers.informer(x1y2);
    informers.informer(y2x1);
    await informers.release(informer);
    assert.notEqual(informer.state.name, "stopped");
    await informers.release(informer);
    assert.equal(informer.state.name, "stopped");
    assert.deepEqual(informers.all(), []);
    await assert.rejects(informers.release(informer), /released once too often/);
  });

  test("a query that is used again after its end gets a new one, which runs", async () => {
    const informers = make();
    informers.start();
    const first = informers.informer(x1y2);
    await informers.release(first);
    const second = informers.informer(x1y2);
    await settle();
    assert.notEqual(first, second);
    assert.equal(second.hasSynced, true);
    await informers.stop();
  });

  test("nothing is asked before the start", async () => {
    const api = new ScriptedApi(new VirtualClock(), {});
    const informers = new Informers({ api, clock: new VirtualClock() });
    informers.informer(x1y2);
    await settle();
    assert.deepEqual(api.calls, []);
  });
});
