/** Whether a server answers in protobuf or in JSON shows nowhere: neither in what is read nor in how a refusal is understood. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { WatchEvent } from "../../runtime/kube/api.ts";
import type { ApiClient } from "../../runtime/kube/client.ts";
import { Encodings } from "../../runtime/kube/encodings.ts";
import { codeOf, EvenkeelError, type Code } from "../../runtime/kube/errors.ts";
import { ConfigMap, kind, kindKey, Namespace, type Kind } from "../../runtime/kube/kind.ts";
import { messageOf } from "../../runtime/kube/protobuf-messages.ts";
import { delimited, encoded, frame, inEnvelope, PROTOBUF_ANSWER, PROTOBUF_WATCH } from "../support/protobuf.ts";
import { configMap, fakeServer, json, status, type Asked, type FakeServer } from "./fake-server.ts";

const Deployment = kind("apps/v1", "Deployment");
const settings = { namespace: "team-a", name: "settings" };
const watching = { resourceVersion: "5", timeoutSeconds: 300, idleMs: 90_000 };

const WHOLE = "application/vnd.kubernetes.protobuf,application/json";
const JSON_PARTIAL = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json";
const PARTIAL = `${JSON_PARTIAL.split(",")[0]?.replace("json", "vnd.kubernetes.protobuf")},${JSON_PARTIAL}`;

/** As kube-apiserver sends what the record says. */
function sent(record: object, key = "v1/ConfigMap"): Buffer {
  const [apiVersion = "", name = ""] = key.split(/\/(?=[^/]*$)/);
  return inEnvelope(apiVersion, name, encoded({ ...record }, messageOf(key) ?? {}));
}

function answering(bytes: Buffer, code = 200): FakeServer {
  return fakeServer(() => new Response(new Uint8Array(bytes), { status: code, headers: PROTOBUF_ANSWER }));
}

function streaming(...chunks: readonly Buffer[]): FakeServer {
  return fakeServer(() => new Response(new Uint8Array(Buffer.concat(chunks)), { headers: PROTOBUF_WATCH }));
}

async function events(server: FakeServer, more: { readonly part?: "metadata" } = {}): Promise<(WatchEvent | Code)[]> {
  const seen: (WatchEvent | Code)[] = [];
  try {
    for await (const event of server.client.watch(ConfigMap, { ...watching, ...more })) seen.push(event);
  } catch (error) {
    seen.push(codeOf(error));
  }
  return seen;
}

const asksForProtobuf = ({ headers, path }: Asked): boolean =>
  path.includes("configmaps") && headers["accept"]?.includes("protobuf") === true;

const acceptOf = ({ asked }: FakeServer): readonly (string | undefined)[] =>
  asked.map(({ headers }) => headers["accept"]);

const object = configMap("settings", "7", { data: { a: "1" } });
const partial = { apiVersion: "v1", kind: "ConfigMap", metadata: Reflect.get(object, "metadata") };
const PARTIAL_KEY = "meta.k8s.io/v1/PartialObjectMetadata";

const asks: readonly {
  readonly kind: Kind;
  readonly part?: "metadata";
  readonly accept: string;
  readonly why: string;
}[] = [
  { kind: ConfigMap, accept: WHOLE, why: "its message is known" },
  { kind: Deployment, accept: "application/json", why: "its message is not known" },
  { kind: ConfigMap, part: "metadata", accept: PARTIAL, why: "metadata is one message for all kinds" },
  { kind: kind("example.com/v1", "Widget"), part: "metadata", accept: PARTIAL, why: "also of kinds that nobody knows" },
];

suite("encodings: what is asked for", () => {
  for (const { kind, part, accept, why } of asks)
    test(`${part ?? "whole"} ${kind.kind}: ${accept.split(";", 1)[0]}, because ${why}`, () => {
      assert.equal(new Encodings().accept(kind, { part }), accept);
    });

  test("a get, a watch and a write ask alike; a list is JSON, where nothing is not the same as a list of nothing", async () => {
    const server = fakeServer(({ path }) => json(path.includes("watch") ? "" : object));
    await server.client.get(ConfigMap, settings);
    await server.client.create(ConfigMap, { metadata: settings }, { part: "metadata" });
    await events(server);
    await server.client.list(ConfigMap).catch(() => undefined);
    assert.deepEqual(acceptOf(server), [WHOLE, PARTIAL, WHOLE, "application/json"]);
  });
});

