/** A watch hands out what it can prove, ends quietly where the server ends it, and notices silence. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { WatchEvent, WatchOptions } from "../../runtime/kube/api.ts";
import { codeOf, EvenkeelError, type Code } from "../../runtime/kube/errors.ts";
import { ConfigMap } from "../../runtime/kube/kind.ts";
import { settle } from "../support/virtual-clock.ts";
import { configMap, fakeServer, json, status, streamed, type FakeServer } from "./fake-server.ts";

const options: WatchOptions = { resourceVersion: "5", timeoutSeconds: 300, idleMs: 90_000 };
const line = (type: string, object: unknown): string => `${JSON.stringify({ type, object })}\n`;
const added = line("ADDED", configMap("a"));
const addedEvent = { type: "added", object: configMap("a") };

/** Reads until the end, or until an error: then that comes last. */
async function read(server: FakeServer, more: Partial<WatchOptions> = {}): Promise<(WatchEvent | Code)[]> {
  const seen: (WatchEvent | Code)[] = [];
  try {
    for await (const event of server.client.watch(ConfigMap, { ...options, ...more })) seen.push(event);
  } catch (error) {
    seen.push(codeOf(error));
  }
  return seen;
}

interface Row {
  readonly name: string;
  readonly chunks: readonly (string | Uint8Array)[];
  readonly seen: readonly unknown[];
}

const managed = {
  ...configMap("a"),
  metadata: { ...Object(Reflect.get(configMap("a"), "metadata")), managedFields: [{}] },
};
const bookmark = (annotations: object | undefined, kind = "ConfigMap"): string =>
  line("BOOKMARK", { kind, apiVersion: "v1", metadata: { resourceVersion: "9", annotations } });
const halfCharacter = Buffer.from("é").subarray(0, 1);

const rows: readonly Row[] = [
  {
    name: "added, modified, deleted",
    chunks: [added, line("MODIFIED", configMap("a")), line("DELETED", configMap("a"))],
    seen: [addedEvent, { ...addedEvent, type: "modified" }, { ...addedEvent, type: "deleted" }],
  },
  { name: "managedFields are dropped", chunks: [line("ADDED", managed)], seen: [addedEvent] },
  {
    name: "several events in one chunk, one event in several",
    chunks: [added + added.slice(0, 20), added.slice(20)],
    seen: [addedEvent, addedEvent],
  },
  {
    name: "a bookmark",
    chunks: [bookmark(undefined)],
    seen: [{ type: "bookmark", resourceVersion: "9", isInitialEventsEnd: false }],
  },
  {
    name: "the bookmark that ends the initial events",
    chunks: [bookmark({ "k8s.io/initial-events-end": "true" })],
    seen: [{ type: "bookmark", resourceVersion: "9", isInitialEventsEnd: true }],
  },
  {
    name: "any other value is not that end",
    chunks: [bookmark({ "k8s.io/initial-events-end": "false" })],
    seen: [{ type: "bookmark", resourceVersion: "9", isInitialEventsEnd: false }],
  },
  { name: "an end within an event ends normally, without it", chunks: [added, added.slice(0, 30)], seen: [addedEvent] },
  {
    name: "an end within a character ends normally",
    chunks: [added, '{"type":"ADDED","object":{"x":"', halfCharacter],
    seen: [addedEvent],
  },
  { name: "empty lines mean nothing", chunks: ["\n", added, "\n\n"], seen: [addedEvent] },
  {
    name: "a complete line that is not JSON is an error",
    chunks: [added, '{"type":"ADD\n'],
    seen: [addedEvent, "API_BAD_RESPONSE"],
  },
  {
    name: "what comes before a line that is not UTF-8 is told, also of the same chunk",
    chunks: [Buffer.concat([Buffer.from(added), Buffer.from([0xff, 10])])],
    seen: [addedEvent, "API_BAD_RESPONSE"],
  },
  { name: "a line that is no object is an error", chunks: ["null\n"], seen: ["API_BAD_RESPONSE"] },
  { name: "an event without an object is an error", chunks: [line("ADDED", undefined)], seen: ["API_BAD_RESPONSE"] },
  {
    name: "an event without metadata is an error",
    chunks: [line("MODIFIED", { apiVersion: "v1", kind: "ConfigMap" })],
    seen: ["API_BAD_RESPONSE"],
  },
  {
    name: "an event of another kind is an error",
    chunks: [line("ADDED", { ...configMap("a"), kind: "Secret" })],
    seen: ["API_BAD_RESPONSE"],
  },
  {
    name: "an event without a kind is an error",
    chunks: [line("ADDED", { metadata: { name: "a", uid: "u", resourceVersion: "1" } })],
    seen: ["API_BAD_RESPONSE"],
  },
  {
    name: "a Table is an error",
    chunks: [line("ADDED", { kind: "Table", apiVersion: "meta.k8s.io/v1" })],
    seen: ["API_BAD_RESPONSE"],
  },
  { name: "an unknown type is an error", chunks: [line("SYNCED", configMap("a"))], seen: ["API_BAD_RESPONSE"] },
  {
    name: "a bookmark of another kind is an error",
    chunks: [bookmark(undefined, "Secret")],
    seen: ["API_BAD_RESPONSE"],
  },
  {
    name: "a bookmark without resourceVersion is an error",
    chunks: [line("BOOKMARK", { kind: "ConfigMap", metadata: {} })],
    seen: ["API_BAD_RESPONSE"],
  },
  { name: "ERROR 410", chunks: [added, line("ERROR", status(410, "Expired"))], seen: [addedEvent, "API_EXPIRED"] },
  { name: "ERROR 429", chunks: [line("ERROR", status(429, "TooManyRequests"))], seen: ["API_TOO_MANY_REQUESTS"] },
  { name: "ERROR 500", chunks: [line("ERROR", status(500, "InternalError"))], seen: ["API_UNAVAILABLE"] },
  { name: "ERROR 403", chunks: [line("ERROR", status(403, "Forbidden"))], seen: ["API_FORBIDDEN"] },
  { name: "ERROR 504", chunks: [line("ERROR", status(504, "Timeout"))], seen: ["API_TIMEOUT"] },
  {
    name: "ERROR with a Status that says nothing",
    chunks: [line("ERROR", { kind: "Status" })],
    seen: ["API_UNAVAILABLE"],
  },
  { name: "ERROR without a Status", chunks: [line("ERROR", null)], seen: ["API_BAD_RESPONSE"] },
];

