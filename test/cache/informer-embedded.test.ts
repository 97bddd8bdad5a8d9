/** The cache over the real API client and the embedded API server: what the fakes elsewhere take for granted. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { createApiServer } from "../../runtime/apiserver/server.ts";
import { ApiClient } from "../../runtime/kube/client.ts";
import { codeOf } from "../../runtime/kube/errors.ts";
import { ConfigMap } from "../../runtime/kube/kind.ts";
import { objectKey } from "../../runtime/kube/object.ts";
import type { Where } from "../../runtime/kube/query.ts";
import { faulty, inProcessTransport, type FaultRule } from "../support/in-process-transport.ts";
import { VirtualClock } from "../support/virtual-clock.ts";
import { InformerRig } from "./support/informer-rig.ts";

const mirrored: Where = { labels: { mirror: "true" } };

class World {
  readonly clock = new VirtualClock();
  readonly server = createApiServer({ clock: this.clock });
  readonly transport = inProcessTransport((request) => this.server.fetch(request));
  /** For what others do in the cluster. */
  readonly api = new ApiClient({ clock: this.clock, transport: this.transport });
  /** Paths by which the informer asked. */
  readonly requests: string[] = [];

  /** Starts an informer; each of its requests for ConfigMaps goes by `rule`. */
  inform(where: Where, rule: FaultRule = () => undefined): InformerRig {
    const transport = faulty(this.transport, (request, ordinal) => {
      if (!request.path.includes("configmaps")) return undefined;
      this.requests.push(request.path);
      return rule(request, ordinal);
    });
    return new InformerRig(new ApiClient({ clock: this.clock, transport }), where, this.clock);
  }

  async create(name: string, labels: Readonly<Record<string, string>> = { mirror: "true" }): Promise<void> {
    const metadata = { namespace: "default", name, labels };
    await this.api.create(ConfigMap, { metadata });
  }

  async delete(name: string): Promise<void> {
    const place = { namespace: "default", name };
    const { metadata } = await this.api.get(ConfigMap, place);
    await this.api.delete(ConfigMap, place, { uid: metadata.uid });
  }

  /** Lists, in pages or by WatchList. */
  get listRequests(): readonly string[] {
    return this.requests.filter((path) => !path.includes("watch=") || path.includes("sendInitialEvents"));
  }

  async end({ informer }: InformerRig): Promise<void> {
    await informer.stop();
    await this.server.close();
  }
}

const keysOf = ({ informer }: InformerRig): readonly string[] =>
  informer.store.read({}).map(({ metadata }) => objectKey(metadata));

suite("informer over the embedded API server", () => {
  test("lists and follows by one WatchList request", async () => {
    const world = new World();
    await world.create("a");
    const rig = world.inform(mirrored);
    await world.clock.advance(1);
    await world.create("b");
    await world.create("c", {});
    await world.delete("a");
    await world.clock.advance(1);
    assert.equal(rig.informer.hasSynced, true);
    assert.deepEqual(keysOf(rig), ["default/b"]);
    assert.equal(world.requests.length, 1);
    assert.match(world.requests[0] ?? "", /sendInitialEvents=true/);
    await world.end(rig);
  });

  test("lists in pages where WatchList is refused, and misses nothing that changes between them", async () => {
    const world = new World();
    for (let index = 0; index < 501; index++) await world.create(`m${String(index).padStart(3, "0")}`);
    const between: Promise<void>[] = [];
    const rig = world.inform({}, ({ path }) => {
      if (path.includes("continue=")) between.push(world.create("a"), world.delete("m000"), world.delete("m500"));
      if (!path.includes("sendInitialEvents")) return undefined;
      return { do: "answer", status: 422, body: { kind: "Status", apiVersion: "v1", code: 422, reason: "Invalid" } };
    });
    await world.clock.advance(1);
    await Promise.all(between);
    await world.clock.advance(1);
    assert.equal(between.length, 3);
    const keys = keysOf(rig);
    assert.equal(keys.length, 500);
    assert.deepEqual([keys[0], keys[1], keys.at(-1)], ["default/a", "default/m001", "default/m499"]);
    await world.end(rig);
  });

  test("half an hour of silence and a compaction cost no list: bookmarks keep the version young", async () => {
    const world = new World();
    await world.create("a");
    const rig = world.inform(mirrored);
    await world.clock.advance(1);
    for (let minute = 0; minute < 30; minute++) {
      await world.create(`other-${minute}`, {});
      await world.clock.advance(60_000);
    }
    world.server.compact();
    await world.create("b");
    await world.clock.advance(1_300_000);
    assert.deepEqual(keysOf(rig), ["default/a", "default/b"]);
    assert.equal(world.listRequests.length, 1);
    await world.end(rig);
  });

  test("a version that was compacted away leads to one relist, which tells what was deleted meanwhile", async () => {
    let isCut = false;
    const world = new World();
    await world.create("a");
    const rig = world.inform(mirrored, () => (isCut ? { do: "fail" } : undefined));
    await world.clock.advance(1);
    isCut = true;
    // The watch that is open ends by itself, the next ones fail.
    await world.clock.advance(700_000);
    assert.equal(codeOf(rig.informer.lastError), "API_UNREACHABLE");
    await world.delete("a");
    await world.create("b");
    world.server.compact();
    isCut = false;
    await world.clock.advance(120_000);
    assert.deepEqual(keysOf(rig), ["default/b"]);
    assert.equal(world.listRequests.length, 2);
    const gone = rig.changes.filter(({ after }) => after === undefined);
    assert.deepEqual(
      gone.map(({ key, origin }) => `${key} ${origin}`),
      ["default/a relist"],
    );
    await world.end(rig);
  });

  test("a half-open watch is found dead in a minute and a half, and followed again from where it was", async () => {
    const world = new World();
    await world.create("a");
    let watchCount = 0;
    const rig = world.inform(mirrored, ({ path }) => {
      // The first watch falls silent after its first 2,000 bytes: no end, no error.
      if (!path.includes("watch=") || watchCount++ > 0) return undefined;
      return { do: "truncate", afterBytes: 2_000, ending: "hang" };
    });
    await world.clock.advance(1);
    for (let index = 0; index < 10; index++) await world.create(`b${index}`);
    await world.clock.advance(80_000);
    assert.notEqual(keysOf(rig).length, 11, "the watch is silent");
    assert.equal(rig.informer.lastError, undefined);
    await world.clock.advance(13_000);
    // Twice, so that the new watch has turns enough to be read.
    await world.clock.advance(2_000);
    assert.equal(keysOf(rig).length, 11);
    assert.equal(world.listRequests.length, 1);
    await world.end(rig);
  });
});