suite("encodings: what is read", () => {
  test("a whole object", async () => {
    assert.deepEqual(await answering(sent(object)).client.get(ConfigMap, settings), object);
  });

  const owner = { apiVersion: "v1", kind: "Node", name: "n", uid: "u", controller: true };
  const metadata = {
    name: "settings",
    namespace: "team-a",
    uid: "u",
    resourceVersion: "7",
    ownerReferences: [owner, owner],
  };
  const Secret = kind("v1", "Secret");
  for (const ordered of [
    { ...ConfigMap, metadata, immutable: true, data: { a: "1" }, binaryData: { b: "AP8=" } },
    { ...ConfigMap, metadata, data: { a: "1" } },
    { ...ConfigMap, metadata, immutable: false },
    { ...Secret, metadata, immutable: true, data: { a: "MQ==" }, type: "Opaque" },
  ])
    test(`fields in the order that JSON has them, which functions may see: ${Object.keys(ordered).slice(1).join(" ")}`, async () => {
      const { client } = answering(sent(ordered, kindKey(ordered)));
      const inJson = fakeServer(() => json(ordered)).client;
      const read = (api: ApiClient): Promise<unknown> => api.get(ordered, settings);
      assert.equal(JSON.stringify(await read(client)), JSON.stringify(await read(inJson)));
    });

  test("the metadata of an object, as one of its own kind", async () => {
    const { client } = answering(sent(partial, PARTIAL_KEY));
    assert.deepEqual(await client.get(ConfigMap, settings, { part: "metadata" }), partial);
    const written = await client.create(ConfigMap, { metadata: settings }, { part: "metadata" });
    assert.deepEqual(written.object, partial);
  });

  test("the Status of a deletion", async () => {
    const { client } = answering(sent({ status: "Success" }, "v1/Status"));
    const { object: none } = await client.delete(ConfigMap, settings, { uid: "u" });
    assert.equal(none, undefined);
  });

  test("a watch: objects, bookmarks, and the end of the initial events", async () => {
    const end = { metadata: { resourceVersion: "9", annotations: { "k8s.io/initial-events-end": "true" } } };
    const server = streaming(
      frame("ADDED", sent(object)),
      frame("MODIFIED", sent(object)),
      frame("BOOKMARK", sent({ metadata: { resourceVersion: "8" } })),
      frame("BOOKMARK", sent(end)),
      frame("DELETED", sent(object)),
      frame("ADDED", sent(object)).subarray(0, -1),
    );
    assert.deepEqual(await events(server), [
      { type: "added", object },
      { type: "modified", object },
      { type: "bookmark", resourceVersion: "8", isInitialEventsEnd: false },
      { type: "bookmark", resourceVersion: "9", isInitialEventsEnd: true },
      { type: "deleted", object },
    ]);
  });

  test("a watch of metadata", async () => {
    const server = streaming(
      frame("ADDED", sent(partial, PARTIAL_KEY)),
      frame("BOOKMARK", sent({ metadata: { resourceVersion: "8" } }, PARTIAL_KEY)),
    );
    assert.deepEqual(await events(server, { part: "metadata" }), [
      { type: "added", object: partial },
      { type: "bookmark", resourceVersion: "8", isInitialEventsEnd: false },
    ]);
  });

  test("an ERROR event", async () => {
    const server = streaming(frame("ERROR", sent(status(410, "Expired"), "v1/Status")));
    assert.deepEqual(await events(server), ["API_EXPIRED"]);
  });
});

const refusals: readonly { readonly name: string; readonly code: number; readonly body: Buffer; readonly is: Code }[] =
  [
    {
      name: "a Status, by its causes",
      code: 403,
      body: sent(status(403, "Forbidden", { causes: [{ reason: "NamespaceTerminating" }] }), "v1/Status"),
      is: "API_NAMESPACE_TERMINATING",
    },
    {
      name: "a Status, by its reason",
      code: 409,
      body: sent(status(409, "AlreadyExists", { name: "settings", kind: "configmaps" }), "v1/Status"),
      is: "API_ALREADY_EXISTS",
    },
    { name: "what cannot be read, by its HTTP code", code: 503, body: Buffer.from("k8s\0\xff"), is: "API_UNAVAILABLE" },
  ];