for (const { name, chunks, seen } of rows) {
  test(`watch: ${name}`, async () => {
    const server = fakeServer(() => streamed(chunks));
    assert.deepEqual(await read(server), seen);
    assert.equal(server.clock.pendingCount, 0);
  });
}

test("watch: of metadata, hands out objects of the kind that was asked for, and nothing but metadata", async () => {
  const partial = {
    kind: "PartialObjectMetadata",
    apiVersion: "meta.k8s.io/v1",
    metadata: Object(Reflect.get(managed, "metadata")),
  };
  const whole = line("MODIFIED", { ...configMap("a"), data: { a: "1" } });
  const server = fakeServer(() => streamed([line("ADDED", partial), whole, bookmark({}, "PartialObjectMetadata")]));
  assert.deepEqual(await read(server, { part: "metadata" }), [
    addedEvent,
    { ...addedEvent, type: "modified" },
    { type: "bookmark", resourceVersion: "9", isInitialEventsEnd: false },
  ]);
  assert.match(
    server.asked[0]?.headers["accept"] ?? "",
    /,application\/json;as=PartialObjectMetadata;g=meta\.k8s\.io;v=v1,application\/json$/,
  );
});

test("watch: partial metadata where whole objects were asked for is an error", async () => {
  const partial = { ...configMap("a"), kind: "PartialObjectMetadata", apiVersion: "meta.k8s.io/v1" };
  for (const sent of [line("ADDED", partial), bookmark({}, "PartialObjectMetadata")])
    assert.deepEqual(await read(fakeServer(() => streamed([sent]))), ["API_BAD_RESPONSE"]);
});

test("watch: asks for bookmarks and for the server's own limit", async () => {
  const server = fakeServer(() => streamed([]));
  await read(server, { namespace: "team-a", labelSelector: "mirror=true" });
  assert.equal(
    server.asked[0]?.path,
    "/api/v1/namespaces/team-a/configmaps?watch=true&allowWatchBookmarks=true&timeoutSeconds=300" +
      "&labelSelector=mirror%3Dtrue&resourceVersion=5",
  );
});

test("watch: a WatchList from the newest state names no resourceVersion", async () => {
  const server = fakeServer(() => streamed([]));
  await read(server, { resourceVersion: "", sendInitialEvents: true });
  assert.equal(
    server.asked[0]?.path,
    "/api/v1/configmaps?watch=true&allowWatchBookmarks=true&timeoutSeconds=300" +
      "&sendInitialEvents=true&resourceVersionMatch=NotOlderThan",
  );
});

