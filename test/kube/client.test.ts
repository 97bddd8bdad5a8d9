/** What each call sends, what it believes of the answer, and when it gives up. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { codeOf, EvenkeelError, type Code } from "../../runtime/kube/errors.ts";
import { ConfigMap, kind, Namespace } from "../../runtime/kube/kind.ts";
import { ApiClient } from "../../runtime/kube/client.ts";
import { faulty } from "../support/in-process-transport.ts";
import { settle } from "../support/virtual-clock.ts";
import { configMap, fakeServer, json, status, type Asked, type FakeServer } from "./fake-server.ts";

const ClusterRole = kind("rbac.authorization.k8s.io/v1", "ClusterRole");
const Deployment = kind("apps/v1", "Deployment");
const settings = { namespace: "team-a", name: "settings" };
const body = { apiVersion: "v1", kind: "ConfigMap", metadata: settings, data: { a: "b" } };

const codeThrown = async (promise: Promise<unknown>): Promise<Code | "nothing"> =>
  promise.then(
    () => "nothing",
    (error: unknown) => codeOf(error),
  );

interface Sent {
  readonly name: string;
  readonly call: (server: FakeServer) => Promise<unknown>;
  readonly method: string;
  readonly path: string;
  readonly contentType?: string;
  /** Default JSON. */
  readonly accept?: string;
  readonly body?: unknown;
  readonly answer?: object;
}

/** Of a ConfigMap; see encodings. */
const PROTOBUF = "application/vnd.kubernetes.protobuf,application/json";
const PARTIAL = ["application/vnd.kubernetes.protobuf", "application/json"]
  .map((type) => `${type};as=PartialObjectMetadata;g=meta.k8s.io;v=v1,`)
  .concat("application/json")
  .join("");

const deployment = {
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { ...settings, uid: "u", resourceVersion: "1" },
};
const scaled = { metadata: settings, spec: { replicas: 2 } };
const configMapPath = "/api/v1/namespaces/team-a/configmaps";