suite("encodings: refusals", () => {
  for (const { name, code, body, is } of refusals)
    test(`are understood: ${name}`, async () => {
      const { client } = answering(body, code);
      await assert.rejects(client.create(ConfigMap, { metadata: settings }), (error) => codeOf(error) === is);
    });

  test("say after how long to come back", async () => {
    const { client } = answering(sent(status(429, "TooManyRequests", { retryAfterSeconds: 7 }), "v1/Status"), 429);
    await assert.rejects(
      client.get(ConfigMap, settings),
      (error) => error instanceof EvenkeelError && error.status?.retryAfterMs === 7_000,
    );
  });
});

const unreadable: readonly (readonly [string, Buffer])[] = [
  [
    "a field from the future",
    Buffer.concat([encoded({ ...object }, messageOf("v1/ConfigMap") ?? {}), delimited(9, Buffer.from("x"))]),
  ],
  ["something that is cut off", encoded({ ...object }, messageOf("v1/ConfigMap") ?? {}).subarray(0, -1)],
];

suite("encodings: protobuf that cannot be read", () => {
  for (const [name, raw] of unreadable)
    test(`${name} is an error, and JSON is asked for from then on, of that kind alone`, async () => {
      const server = fakeServer((asked) => {
        if (!asksForProtobuf(asked)) return json(object);
        const bytes = inEnvelope("v1", "ConfigMap", raw);
        return asked.path.includes("watch")
          ? new Response(new Uint8Array(frame("ADDED", bytes)), { headers: PROTOBUF_WATCH })
          : new Response(new Uint8Array(bytes), { headers: PROTOBUF_ANSWER });
      });
      assert.deepEqual(await events(server), ["API_UNAVAILABLE"]);
      assert.deepEqual(await server.client.get(ConfigMap, settings), object);
      await server.client.get(ConfigMap, settings, { part: "metadata" });
      await server.client.get(Namespace, { name: "n" }, { part: "metadata" }).catch(() => undefined);
      assert.deepEqual(acceptOf(server), [WHOLE, "application/json", JSON_PARTIAL, PARTIAL]);
    });

  test("a refusal with a field from the future is asked for as JSON from then on, and understood", async () => {
    const gone = status(404, "NotFound", { name: "settings", kind: "configmaps" }, "no settings");
    const raw = Buffer.concat([encoded({ ...gone }, messageOf("v1/Status") ?? {}), delimited(7, Buffer.from("x"))]);
    const headers = PROTOBUF_ANSWER;
    const server = fakeServer((asked) =>
      asksForProtobuf(asked)
        ? new Response(new Uint8Array(inEnvelope("v1", "Status", raw)), { status: 404, headers })
        : json(gone, 404),
    );
    const get = (): Promise<unknown> => server.client.get(ConfigMap, settings);
    await assert.rejects(get(), /field 7 of Status is not known; it is asked for as JSON from now on; nothing: /);
    await assert.rejects(get(), (error) => codeOf(error) === "API_NOT_FOUND");
    assert.deepEqual(acceptOf(server), [WHOLE, "application/json"]);
  });

  test("what comes before it in a watch is told", async () => {
    const server = streaming(frame("ADDED", sent(object)), frame("ADDED", Buffer.from("nonsense")));
    assert.deepEqual(await events(server), [{ type: "added", object }, "API_UNAVAILABLE"]);
  });

  test("what comes before a frame that is announced too long is told, also of the same chunk", async () => {
    const server = streaming(frame("ADDED", sent(object)), Buffer.alloc(4, 0xff));
    assert.deepEqual(await events(server), [{ type: "added", object }, "API_BAD_RESPONSE"]);
  });

  test("another kind than was asked for is no answer", async () => {
    const { client } = answering(sent(object, "v1/Secret"));
    await assert.rejects(client.get(ConfigMap, settings), (error) => codeOf(error) === "API_BAD_RESPONSE");
  });

  test("JSON that says it is protobuf is an error", async () => {
    const { client } = answering(Buffer.from(JSON.stringify(object)));
    await assert.rejects(client.get(ConfigMap, settings), (error) => codeOf(error) === "API_UNAVAILABLE");
  });
});