for (const [type, seen] of [
  ["application/json", [addedEvent]],
  ["Application/JSON;stream=watch", [addedEvent]],
  ["", [addedEvent]],
  ["text/html; charset=utf-8", ["API_BAD_RESPONSE"]],
  ["application/jsonp", ["API_BAD_RESPONSE"]],
] as const)
  test(`watch: what is ${type === "" ? "not said to be anything" : type} is ${seen[0] === addedEvent ? "" : "not "}read`, async () => {
    const server = fakeServer(() => new Response(added, { headers: { "content-type": type } }));
    assert.deepEqual(await read(server), seen);
    assert.equal(server.clock.pendingCount, 0);
  });

test("watch: a refusal is thrown with what the server said", async () => {
  const server = fakeServer(() => json(status(429, "TooManyRequests", { retryAfterSeconds: 1 }), 429));
  await assert.rejects(
    Array.fromAsync(server.client.watch(ConfigMap, options)),
    (error) =>
      error instanceof EvenkeelError && error.code === "API_TOO_MANY_REQUESTS" && error.status?.retryAfterMs === 1000,
  );
});

test("watch: silence for idleMs is a dead connection", async () => {
  const server = fakeServer(() => streamed([added], "open"));
  const seen = read(server, { idleMs: 60_000 });
  await server.clock.advance(59_999);
  assert.equal(server.clock.pendingCount > 0, true);
  await server.clock.advance(1);
  assert.deepEqual(await seen, [addedEvent, "API_TIMEOUT"]);
  assert.equal(server.clock.pendingCount, 0);
});

test("watch: silence before the answer counts, too", async () => {
  const server = fakeServer(() => Promise.withResolvers<Response>().promise);
  const seen = read(server, { idleMs: 60_000 });
  await server.clock.advance(60_000);
  assert.deepEqual(await seen, ["API_TIMEOUT"]);
});

test("watch: a byte now and then is life", async () => {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const server = fakeServer(() => new Response(readable));
  const writer = writable.getWriter();
  const seen = read(server, { idleMs: 60_000 });
  for (let i = 0; i < 3; i++) {
    await server.clock.advance(50_000);
    await writer.write(Buffer.from("\n"));
  }
  await writer.write(Buffer.from(added));
  await settle();
  await writer.close();
  assert.deepEqual(await seen, [addedEvent]);
});

test("watch: the time that the consumer takes is not silence", async () => {
  const server = fakeServer(() => streamed([added, added], "open"));
  const events = server.client.watch(ConfigMap, { ...options, idleMs: 60_000 })[Symbol.asyncIterator]();
  assert.equal((await events.next()).done, false);
  await server.clock.advance(120_000);
  assert.equal((await events.next()).done, false);
  await events.return?.();
});

test("watch: ends 30 s after the server should have ended it", async () => {
  const server = fakeServer(() => streamed([added], "open"));
  const seen = read(server, { timeoutSeconds: 60, idleMs: 1_000_000 });
  let isOver = false;
  void seen.then(() => (isOver = true));
  await server.clock.advance(89_999);
  assert.equal(isOver, false);
  await server.clock.advance(1);
  assert.deepEqual(await seen, [addedEvent, "API_TIMEOUT"]);
});

test("watch: abandoned by its reader it closes the exchange and leaves no timer", async () => {
  let isCancelled = false;
  const body = new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(Buffer.from(added)),
    cancel: () => void (isCancelled = true),
  });
  const server = fakeServer(() => new Response(body));
  for await (const event of server.client.watch(ConfigMap, options)) {
    assert.equal(event.type, "added");
    break;
  }
  assert.equal(isCancelled, true);
  assert.equal(server.clock.pendingCount, 0);
});

test("watch: aborted by its reader it ends with the reader's reason", async () => {
  const server = fakeServer(() => streamed([added], "open"));
  const controller = new AbortController();
  const reason = new EvenkeelError("LEASE_LOST", "stop");
  const seen = read(server, { signal: controller.signal });
  await settle();
  controller.abort(reason);
  assert.deepEqual(await seen, [addedEvent, "LEASE_LOST"]);
  assert.equal(server.clock.pendingCount, 0);
});

test("watch: is observed once, when it begins", async () => {
  const server = fakeServer(() => streamed([added, added]));
  await read(server);
  assert.deepEqual(
    server.observed.filter(({ verb }) => verb === "watch").map(({ status: code }) => code),
    [200],
  );
});

for (const { name, answer, openCount } of [
  { name: "once, when the server begins to answer", answer: streamed([], "open"), openCount: 1 },
  { name: "not when the server refuses", answer: json(status(403, "Forbidden"), 403), openCount: 0 },
]) {
  test(`watch: is told as open ${name}`, async () => {
    const server = fakeServer(() => answer);
    let count = 0;
    const reading = read(server, { onOpen: () => count++ });
    await settle();
    assert.equal(count, openCount);
    await server.clock.advance(options.idleMs);
    await reading;
    assert.equal(count, openCount);
  });
}
