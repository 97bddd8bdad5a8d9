/** What an informer asks for and keeps, for each part of objects that a query can mean; over the embedded API server. */
import assert from "node:assert/strict";
import { suite, test, type TestContext } from "node:test";
import { createApiServer } from "../../runtime/apiserver/server.ts";
import { Digests, keptDigest } from "../../runtime/cache/content.ts";
import { SharedInformer } from "../../runtime/cache/informer.ts";
import { ApiClient } from "../../runtime/kube/client.ts";
import { ConfigMap } from "../../runtime/kube/kind.ts";
import type { ObjectName, StoredObject } from "../../runtime/kube/object.ts";
import { select, type Part } from "../../runtime/kube/query.ts";
import type { TransportRequest } from "../../runtime/kube/transport.ts";
import { faulty, inProcessTransport } from "../support/in-process-transport.ts";
import { VirtualClock } from "../support/virtual-clock.ts";

const JSON_ONLY = "application/json";
const WHOLE = `application/vnd.kubernetes.protobuf,${JSON_ONLY}`;
const JSON_PARTIAL = `${JSON_ONLY};as=PartialObjectMetadata;g=meta.k8s.io;v=v1,${JSON_ONLY}`;
const PARTIAL = `${JSON_PARTIAL.slice(0, -JSON_ONLY.length).replace("json", "vnd.kubernetes.protobuf")}${JSON_PARTIAL}`;
const PARTIAL_LIST = JSON_PARTIAL.replace("Metadata;", "MetadataList;");

const content = (value: string): object => ({ data: { key: value } });
const metadata = (name: string): ObjectName => ({ name, namespace: "default" });
const labels = { app: "a-label-that-repeats" };
const annotations = { owner: "an annotation that repeats" };

class Rig {
  readonly clock = new VirtualClock();
  readonly accepts: string[] = [];
  readonly informer: SharedInformer;
  readonly user: ApiClient;

  constructor(context: TestContext, part: Part | undefined, refuses: (request: TransportRequest) => boolean) {
    const server = createApiServer({ clock: this.clock });
    const transport = inProcessTransport((request) => server.fetch(request));
    this.user = new ApiClient({ clock: this.clock, transport });
    const wire = faulty(transport, (request) => {
      if (!request.path.includes("configmaps")) return undefined;
      this.accepts.push(request.headers["accept"] ?? "");
      return refuses(request) ? { do: "answer", status: 400 } : undefined;
    });
    const api = new ApiClient({ clock: this.clock, transport: wire });
    const query = { ...select(ConfigMap, { namespace: "default" }), part };
    this.informer = new SharedInformer({ api, clock: this.clock, query });
    context.after(async () => {
      await this.informer.stop();
      await server.close();
    });
  }

  async create(name: string, value: string): Promise<void> {
    const object: object & { readonly metadata: ObjectName } = {
      metadata: Object.assign(metadata(name), { labels, annotations }),
      ...content(value),
    };
    await this.user.create(ConfigMap, object);
  }

  kept(name: string): StoredObject | undefined {
    return this.informer.store.get(`default/${name}`);
  }
}

interface Row {
  readonly part: Part | undefined;
  readonly fields: readonly string[];
  readonly hasDigest: boolean;
  /** Of a watch, and of a list. */
  readonly accepts: readonly [string, string];
}

const rows: readonly Row[] = [
  {
    part: undefined,
    fields: ["apiVersion", "data", "kind", "metadata"],
    hasDigest: false,
    accepts: [WHOLE, JSON_ONLY],
  },
  {
    part: "metadata+digest",
    fields: ["apiVersion", "kind", "metadata"],
    hasDigest: true,
    accepts: [WHOLE, JSON_ONLY],
  },
  {
    part: "metadata",
    fields: ["apiVersion", "kind", "metadata"],
    hasDigest: false,
    accepts: [PARTIAL, PARTIAL_LIST],
  },
];

for (const { part, fields, hasDigest, accepts } of rows)
  suite(`an informer of ${part ?? "whole objects"}`, () => {
    for (const initial of ["WatchList", "list"] as const)
      test(`keeps ${fields.join(", ")}${hasDigest ? " and a digest" : ""}, by ${initial} and from the watch`, async (context) => {
        const isRefused = ({ path }: TransportRequest): boolean =>
          initial === "list" && path.includes("sendInitialEvents");
        const rig = new Rig(context, part, isRefused);
        await rig.create("listed", "1");
        rig.informer.start();
        await rig.clock.advance(5_000);
        await rig.create("watched", "2");
        await rig.clock.advance(5_000);
        for (const name of ["listed", "watched"]) {
          const object = rig.kept(name);
          assert.deepEqual(Object.keys(object ?? {}).toSorted(), fields);
          assert.deepEqual([object?.apiVersion, object?.kind], ["v1", "ConfigMap"]);
          assert.deepEqual([object?.metadata.labels, object?.metadata.annotations], [labels, annotations]);
          assert.equal(Object.hasOwn(object?.metadata ?? {}, "managedFields"), false);
          const digest = object === undefined ? "" : keptDigest(object);
          const whole = await rig.user.get(ConfigMap, metadata(name));
          assert.equal(digest === new Digests().of(whole), hasDigest);
        }
        const [watch, list] = accepts;
        assert.deepEqual(rig.accepts, initial === "list" ? [watch, list, watch] : [watch]);
      });

    test("sees a change of the content alone as a change", async (context) => {
      const rig = new Rig(context, part, () => false);
      await rig.create("a", "1");
      rig.informer.start();
      await rig.clock.advance(1);
      const before = rig.kept("a");
      let changes = 0;
      rig.informer.onChange(({ origin }) => void (changes += origin === "watch" ? 1 : 0));
      const found = await rig.user.get(ConfigMap, metadata("a"));
      await rig.user.update(ConfigMap, { ...found, ...content("2") });
      await rig.clock.advance(1);
      assert.equal(changes, 1);
      const after = rig.kept("a");
      assert.ok(before !== undefined && after !== undefined);
      assert.equal(keptDigest(before) === keptDigest(after), !hasDigest);
    });
  });

test("labels that are equal are kept once, and metadata is kept as it came", async (context) => {
  const rig = new Rig(context, "metadata", () => false);
  await rig.create("a", "1");
  await rig.create("b", "1");
  rig.informer.start();
  await rig.clock.advance(1);
  assert.equal(rig.kept("a")?.metadata.labels, rig.kept("b")?.metadata.labels);
  for (const name of ["a", "b"]) {
    const { metadata: sent } = await rig.user.get(ConfigMap, metadata(name));
    assert.deepEqual(rig.kept(name)?.metadata, sent);
  }
});