const sent: readonly Sent[] = [
  {
    name: "get",
    accept: PROTOBUF,
    call: ({ client }) => client.get(ConfigMap, settings),
    method: "GET",
    path: `${configMapPath}/settings`,
  },
  {
    name: "list, with everything",
    call: ({ client }) =>
      client.list(ConfigMap, {
        namespace: "team-a",
        labelSelector: "mirror=true",
        fieldSelector: "metadata.name=a",
        limit: 500,
        continue: "t",
      }),
    method: "GET",
    path: `${configMapPath}?labelSelector=mirror%3Dtrue&fieldSelector=metadata.name%3Da&limit=500&continue=t`,
    answer: { kind: "ConfigMapList", apiVersion: "v1", metadata: { resourceVersion: "1" }, items: [] },
  },
  {
    name: "create",
    accept: PROTOBUF,
    call: ({ client }) => client.create(ConfigMap, body, { fieldManager: "evenkeel" }),
    method: "POST",
    path: `${configMapPath}?fieldManager=evenkeel&fieldValidation=Strict`,
    contentType: "application/json",
    body,
  },
  {
    name: "update",
    accept: PROTOBUF,
    call: ({ client }) => client.update(ConfigMap, body),
    method: "PUT",
    path: `${configMapPath}/settings?fieldValidation=Strict`,
    contentType: "application/json",
    body,
  },
  {
    name: "server-side apply, by force",
    accept: PROTOBUF,
    call: ({ client }) =>
      client.patch(ConfigMap, settings, body, { type: "apply", fieldManager: "mirror", force: true }),
    method: "PATCH",
    path: `${configMapPath}/settings?fieldManager=mirror&fieldValidation=Strict&force=true`,
    contentType: "application/apply-patch+yaml",
    body,
  },
  {
    name: "server-side apply, without",
    accept: PROTOBUF,
    call: ({ client }) => client.patch(ConfigMap, settings, body, { type: "apply", fieldManager: "mirror" }),
    method: "PATCH",
    path: `${configMapPath}/settings?fieldManager=mirror&fieldValidation=Strict&force=false`,
    contentType: "application/apply-patch+yaml",
    body,
  },
  {
    name: "merge patch of the status",
    call: ({ client }) =>
      client.patch(Deployment, settings, { status: {} }, { type: "merge", fieldManager: "m", subresource: "status" }),
    method: "PATCH",
    path: "/apis/apps/v1/namespaces/team-a/deployments/settings/status?fieldManager=m&fieldValidation=Strict",
    contentType: "application/merge-patch+json",
    body: { status: {} },
    answer: deployment,
  },
  {
    name: "update of the scale, which answers with a Scale",
    call: ({ client }) => client.update(Deployment, scaled, { subresource: "scale" }),
    method: "PUT",
    path: "/apis/apps/v1/namespaces/team-a/deployments/settings/scale?fieldValidation=Strict",
    contentType: "application/json",
    body: scaled,
    answer: { ...deployment, apiVersion: "autoscaling/v1", kind: "Scale" },
  },
  {
    name: "delete, with its preconditions",
    accept: PROTOBUF,
    call: ({ client }) => client.delete(ConfigMap, settings, { uid: "u-1", resourceVersion: "7" }),
    method: "DELETE",
    path: `${configMapPath}/settings`,
    contentType: "application/json",
    body: {
      apiVersion: "v1",
      kind: "DeleteOptions",
      preconditions: { uid: "u-1", resourceVersion: "7" },
      propagationPolicy: "Background",
    },
  },
  {
    name: "a cluster-scoped object, its name kept as it is",
    call: ({ client }) => client.get(ClusterRole, { name: "system:Foo" }),
    method: "GET",
    path: "/apis/rbac.authorization.k8s.io/v1/clusterroles/system%3AFoo",
    answer: {
      apiVersion: "rbac.authorization.k8s.io/v1",
      kind: "ClusterRole",
      metadata: { name: "system:Foo", uid: "u", resourceVersion: "1" },
    },
  },
];

for (const row of sent) {
  test(`client: sends ${row.name}`, async () => {
    const server = fakeServer(() => json(row.answer ?? configMap("settings")));
    await row.call(server);
    const [asked] = server.asked;
    assert.equal(asked?.method, row.method);
    assert.equal(asked?.path, row.path);
    assert.equal(asked?.headers["content-type"], row.contentType);
    assert.equal(asked?.headers["accept"], row.accept ?? "application/json");
    assert.deepEqual(asked?.body, row.body);
    assert.equal(server.asked.length, 1);
  });
}

test("client: never sends a delete without a uid", async () => {
  const server = fakeServer(() => json(configMap("settings")));
  assert.equal(await codeThrown(server.client.delete(ConfigMap, settings, { uid: "" })), "BUG");
  assert.equal(server.asked.length, 0);
});

test("client: never sends what its kind's scope forbids", async () => {
  const server = fakeServer(() => json({}));
  const inNamespace = { apiVersion: "v1", kind: "Namespace", metadata: { namespace: "team-a", name: "x" } };
  assert.equal(await codeThrown(server.client.create(Namespace, inNamespace)), "API_INVALID");
  assert.equal(await codeThrown(server.client.create(ConfigMap, { metadata: { name: "x" } })), "API_INVALID");
  assert.equal(server.asked.length, 0);
});

test("client: extra headers travel with the request", async () => {
  const server = fakeServer(() => json(configMap("settings")));
  await server.client.get(ConfigMap, settings, { headers: { traceparent: "00-a-b-01" } });
  assert.equal(server.asked[0]?.headers["traceparent"], "00-a-b-01");
});

interface Believed {
  readonly name: string;
  readonly answer: () => Response;
}

