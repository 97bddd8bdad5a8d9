/** What a real kube-apiserver says in protobuf is what it says in JSON: whole or metadata, got, watched, written or refused. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { systemClock } from "../../runtime/clock/clock.ts";
import type { WatchEvent } from "../../runtime/kube/api.ts";
import { ApiClient } from "../../runtime/kube/client.ts";
import { EvenkeelError } from "../../runtime/kube/errors.ts";
import { ConfigMap, kind, type Kind } from "../../runtime/kube/kind.ts";
import { kubeconfigCredentials } from "../../runtime/kube/kubeconfig.ts";
import { PROTOBUF } from "../../runtime/kube/protobuf.ts";
import type { Transport } from "../../runtime/kube/transport.ts";
import { UndiciTransport } from "../../runtime/kube/undici-transport.ts";
import { describeOnControlPlane } from "../controlplane/on-control-plane.ts";
import { until } from "../support/wait.ts";

const Secret = kind("v1", "Secret");
const Deployment = kind("apps/v1", "Deployment");
const Definition = kind("apiextensions.k8s.io/v1", "CustomResourceDefinition");
const Widget = kind("example.com/v1", "Widget");

const metadata = {
  namespace: "default",
  labels: { constructor: "x", empty: "" },
  annotations: { "example.com/text": "é\n\u{1f600}" },
  finalizers: ["example.com/kept"],
  ownerReferences: [
    { apiVersion: "v1", kind: "Node", name: "n", uid: "u", controller: false, blockOwnerDeletion: true },
  ],
};
const template = {
  metadata: { labels: { app: "a" } },
  spec: { containers: [{ name: "a", image: "a" }] },
};

/** Each kind with its content, and what whole objects of it come in. */
const kinds: readonly { readonly kind: Kind; readonly content: object; readonly whole: "protobuf" | "json" }[] = [
  {
    kind: ConfigMap,
    content: { data: { ["__proto__"]: "p", empty: "", text: "é" }, binaryData: { b: "AP8=" }, immutable: false },
    whole: "protobuf",
  },
  { kind: Secret, content: { data: { b: "AP8=", empty: "" }, immutable: true }, whole: "protobuf" },
  { kind: Deployment, content: { spec: { selector: { matchLabels: { app: "a" } }, template } }, whole: "json" },
  { kind: Widget, content: { spec: { size: 1 } }, whole: "json" },
];

// Without the garbage collector: the owners of these objects are nowhere.
const CONTROLLERS = { controllers: ["namespace-controller"] };

describeOnControlPlane("the encodings of a real kube-apiserver", CONTROLLERS, (controlPlane) => {
  let transport: UndiciTransport;
  /** What answers came in, discovery left out. */
  const came: string[] = [];

  before(async () => {
    const files = [controlPlane().adminKubeconfig];
    const credentials = await kubeconfigCredentials({ clock: systemClock, files, context: undefined });
    transport = new UndiciTransport({ credentials });
    await define();
  });
  after(() => transport.close());

  for (const { kind, content, whole } of kinds)
    for (const part of [undefined, "metadata"] as const)
      test(`${part ?? "whole"} ${kind.kind}: written, got, watched and deleted`, async () => {
        const encoding = part === undefined ? whole : "protobuf";
        const [as, inJson] = [client(), client("json")];
        const object = { ...kind, metadata: { ...metadata, name: `all-of-${part ?? "it"}` }, ...content };
        const options = { part };
        came.length = 0;
        const created = await as.create(kind, object, options);
        const got = await as.get(kind, object.metadata, options);
        const [first, last] = await initialEvents(as, kind, object.metadata.name, part);
        const expected = await inJson.get(kind, object.metadata, options);
        assert.deepEqual(created.object, expected);
        assert.deepEqual(got, expected);
        assert.equal(JSON.stringify(got), JSON.stringify(expected), "functions may see the order of fields");
        assert.deepEqual(first, { type: "added", object: expected });
        const fieldSelector = `metadata.name=${object.metadata.name}`;
        assert.deepEqual((await inJson.list(kind, { part, fieldSelector })).items, [expected]);
        assert.equal(last?.type === "bookmark" && last.isInitialEventsEnd, true);
        const deleted = await as.delete(kind, object.metadata, { uid: expected.metadata.uid }, options);
        assert.deepEqual(deleted.object, await inJson.get(kind, object.metadata, options));
        assert.deepEqual(came, [encoding, encoding, encoding, "json", "json", encoding, "json"]);
      });

  test("refusals", async () => {
    const refusals = [
      (api: ApiClient) => api.get(ConfigMap, { name: "nobody", namespace: "default" }),
      (api: ApiClient) => api.create(ConfigMap, { ...ConfigMap, metadata: { name: "a", namespace: "nowhere" } }),
      (api: ApiClient) => api.create(ConfigMap, { ...ConfigMap, metadata: { ...metadata, name: "Not a name" } }),
    ];
    came.length = 0;
    for (const ask of refusals) assert.deepEqual(await refused(ask(client())), await refused(ask(client("json"))));
    assert.deepEqual(came, ["protobuf", "json", "protobuf", "json", "protobuf", "json"]);
  });

  /** @param only leaves out of each request that protobuf is understood */
  function client(only?: "json"): ApiClient {
    const wire: Transport = {
      async send(request) {
        const accept = (request.headers["accept"] ?? "").split(",");
        const understood = accept.filter((type) => only === undefined || !type.startsWith(PROTOBUF)).join(",");
        const headers = { ...request.headers, accept: understood };
        const response = await transport.send({ ...request, signal: request.signal, headers });
        const isProtobuf = response.headers["content-type"]?.startsWith(PROTOBUF) === true;
        if (!/^\/apis?$/.test(request.path)) came.push(isProtobuf ? "protobuf" : "json");
        return response;
      },
      close: async () => {},
    };
    return new ApiClient({ transport: wire, clock: systemClock });
  }

  async function define(): Promise<void> {
    // Its lists are called otherwise than those of most kinds; they have to be understood for what follows.
    const names = { plural: "widgets", singular: "widget", kind: "Widget", listKind: "WidgetCollection" };
    const schema = { openAPIV3Schema: { type: "object", "x-kubernetes-preserve-unknown-fields": true } };
    const versions = [{ name: "v1", served: true, storage: true, schema }];
    const definition = { ...Definition, metadata: { name: "widgets.example.com" } };
    const spec = { group: "example.com", scope: "Namespaced", names, versions };
    await client().create(Definition, Object.assign(definition, { spec }));
    const isServed = (): Promise<boolean> =>
      client()
        .list(Widget)
        .then(
          () => true,
          () => false,
        );
    await until(isServed, { what: "widgets are served" });
  }
});

/** The initial events of a watch of one object: it, and their end. */
async function initialEvents(
  api: ApiClient,
  kind: Kind,
  name: string,
  part: "metadata" | undefined,
): Promise<WatchEvent[]> {
  const seen: WatchEvent[] = [];
  const fieldSelector = `metadata.name=${name}`;
  const options = {
    resourceVersion: "",
    sendInitialEvents: true,
    timeoutSeconds: 30,
    idleMs: 30_000,
    fieldSelector,
    part,
  };
  for await (const event of api.watch(kind, options)) if (seen.push(event) === 2) break;
  return seen;
}

async function refused(asked: Promise<unknown>): Promise<object> {
  const error = await asked.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof EvenkeelError);
  return { code: error.code, message: error.message, status: error.status };
}