const notBelieved: readonly Believed[] = [
  { name: "another object", answer: () => json(configMap("other")) },
  {
    name: "the same name elsewhere",
    answer: () =>
      json({ ...configMap("x"), metadata: { name: "settings", namespace: "b", uid: "u", resourceVersion: "1" } }),
  },
  { name: "another kind", answer: () => json({ ...configMap("settings"), kind: "Secret" }) },
  { name: "partial metadata", answer: () => json({ ...configMap("settings"), kind: "PartialObjectMetadata" }) },
  { name: "an object without identity", answer: () => json({ ...configMap("settings"), metadata: settings }) },
  { name: "half an object", answer: () => json('{"apiVersion":"v1","kind":"Conf') },
  { name: "nothing", answer: () => json("") },
  { name: "a login page", answer: () => json("<html>") },
];

for (const { name, answer } of notBelieved) {
  test(`client: a 200 with ${name} is a bad response, of reads and of writes`, async () => {
    const { client } = fakeServer(answer);
    assert.equal(await codeThrown(client.get(ConfigMap, settings)), "API_BAD_RESPONSE");
    assert.equal(await codeThrown(client.create(ConfigMap, body)), "API_BAD_RESPONSE");
  });
}

test("client: a get of one object does not believe that another is not there; a write may miss its namespace", async () => {
  const other = status(404, "NotFound", { name: "other", kind: "configmaps" });
  const nowhere = status(404, "NotFound", { name: "team-a", kind: "namespaces" });
  for (const [answer, code] of [
    [other, "API_BAD_RESPONSE"],
    [nowhere, "API_NOT_FOUND"],
  ] as const) {
    const { client } = fakeServer(() => json(answer, 404));
    assert.equal(await codeThrown(client.get(ConfigMap, settings)), code);
    assert.equal(await codeThrown(client.create(ConfigMap, body)), "API_NOT_FOUND");
  }
});

test("client: a get that is answered with a Status is a bad response; a delete may be", async () => {
  const { client } = fakeServer(() => json({ kind: "Status", apiVersion: "v1", status: "Success" }));
  assert.equal(await codeThrown(client.get(ConfigMap, settings)), "API_BAD_RESPONSE");
  assert.equal((await client.delete(ConfigMap, settings, { uid: "u" })).object, undefined);
});

test("client: discovery knows whether the list of a custom kind is that of another", async () => {
  const [Widget, Gadget] = [kind("example.com/v1", "Widget"), kind("example.com/v1", "Gadget")];
  const resources = [Widget, Gadget].map((it) => ({ name: `${it.kind.toLowerCase()}s`, kind: it.kind }));
  const list = { ...Widget, metadata: { resourceVersion: "1" }, items: [] };
  const answer = (listKind: string): FakeServer =>
    fakeServer(({ path }) =>
      json(path === "/apis/example.com/v1" ? { kind: "APIResourceList", resources } : { ...list, kind: listKind }),
    );
  assert.deepEqual((await answer("WidgetCollection").client.list(Widget)).items, []);
  assert.equal(await codeThrown(answer("GadgetList").client.list(Widget)), "API_BAD_RESPONSE");
});

test("client: any other write that is answered with a Status is a bad response: what was written is not there to be seen", async () => {
  const { client } = fakeServer(() => json({ kind: "Status", apiVersion: "v1", status: "Success" }, 201));
  assert.equal(await codeThrown(client.create(ConfigMap, body)), "API_BAD_RESPONSE");
  assert.equal(await codeThrown(client.update(ConfigMap, body)), "API_BAD_RESPONSE");
  const options = { type: "apply", fieldManager: "f" } as const;
  assert.equal(await codeThrown(client.patch(ConfigMap, settings, body, options)), "API_BAD_RESPONSE");
});

test("client: a Status of another group is an object", async () => {
  const Other = kind("example.com/v1", "Status");
  const object = { ...Other, metadata: { name: "a", uid: "u", resourceVersion: "1" }, status: "Failure" };
  const resources = [{ name: "statuses", kind: "Status", namespaced: false }];
  const { client } = fakeServer(({ path }) =>
    json(path === "/apis/example.com/v1" ? { kind: "APIResourceList", resources } : object),
  );
  assert.deepEqual((await client.create(Other, object)).object, object);
  assert.deepEqual((await client.delete(Other, object.metadata, { uid: "u" })).object, object);
});

test("client: a write that is answered with 200 and the Status of a failure has failed, as that says", async () => {
  const answers: readonly (readonly [object, Code])[] = [
    [status(409, "AlreadyExists"), "API_ALREADY_EXISTS"],
    [status(500, "InternalError"), "API_UNAVAILABLE"],
    [{ kind: "Status", apiVersion: "v1", status: "Failure" }, "API_UNAVAILABLE"],
  ];
  for (const [answer, code] of answers) {
    const { client } = fakeServer(() => json(answer));
    assert.equal(await codeThrown(client.create(ConfigMap, body)), code);
    assert.equal(await codeThrown(client.update(ConfigMap, body)), code);
    const options = { type: "apply", fieldManager: "f" } as const;
    assert.equal(await codeThrown(client.patch(ConfigMap, settings, body, options)), code);
    assert.equal(await codeThrown(client.delete(ConfigMap, settings, { uid: "u" })), code);
  }
});

test("client: a write answers with the status, the stripped object and the audit id", async () => {
  const stored = configMap("settings", "8");
  const received = { ...stored, metadata: { ...Object(Reflect.get(stored, "metadata")), managedFields: [{}] } };
  const { client } = fakeServer(() => json(received, 201, { "audit-id": "a-1" }));
  assert.deepEqual(await client.create(ConfigMap, body), {
    status: 201,
    object: stored,
    auditId: "a-1",
  });
});

test("client: a refusal names the call", async () => {
  const { client } = fakeServer(() => json(status(409, "AlreadyExists", {}, "it exists"), 409));
  await assert.rejects(client.create(ConfigMap, body), (error) => {
    assert.ok(error instanceof EvenkeelError);
    assert.equal(error.code, "API_ALREADY_EXISTS");
    assert.ok(error.message.startsWith("create v1/ConfigMap team-a/settings: it exists; "));
    return true;
  });
});

test("client: a 404 that makes the kind unknown has discovery asked again", async () => {
  const server = fakeServer(() => json("404 page not found", 404));
  assert.equal(await codeThrown(server.client.list(ConfigMap)), "KIND_NOT_SERVED");
  // The group version is asked, and is not there either.
  assert.equal(await codeThrown(server.client.list(ConfigMap)), "KIND_NOT_SERVED");
  const paths = server.asked.map(({ path }: Asked) => path);
  assert.deepEqual(paths, ["/api/v1/configmaps", "/api/v1"]);
});

test("client: gives up at its deadline, also while the body is on its way", async () => {
  for (const fault of [{ do: "hang" }, { do: "truncate", afterBytes: 5, ending: "hang" }] as const) {
    const server = fakeServer(() => json(configMap("settings")));
    const transport = faulty(server.transport, ({ path }) => (path.includes("settings") ? fault : undefined));
    const client = new ApiClient({ transport, clock: server.clock });
    const thrown = codeThrown(client.get(ConfigMap, settings, { deadlineMs: 5000 }));
    let outcome: string | undefined;
    void thrown.then((code) => (outcome = code));
    await server.clock.advance(4999);
    assert.equal(outcome, undefined);
    await server.clock.advance(1);
    assert.equal(await thrown, "API_TIMEOUT");
    assert.equal(server.clock.pendingCount, 0);
  }
});

test("client: waits 30 s when nobody says how long", async () => {
  const server = fakeServer(() => Promise.withResolvers<Response>().promise);
  const thrown = codeThrown(server.client.get(ConfigMap, settings));
  await server.clock.advance(30_000);
  assert.equal(await thrown, "API_TIMEOUT");
});

test("client: the caller's abort ends the call with the caller's reason, and nothing stays behind", async () => {
  const server = fakeServer(() => Promise.withResolvers<Response>().promise);
  const controller = new AbortController();
  const reason = new Error("leadership lost");
  const call = server.client.get(ConfigMap, settings, { signal: controller.signal });
  const rejected = assert.rejects(call, (error) => error === reason);
  await settle();
  controller.abort(reason);
  await rejected;
  assert.equal(server.clock.pendingCount, 0);
  await assert.rejects(
    server.client.get(ConfigMap, settings, { signal: controller.signal }),
    (error) => error === reason,
  );
  assert.equal(server.asked.length, 1);
});

test("client: each request is observed once, with its outcome and without its body", async () => {
  const server = fakeServer(({ method }) =>
    method === "POST" ? json(status(409, "AlreadyExists"), 409, { "audit-id": "a-2" }) : json(configMap("settings")),
  );
  await server.client.get(ConfigMap, settings);
  await codeThrown(server.client.create(ConfigMap, body));
  const seen = server.observed.filter(({ verb }) => verb !== "discover");
  assert.deepEqual(seen, [
    {
      verb: "get",
      method: "GET",
      path: `${configMapPath}/settings`,
      host: "",
      kind: ConfigMap,
      durationMs: 0,
      status: 200,
      auditId: undefined,
    },
    {
      verb: "create",
      method: "POST",
      path: `${configMapPath}?fieldValidation=Strict`,
      host: "",
      kind: ConfigMap,
      durationMs: 0,
      status: 409,
      auditId: "a-2",
    },
  ]);
});

test("client: a request without an answer is observed with its code", async () => {
  const server = fakeServer(() => json(configMap("settings")));
  const codes: (Code | undefined)[] = [];
  const transport = faulty(server.transport, ({ path }) => (path.includes("settings") ? { do: "fail" } : undefined));
  const observer = ({ verb, code }: { verb: string; code?: Code }): void => void (verb === "get" && codes.push(code));
  const client = new ApiClient({ transport, clock: server.clock, observer });
  assert.equal(await codeThrown(client.get(ConfigMap, settings)), "API_UNREACHABLE");
  assert.deepEqual(codes, ["API_UNREACHABLE"]);
});

test("client: of what is written, metadata alone may be asked for; a server that cannot do that is understood as well", async () => {
  const metadata = { ...settings, uid: "u", resourceVersion: "1" };
  const partial = { apiVersion: "meta.k8s.io/v1", kind: "PartialObjectMetadata", metadata };
  const object = { apiVersion: "v1", kind: "ConfigMap", metadata };
  const options = { part: "metadata" } as const;
  for (const answer of [partial, { ...object, data: { a: "1" } }]) {
    const { client, asked } = fakeServer(() => json(answer));
    const results = [
      await client.create(ConfigMap, object, options),
      await client.update(ConfigMap, object, options),
      await client.patch(ConfigMap, settings, {}, { ...options, type: "apply", fieldManager: "f" }),
      await client.delete(ConfigMap, settings, { uid: "u" }, options),
    ];
    for (const result of results) assert.deepEqual(result.object, object);
    assert.deepEqual(new Set(asked.map(({ headers }) => headers["accept"])), new Set([PARTIAL]));
  }
});

test("client: metadata alone is asked for as such, and read back as an object of its kind", async () => {
  const metadata = { ...settings, uid: "u", resourceVersion: "1" };
  const partial = { apiVersion: "meta.k8s.io/v1", kind: "PartialObjectMetadata", metadata };
  const list = { ...partial, kind: "PartialObjectMetadataList", metadata: { resourceVersion: "2" }, items: [partial] };
  const server = fakeServer(({ path }) => json(path.endsWith("/settings") ? partial : list));
  const options = { part: "metadata" } as const;
  const object = { apiVersion: "v1", kind: "ConfigMap", metadata };
  assert.deepEqual(await server.client.get(ConfigMap, settings, options), object);
  assert.deepEqual((await server.client.list(ConfigMap, options)).items, [object]);
  assert.deepEqual(
    server.asked.map(({ headers }) => headers["accept"]),
    [PARTIAL, "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json"],
  );
});
