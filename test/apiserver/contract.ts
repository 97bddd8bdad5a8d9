/**
 * What this project relies on an API server to do, as one table of cases. The embedded server runs it in virtual time,
 * a real kube-apiserver in real time: where they differ, the embedded one is wrong.
 */
import assert from "node:assert/strict";
import { type Json, type JsonObject, at, isList, isObject } from "../../runtime/apiserver/object.ts";
import { type Answer, APPLY, type ApiClient, JSON_PATCH, MERGE, STRATEGIC } from "./client.ts";

/** A server under test. */
export interface Target {
  readonly client: ApiClient;
  /** Lets the server's own work go on: virtual time moves, or real time passes. */
  readonly wait: (ms: number) => Promise<void>;
}

/** One case's own corner of the server. */
export interface Room {
  readonly api: ApiClient;
  readonly namespace: string;
  /** `/api/v1/namespaces/<namespace>/configmaps` */
  readonly configMaps: string;
  readonly wait: (ms: number) => Promise<void>;
}

export interface Case {
  readonly name: string;
  readonly run: (room: Room) => Promise<void>;
}

/** Makes the namespace that a case runs in. @param n makes its name unique on this server. */
export async function roomIn({ client, wait }: Target, n: number): Promise<Room> {
  const namespace = `contract-${n}`;
  const made = await client.post("/api/v1/namespaces", { metadata: { name: namespace } });
  assert.equal(made.status, 201);
  return { api: client, namespace, configMaps: `/api/v1/namespaces/${namespace}/configmaps`, wait };
}

function configMap(name: string, fields: JsonObject = {}): JsonObject {
  const { metadata = {}, ...rest } = fields;
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name, ...(isObject(metadata) ? metadata : {}) }, ...rest };
}

function textAt(value: Json | undefined, ...path: readonly string[]): string {
  const found = at(value, ...path);
  return typeof found === "string" ? found : "";
}

function version({ body }: Answer): string {
  return textAt(body, "metadata", "resourceVersion");
}

function uidOf({ body }: Answer): string {
  return textAt(body, "metadata", "uid");
}

function items({ body }: Answer): readonly Json[] {
  const found = body["items"];
  return isList(found) ? found : [];
}

function names(answer: Answer): readonly string[] {
  return items(answer).map((item) => textAt(item, "metadata", "name"));
}

/** The parts of a failure that clients act on. */
function refused({ body, status }: Answer, code: number, reason: string): void {
  assert.deepEqual(
    { status, code: body["code"], reason: body["reason"], kind: body["kind"] },
    { status: code, code, reason, kind: "Status" },
  );
}

function causes({ body }: Answer): readonly string[] {
  const found = at(body, "details", "causes");
  return isList(found) ? found.map((cause) => `${textAt(cause, "reason")} ${textAt(cause, "field")}`) : [];
}

function containers(changes: Json): JsonObject {
  return { spec: { template: { spec: { containers: changes } } } };
}

function container(name: string): JsonObject {
  return { spec: { containers: [{ name, image: "i:1" }] } };
}

function deployment(spec: JsonObject): JsonObject {
  return { apiVersion: "apps/v1", kind: "Deployment", metadata: { name: "d" }, spec };
}

const OTHER_UID = "11111111-1111-4111-8111-111111111111";

const CREATE: readonly Case[] = [
  {
    name: "create gives a uid, a resourceVersion and a creationTimestamp, and keeps what was sent",
    async run({ api, configMaps, namespace }) {
      const made = await api.post(configMaps, configMap("a", { data: { colour: "blue" } }));
      assert.equal(made.status, 201);
      assert.deepEqual(made.body["data"], { colour: "blue" });
      assert.equal(at(made.body, "metadata", "namespace"), namespace);
      assert.match(uidOf(made), /^[0-9a-f]{8}-[0-9a-f]{4}-4/);
      assert.match(version(made), /^[1-9][0-9]*$/);
      assert.deepEqual((await api.get(`${configMaps}/a`)).body, made.body);
    },
  },
  {
    name: "create of a name that is taken is 409 AlreadyExists, which is not Conflict",
    async run({ api, configMaps }) {
      await api.post(configMaps, configMap("a"));
      const again = await api.post(configMaps, configMap("a"));
      refused(again, 409, "AlreadyExists");
      assert.deepEqual(again.body["details"], { name: "a", kind: "configmaps" });
    },
  },
  {
    name: "create in a namespace that is missing is 404, and details say that the namespace is what is missing",
    async run({ api }) {
      const answer = await api.post("/api/v1/namespaces/none/configmaps", configMap("a"));
      refused(answer, 404, "NotFound");
      assert.deepEqual(answer.body["details"], { name: "none", kind: "namespaces" });
    },
  },
  {
    name: "names that mean something in JavaScript are names like others",
    async run({ api, configMaps }) {
      const data = JSON.parse('{"__proto__":"1","constructor":"2"}');
      await api.post(configMaps, configMap("a", { data }));
      assert.deepEqual((await api.get(`${configMaps}/a`)).body["data"], data);
      const more = await api.patch(`${configMaps}/a`, MERGE, { data: { toString: "3" } });
      assert.equal(at(more.body, "data", "toString"), "3");
      assert.deepEqual(names(await api.get(`${configMaps}?labelSelector=constructor`)), []);
    },
  },
  {
    name: "generateName appends five characters",
    async run({ api, configMaps }) {
      const made = await api.post(configMaps, { metadata: { generateName: "job-" } });
      assert.match(textAt(made.body, "metadata", "name"), /^job-[a-z0-9]{5}$/);
    },
  },
  {
    name: "a bad name, label and data key are 422, with a cause for each",
    async run({ api, configMaps }) {
      const bad = configMap("a_b", { metadata: { name: "a_b", labels: { ok: "not ok!" } }, data: { "a b": "" } });
      const answer = await api.post(configMaps, bad);
      refused(answer, 422, "Invalid");
      assert.deepEqual([...causes(answer)].toSorted(), [
        "FieldValueInvalid data[a b]",
        "FieldValueInvalid metadata.labels",
        "FieldValueInvalid metadata.name",
      ]);
    },
  },
  {
    name: "a ConfigMap of more than 1 MiB is 422 TooLong",
    async run({ api, configMaps }) {
      const answer = await api.post(configMaps, configMap("big", { data: { x: "a".repeat(1024 * 1024 + 1) } }));
      refused(answer, 422, "Invalid");
      assert.deepEqual(causes(answer), ["FieldValueTooLong []"]);
    },
  },
  {
    name: "an unknown field is dropped with a warning by default, silently under Ignore, and refused under Strict",
    async run({ api, configMaps }) {
      const warned = await api.post(configMaps, configMap("warn", { colour: "blue" }));
      assert.equal(warned.status, 201);
      assert.equal(warned.headers.get("warning"), '299 - "unknown field \\"colour\\""');
      assert.equal(warned.body["colour"], undefined);
      const ignored = await api.post(`${configMaps}?fieldValidation=Ignore`, configMap("ignore", { colour: "blue" }));
      assert.equal(ignored.headers.get("warning"), null);
      refused(
        await api.post(`${configMaps}?fieldValidation=Strict`, configMap("strict", { colour: "blue" })),
        400,
        "BadRequest",
      );
    },
  },
  {
    name: "a JSON field that is named twice is warned of by default, and refused under Strict",
    async run({ api, configMaps }) {
      const text = '{"metadata":{"name":"a"},"data":{"x":"1","x":"2"}}';
      refused(await api.send("POST", `${configMaps}?fieldValidation=Strict`, { text }), 400, "BadRequest");
      const ignored = await api.send("POST", `${configMaps}?fieldValidation=Ignore&dryRun=All`, { text });
      assert.equal(ignored.headers.get("warning"), null);
      const warned = await api.send("POST", configMaps, { text });
      assert.deepEqual(warned.body["data"], { x: "2" });
      assert.equal(warned.headers.get("warning"), '299 - "duplicate field \\"data.x\\""');
    },
  },
  {
    name: "so is a YAML one, by its line, whether created or applied",
    async run({ api, configMaps }) {
      const text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata:\n  x: '1'\n  x: '2'\n";
      const contentType = "application/yaml";
      const strict = "fieldValidation=Strict";
      refused(await api.send("POST", `${configMaps}?${strict}`, { text, contentType }), 400, "BadRequest");
      const applied = `${configMaps}/a?fieldManager=one`;
      refused(await api.send("PATCH", `${applied}&${strict}`, { text, contentType: APPLY }), 400, "BadRequest");
      for (const made of [
        await api.send("POST", configMaps, { text, contentType }),
        await api.send("PATCH", applied, { text, contentType: APPLY }),
      ]) {
        assert.deepEqual(made.body["data"], { x: "2" });
        assert.equal(made.headers.get("warning"), '299 - "line 6: key \\"x\\" already set in map"');
      }
    },
  },
  {
    name: "a time is stored as UTC in whole seconds, or in the microseconds that it must have",
    async run({ api, namespace }) {
      const about = { involvedObject: { namespace }, firstTimestamp: "2020-02-29T00:00:00.123Z" };
      const event = { metadata: { name: "e" }, ...about, lastTimestamp: "2020-01-01T02:00:00+02:00" };
      const { body } = await api.post(`/api/v1/namespaces/${namespace}/events`, event);
      assert.deepEqual(
        [body["firstTimestamp"], body["lastTimestamp"]],
        ["2020-02-29T00:00:00Z", "2020-01-01T00:00:00Z"],
      );
      const leases = `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases`;
      const spec = { renewTime: "2020-01-01T01:00:00.123456+01:00" };
      const lease = await api.post(leases, { metadata: { name: "l" }, spec });
      assert.equal(at(lease.body, "spec", "renewTime"), "2020-01-01T00:00:00.123456Z");
    },
  },
  {
    name: "a time that is none, of too few digits or too many, and a number beyond its type are 400",
    async run({ api, configMaps, namespace }) {
      for (const creationTimestamp of ["yesterday", "", "2020-01-01", "2020-13-01T00:00:00Z", "2019-02-29T00:00:00Z"])
        refused(await api.post(configMaps, configMap("a", { metadata: { creationTimestamp } })), 400, "BadRequest");
      const events = `/api/v1/namespaces/${namespace}/events`;
      for (const fields of [{ firstTimestamp: "yesterday" }, { eventTime: "2020-01-01T00:00:00.1Z" }]) {
        const event = { metadata: { name: "e" }, involvedObject: { namespace }, ...fields };
        refused(await api.post(events, event), 400, "BadRequest");
      }
      const leases = `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases`;
      for (const spec of [
        { renewTime: "2020-01-01T00:00:00Z" },
        { renewTime: "2020-01-01T00:00:00.123456789Z" },
        { leaseDurationSeconds: 2 ** 31 },
        { leaseDurationSeconds: 1.5 },
      ])
        refused(await api.post(leases, { metadata: { name: "l" }, spec }), 400, "BadRequest");
    },
  },
  {
    name: "dryRun=All answers as if, and keeps nothing",
    async run({ api, configMaps }) {
      assert.equal((await api.post(`${configMaps}?dryRun=All`, configMap("a"))).status, 201);
      refused(await api.get(`${configMaps}/a`), 404, "NotFound");
      await api.post(configMaps, configMap("b", { data: { x: "1" } }));
      const patched = await api.patch(`${configMaps}/b?dryRun=All`, MERGE, { data: { x: "2" } });
      assert.deepEqual(patched.body["data"], { x: "2" });
      await api.delete(`${configMaps}/b?dryRun=All`);
      assert.deepEqual((await api.get(`${configMaps}/b`)).body["data"], { x: "1" });
    },
  },
  {
    name: "a Secret of a known type must hold what its users look for",
    async run({ api, namespace }) {
      const secrets = `/api/v1/namespaces/${namespace}/secrets?dryRun=All`;
      const table: readonly (readonly [string, JsonObject, readonly string[]])[] = [
        ["tls", { "tls.crt": "" }, ["FieldValueRequired data[tls.key]"]],
        ["dockerconfigjson", {}, ["FieldValueRequired data[.dockerconfigjson]"]],
        ["dockerconfigjson", { ".dockerconfigjson": "none" }, ["FieldValueInvalid data[.dockerconfigjson]"]],
        ["basic-auth", {}, ["FieldValueRequired data[username]", "FieldValueRequired data[password]"]],
        ["basic-auth", { username: "" }, []],
        ["service-account-token", {}, ["FieldValueRequired metadata.annotations[kubernetes.io/service-account.name]"]],
      ];
      for (const [type, stringData, wanted] of table) {
        const made = await api.post(secrets, { metadata: { name: "s" }, type: `kubernetes.io/${type}`, stringData });
        assert.deepEqual(causes(made), wanted, type);
      }
      assert.equal((await api.post(secrets, { metadata: { name: "s" }, type: "" })).body["type"], "Opaque");
    },
  },
  {
    name: "a Lease keeps nothing of coordinated leader election, which is off",
    async run({ api, namespace }) {
      const spec = { holderIdentity: "me", preferredHolder: "you", strategy: "OldestEmulationVersion" };
      const leases = `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases`;
      const made = await api.post(leases, { metadata: { name: "l" }, spec });
      assert.deepEqual(made.body["spec"], { holderIdentity: "me" });
    },
  },
  {
    name: "a Secret is stored with a type, its text as base64 data, which wins over data of the same key",
    async run({ api, namespace }) {
      const secrets = `/api/v1/namespaces/${namespace}/secrets`;
      const text = { a: "hunter2", b: "naïve", c: "" };
      const made = await api.post(secrets, {
        metadata: { name: "s" },
        data: { a: "b2xk", d: "ZA==" },
        stringData: text,
      });
      const { type, data, stringData } = made.body;
      assert.deepEqual(
        [type, data, stringData],
        ["Opaque", { a: "aHVudGVyMg==", b: "bmHDr3Zl", c: "", d: "ZA==" }, undefined],
      );
      const bare = await api.post(secrets, { metadata: { name: "bare" }, data: {}, stringData: {} });
      assert.deepEqual([bare.body["type"], bare.body["data"]], ["Opaque", undefined]);
    },
  },
];

const UPDATE: readonly Case[] = [
  {
    name: "update with an old resourceVersion, or another uid, is 409 Conflict",
    async run({ api, configMaps }) {
      const made = await api.post(configMaps, configMap("a"));
      await api.put(`${configMaps}/a`, configMap("a", { data: { x: "1" } }));
      const old = configMap("a", { metadata: { resourceVersion: version(made) }, data: { x: "2" } });
      refused(await api.put(`${configMaps}/a`, old), 409, "Conflict");
      refused(await api.put(`${configMaps}/a`, configMap("a", { metadata: { uid: OTHER_UID } })), 409, "Conflict");
    },
  },
  {
    name: "update without a resourceVersion overwrites a ConfigMap and is refused for a Lease",
    async run({ api, configMaps, namespace }) {
      await api.post(configMaps, configMap("a"));
      assert.equal((await api.put(`${configMaps}/a`, configMap("a", { data: { x: "1" } }))).status, 200);
      const leases = `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases`;
      await api.post(leases, { metadata: { name: "l" } });
      const blind = await api.put(`${leases}/l`, { metadata: { name: "l" }, spec: { holderIdentity: "me" } });
      refused(blind, 422, "Invalid");
      assert.deepEqual(causes(blind), ["FieldValueInvalid metadata.resourceVersion"]);
    },
  },
  {
    name: "an update that does not name its object is 400",
    async run({ api, configMaps, namespace }) {
      await api.post(configMaps, configMap("a", { data: { x: "1" } }));
      for (const unnamed of [{ data: { x: "2" } }, { metadata: {}, data: { x: "2" } }])
        refused(await api.put(`${configMaps}/a`, unnamed), 400, "BadRequest");
      refused(await api.patch(`${configMaps}/a`, MERGE, { metadata: { name: null } }), 400, "BadRequest");
      const leases = `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases`;
      refused(await api.put(`${leases}/l`, { metadata: {} }), 400, "BadRequest");
    },
  },
  {
    name: "an empty dryRun is 422, and no real write",
    async run({ api, configMaps }) {
      const made = await api.post(configMaps, configMap("a"));
      refused(await api.put(`${configMaps}/a?dryRun=`, configMap("a", { data: { x: "1" } })), 422, "Invalid");
      refused(await api.delete(`${configMaps}/a?dryRun=`), 422, "Invalid");
      assert.equal(version(await api.get(`${configMaps}/a`)), version(made));
    },
  },
  {
    name: "a deletion cannot be begun by a write: it is 422",
    async run({ api, configMaps }) {
      await api.post(configMaps, configMap("a"));
      for (const metadata of [{ deletionTimestamp: "2020-01-01T00:00:00Z" }, { deletionGracePeriodSeconds: 5 }])
        refused(await api.patch(`${configMaps}/a`, MERGE, { metadata }), 422, "Invalid");
    },
  },
  {
    name: "an update that changes nothing keeps the resourceVersion and makes no event",
    async run({ api, configMaps }) {
      const made = await api.post(configMaps, configMap("a", { data: { x: "1" } }));
      const watch = await api.watch(`${configMaps}?watch=1&resourceVersion=${version(made)}`);
      const same = await api.put(`${configMaps}/a`, configMap("a", { data: { x: "1" } }));
      assert.equal(version(same), version(made));
      assert.equal(version(await api.patch(`${configMaps}/a`, MERGE, { data: { x: "1" } })), version(made));
      await api.post(configMaps, configMap("marker"));
      assert.deepEqual(await watch.names(1), ["ADDED marker"]);
      await watch.cancel();
    },
  },
  {
    name: "an immutable ConfigMap refuses other data and staying mutable with 422",
    async run({ api, configMaps }) {
      await api.post(configMaps, configMap("a", { data: { x: "1" }, immutable: true }));
      const changed = await api.patch(`${configMaps}/a`, MERGE, { data: { x: "2" } });
      refused(changed, 422, "Invalid");
      assert.deepEqual(causes(changed), ["FieldValueForbidden data"]);
      assert.deepEqual(causes(await api.patch(`${configMaps}/a`, MERGE, { immutable: null })), [
        "FieldValueForbidden immutable",
      ]);
      assert.equal((await api.patch(`${configMaps}/a`, MERGE, { metadata: { labels: { a: "b" } } })).status, 200);
    },
  },
  {
    name: "the server's own metadata cannot be written: uid, creationTimestamp",
    async run({ api, configMaps }) {
      const made = await api.post(configMaps, configMap("a", { metadata: { uid: OTHER_UID } }));
      assert.notEqual(uidOf(made), OTHER_UID);
      const later = await api.patch(`${configMaps}/a`, MERGE, {
        metadata: { creationTimestamp: "2001-01-01T00:00:00Z" },
      });
      assert.equal(version(later), version(made));
    },
  },
];

const PATCH: readonly Case[] = [
  {
    name: "a merge patch sets, removes by null, and holds to its resourceVersion",
    async run({ api, configMaps }) {
      const made = await api.post(configMaps, configMap("a", { data: { x: "1", y: "2" } }));
      const patched = await api.patch(`${configMaps}/a`, MERGE, { data: { x: null, z: "3" } });
      assert.deepEqual(patched.body["data"], { y: "2", z: "3" });
      const old = { metadata: { resourceVersion: version(made) }, data: { q: "1" } };
      refused(await api.patch(`${configMaps}/a`, MERGE, old), 409, "Conflict");
    },
  },
  {
    name: "a JSON patch is all or nothing: a test that fails is 422 and changes nothing",
    async run({ api, configMaps }) {
      const made = await api.post(configMaps, configMap("a", { metadata: { labels: { "a/b": "1" } } }));
      const failing = [
        { op: "add", path: "/data", value: { x: "1" } },
        { op: "test", path: "/metadata/labels/a~1b", value: "other" },
      ];
      refused(await api.patch(`${configMaps}/a`, JSON_PATCH, failing), 422, "Invalid");
      assert.equal(version(await api.get(`${configMaps}/a`)), version(made));
      const passing = [
        { op: "test", path: "/metadata/labels/a~1b", value: "1" },
        { op: "replace", path: "/metadata/labels/a~1b", value: "2" },
        { op: "add", path: "/data", value: { x: "1" } },
      ];
      const patched = await api.patch(`${configMaps}/a`, JSON_PATCH, passing);
      assert.deepEqual([at(patched.body, "metadata", "labels"), patched.body["data"]], [{ "a/b": "2" }, { x: "1" }]);
    },
  },
  {
    name: "a strategic patch merges lists by their keys and removes by directive",
    async run({ api, namespace }) {
      const deployments = `/apis/apps/v1/namespaces/${namespace}/deployments`;
      const web = { name: "web", image: "web:1", env: [{ name: "A", value: "1" }] };
      const labels = { app: "web" };
      const template = { metadata: { labels }, spec: { containers: [web] } };
      await api.post(deployments, { metadata: { name: "d" }, spec: { selector: { matchLabels: labels }, template } });
      await api.patch(`${deployments}/d`, STRATEGIC, containers([{ name: "side", image: "side:1" }]));
      await api.patch(`${deployments}/d`, STRATEGIC, containers([{ name: "web", env: [{ name: "B", value: "2" }] }]));
      const both = at((await api.get(`${deployments}/d`)).body, "spec", "template", "spec", "containers");
      assert.ok(isList(both));
      assert.deepEqual(
        both.map((one) => at(one, "name")),
        ["side", "web"],
      );
      const env = at(both[1], "env");
      assert.ok(isList(env));
      assert.deepEqual(
        env.map((one) => at(one, "name")),
        ["B", "A"],
      );
      const gone = await api.patch(`${deployments}/d`, STRATEGIC, containers([{ name: "side", $patch: "delete" }]));
      const left = at(gone.body, "spec", "template", "spec", "containers");
      assert.ok(isList(left));
      assert.deepEqual(
        left.map((one) => at(one, "name")),
        ["web"],
      );
    },
  },
  {
    name: "a patch of what does not exist is 404, one of an unknown type 415, one that renames 400",
    async run({ api, configMaps }) {
      refused(await api.patch(`${configMaps}/none`, MERGE, {}), 404, "NotFound");
      await api.post(configMaps, configMap("a"));
      refused(await api.patch(`${configMaps}/a`, "text/plain", {}), 415, "UnsupportedMediaType");
      refused(await api.patch(`${configMaps}/a`, MERGE, { metadata: { name: "b" } }), 400, "BadRequest");
    },
  },
  {
    name: "a patch to another kind or version is 422; a strategic one is not asked for them",
    async run({ api, configMaps }) {
      const made = await api.post(configMaps, configMap("a"));
      for (const kind of [{ kind: "Secret" }, { apiVersion: "v2" }]) {
        refused(await api.patch(`${configMaps}/a`, MERGE, kind), 422, "Invalid");
        assert.equal(version(await api.patch(`${configMaps}/a`, STRATEGIC, kind)), version(made));
      }
    },
  },
  {
    name: "a field that a patch names twice is warned of, and refused with 422 under Strict",
    async run({ api, configMaps }) {
      await api.post(configMaps, configMap("a"));
      const text = '{"data":{"x":"1","x":"2"}}';
      for (const contentType of [MERGE, STRATEGIC]) {
        const strict = await api.send("PATCH", `${configMaps}/a?fieldValidation=Strict`, { text, contentType });
        refused(strict, 422, "Invalid");
        const warned = await api.send("PATCH", `${configMaps}/a`, { text, contentType });
        assert.equal(warned.headers.get("warning"), '299 - "duplicate field \\"data.x\\""');
      }
    },
  },
  {
    name: "a patch that gives a field the wrong type is 422; of a strategic one only the patch is quoted",
    async run({ api, configMaps }) {
      const made = await api.post(configMaps, configMap("a", { data: { x: "1" } }));
      for (const type of [MERGE, STRATEGIC]) {
        const answer = await api.patch(`${configMaps}/a`, type, { data: { z: 1 } });
        refused(answer, 422, "Invalid");
        assert.deepEqual(causes(answer), ["FieldValueInvalid patch"]);
      }
      const { body } = await api.patch(`${configMaps}/a`, STRATEGIC, { data: { z: 1 } });
      assert.ok(!JSON.stringify(body).includes(uidOf(made)), textAt(body, "message"));
    },
  },
];

function managers({ body }: Answer): readonly string[] {
  const entries = at(body, "metadata", "managedFields");
  return isList(entries) ? entries.map((entry) => `${textAt(entry, "operation")} ${textAt(entry, "manager")}`) : [];
}

const SERVER_SIDE_APPLY: readonly Case[] = [
  {
    name: "apply creates, records its manager, and a second time writes nothing",
    async run({ api, configMaps }) {
      const path = `${configMaps}/a?fieldManager=one`;
      const made = await api.patch(path, APPLY, configMap("a", { data: { x: "1" } }));
      assert.equal(made.status, 201);
      assert.deepEqual(managers(made), ["Apply one"]);
      const again = await api.patch(path, APPLY, configMap("a", { data: { x: "1" } }));
      assert.equal(again.status, 200);
      assert.equal(version(again), version(made));
    },
  },
  {
    name: "apply needs a fieldManager, and states no managedFields, not even none",
    async run({ api, configMaps }) {
      const answer = await api.patch(`${configMaps}/a`, APPLY, configMap("a"));
      refused(answer, 422, "Invalid");
      assert.deepEqual(causes(answer), ["FieldValueRequired fieldManager"]);
      const owned = configMap("a", { metadata: { managedFields: [] } });
      refused(await api.patch(`${configMaps}/a?fieldManager=one`, APPLY, owned), 400, "BadRequest");
    },
  },
  {
    name: "a field that another manager owns is a 409 Conflict with a FieldManagerConflict cause; force takes it",
    async run({ api, configMaps }) {
      await api.patch(`${configMaps}/a?fieldManager=one`, APPLY, configMap("a", { data: { x: "1", y: "1" } }));
      const conflict = await api.patch(`${configMaps}/a?fieldManager=two`, APPLY, configMap("a", { data: { x: "2" } }));
      refused(conflict, 409, "Conflict");
      assert.deepEqual(causes(conflict), ["FieldManagerConflict .data.x"]);
      const forced = await api.patch(
        `${configMaps}/a?fieldManager=two&force=true`,
        APPLY,
        configMap("a", { data: { x: "2" } }),
      );
      assert.deepEqual(forced.body["data"], { x: "2", y: "1" });
      const back = await api.patch(`${configMaps}/a?fieldManager=one`, APPLY, configMap("a", { data: { x: "1" } }));
      refused(back, 409, "Conflict");
    },
  },
  {
    name: "two managers that apply the same value share the field",
    async run({ api, configMaps }) {
      await api.patch(`${configMaps}/a?fieldManager=one`, APPLY, configMap("a", { data: { x: "1" } }));
      assert.equal(
        (await api.patch(`${configMaps}/a?fieldManager=two`, APPLY, configMap("a", { data: { x: "1" } }))).status,
        200,
      );
      const dropped = await api.patch(`${configMaps}/a?fieldManager=one`, APPLY, configMap("a"));
      assert.deepEqual(dropped.body["data"], { x: "1" });
    },
  },
  {
    name: "a field that its manager does not name any more is removed, fields of others stay",
    async run({ api, configMaps }) {
      const one = configMap("a", { metadata: { labels: { l: "1" } }, data: { x: "1", y: "1" } });
      await api.patch(`${configMaps}/a?fieldManager=one`, APPLY, one);
      await api.patch(`${configMaps}/a?fieldManager=other`, MERGE, { data: { theirs: "1" } });
      const after = await api.patch(`${configMaps}/a?fieldManager=one`, APPLY, configMap("a", { data: { y: "1" } }));
      assert.deepEqual(after.body["data"], { y: "1", theirs: "1" });
      assert.equal(at(after.body, "metadata", "labels"), undefined);
      assert.deepEqual(managers(after), ["Apply one", "Update other"]);
    },
  },
  {
    name: "apply with a uid does not create, apply with an old resourceVersion does not write",
    async run({ api, configMaps }) {
      const withUid = configMap("a", { metadata: { uid: OTHER_UID } });
      refused(await api.patch(`${configMaps}/a?fieldManager=one`, APPLY, withUid), 409, "Conflict");
      const made = await api.patch(`${configMaps}/a?fieldManager=one`, APPLY, configMap("a"));
      await api.patch(`${configMaps}/a`, MERGE, { data: { x: "1" } });
      const old = configMap("a", { metadata: { resourceVersion: version(made) }, data: { y: "1" } });
      refused(await api.patch(`${configMaps}/a?fieldManager=one`, APPLY, old), 409, "Conflict");
    },
  },
  {
    name: "what nobody is known to own was there before the first apply, and is not taken silently",
    async run({ api, configMaps }) {
      const path = `${configMaps}/a?fieldManager=one`;
      await api.post(configMaps, configMap("a", { data: { x: "1" } }));
      await api.patch(`${configMaps}/a`, MERGE, { metadata: { managedFields: [{}] } });
      const later = await api.patch(`${configMaps}/a?fieldManager=other`, MERGE, { data: { y: "1" } });
      assert.deepEqual(managers(later), []);
      const conflict = await api.patch(path, APPLY, configMap("a", { data: { x: "2" } }));
      refused(conflict, 409, "Conflict");
      assert.deepEqual(causes(conflict), ["FieldManagerConflict .data.x"]);
      const same = await api.patch(path, APPLY, configMap("a", { data: { x: "1" } }));
      assert.deepEqual(managers(same), ["Apply one", "Update before-first-apply"]);
    },
  },
  {
    name: "kubectl takes over what it applied on the client's side, and keeps that annotation; nobody else does",
    async run({ api, configMaps }) {
      const annotation = "kubectl.kubernetes.io/last-applied-configuration";
      const applied = configMap("a", { data: { x: "1", y: "1" } });
      const annotations = { [annotation]: JSON.stringify(applied) };
      await api.post(configMaps, configMap("a", { metadata: { annotations }, data: { x: "1", y: "1", z: "1" } }));
      const wanted = configMap("a", { data: { x: "2" } });
      refused(await api.patch(`${configMaps}/a?fieldManager=other`, APPLY, wanted), 409, "Conflict");
      const path = `${configMaps}/a?fieldManager=kubectl`;
      const beyond = await api.patch(path, APPLY, configMap("a", { data: { x: "2", z: "2" } }));
      assert.deepEqual(causes(beyond), ["FieldManagerConflict .data.z"]);
      const taken = await api.patch(path, APPLY, wanted);
      assert.deepEqual(taken.body["data"], { x: "2", y: "1", z: "1" });
      const kept: unknown = JSON.parse(textAt(taken.body, "metadata", "annotations", annotation));
      assert.ok(isObject(kept));
      assert.deepEqual([kept["kind"], kept["data"]], ["ConfigMap", { x: "2" }]);
    },
  },
  {
    name: "a null names a map and changes nothing of it; in a map of texts it is the empty one",
    async run({ api, configMaps }) {
      const nulls = configMap("a", { metadata: { labels: { l: null } }, data: { x: null }, binaryData: null });
      const made = await api.post(configMaps, nulls);
      assert.deepEqual([at(made.body, "metadata", "labels"), made.body["data"]], [{ l: "" }, { x: "" }]);
      const applied = await api.patch(`${configMaps}/a?fieldManager=one`, APPLY, configMap("a", { data: null }));
      assert.deepEqual(applied.body["data"], { x: "" });
      assert.deepEqual(managers(applied), ["Apply one", "Update contract"]);
    },
  },
  {
    name: "an item that is applied twice, and a field of a wrong type, are 500",
    async run({ api, configMaps }) {
      const path = `${configMaps}/a?fieldManager=one`;
      const finalizers = ["example.com/hold", "example.com/hold"];
      for (const fields of [{ metadata: { finalizers } }, { data: { x: 1 } }])
        assert.equal((await api.patch(path, APPLY, configMap("a", fields))).status, 500);
    },
  },
  {
    name: "a list that is atomic belongs to one manager, and is replaced whole",
    async run({ api, namespace }) {
      const path = `/api/v1/namespaces/${namespace}/serviceaccounts/s`;
      const account = { apiVersion: "v1", kind: "ServiceAccount", metadata: { name: "s" } };
      const one = { ...account, imagePullSecrets: [{ name: "one" }] };
      const two = { ...account, imagePullSecrets: [{ name: "two" }] };
      const secrets = [{ name: "s", namespace: "elsewhere" }];
      const made = await api.patch(`${path}?fieldManager=one`, APPLY, { ...one, secrets });
      assert.deepEqual(made.body["secrets"], [{ name: "s" }]);
      const conflict = await api.patch(`${path}?fieldManager=two`, APPLY, two);
      assert.deepEqual(causes(conflict), ["FieldManagerConflict .imagePullSecrets"]);
      const forced = await api.patch(`${path}?fieldManager=two&force=true`, APPLY, two);
      assert.deepEqual(forced.body["imagePullSecrets"], [{ name: "two" }]);
    },
  },
  {
    name: "items of a keyed list are owned one by one and go with their manager",
    async run({ api, namespace }) {
      const path = `/apis/apps/v1/namespaces/${namespace}/deployments/d`;
      const labels = { app: "web" };
      const whole = { selector: { matchLabels: labels }, template: { metadata: { labels }, ...container("web") } };
      await api.patch(`${path}?fieldManager=one`, APPLY, deployment(whole));
      const two = await api.patch(`${path}?fieldManager=two`, APPLY, deployment({ template: container("side") }));
      const list = at(two.body, "spec", "template", "spec", "containers");
      assert.ok(isList(list));
      assert.deepEqual(
        list.map((one) => at(one, "name")),
        ["web", "side"],
      );
      const rest = await api.patch(`${path}?fieldManager=two`, APPLY, deployment({ replicas: 1 }));
      const left = at(rest.body, "spec", "template", "spec", "containers");
      assert.ok(isList(left));
      assert.deepEqual(
        left.map((one) => at(one, "name")),
        ["web"],
      );
    },
  },
];

const DELETE: readonly Case[] = [
  {
    name: "delete answers with the uid; a precondition that fails is 409 Conflict and deletes nothing",
    async run({ api, configMaps }) {
      const made = await api.post(configMaps, configMap("a"));
      refused(await api.delete(`${configMaps}/a`, { preconditions: { uid: OTHER_UID } }), 409, "Conflict");
      refused(await api.delete(`${configMaps}/a`, { preconditions: { resourceVersion: "1" } }), 409, "Conflict");
      const both = { uid: uidOf(made), resourceVersion: version(made) };
      const gone = await api.delete(`${configMaps}/a`, { preconditions: both });
      assert.equal(gone.status, 200);
      assert.deepEqual(gone.body["details"], { name: "a", kind: "configmaps", uid: uidOf(made) });
      refused(await api.delete(`${configMaps}/a`), 404, "NotFound");
    },
  },
  {
    name: "a guard or a dry run of a wrong type is 400, and nothing is deleted",
    async run({ api, configMaps }) {
      await api.post(configMaps, configMap("a"));
      const options: readonly JsonObject[] = [
        { preconditions: { resourceVersion: 1 } },
        { preconditions: { uid: 1 } },
        { preconditions: "x" },
        { dryRun: "All" },
        { gracePeriodSeconds: "x" },
        { kind: "ConfigMap", apiVersion: "v1" },
      ];
      for (const one of options) {
        refused(await api.delete(`${configMaps}/a`, one), 400, "BadRequest");
        refused(await api.delete(configMaps, one), 400, "BadRequest");
      }
      refused(await api.delete(`${configMaps}/a?gracePeriodSeconds=x`), 400, "BadRequest");
      assert.equal((await api.get(`${configMaps}/a`)).status, 200);
    },
  },
  {
    name: "options that cannot both be meant are 422; those of the query do not count beside a body",
    async run({ api, configMaps }) {
      await api.post(configMaps, configMap("a"));
      const both = { propagationPolicy: "Background", orphanDependents: false };
      refused(await api.delete(`${configMaps}/a`, both), 422, "Invalid");
      refused(await api.delete(`${configMaps}/a?propagationPolicy=Orphan&orphanDependents=true`), 422, "Invalid");
      assert.equal((await api.delete(`${configMaps}/a?dryRun=All`, { kind: "DeleteOptions" })).status, 200);
      refused(await api.get(`${configMaps}/a`), 404, "NotFound");
    },
  },
  {
    name: "while finalizers hold it a delete answers 200, and 202 only to orphanDependents=false",
    async run({ api, configMaps }) {
      await api.post(configMaps, configMap("a", { metadata: { finalizers: ["example.com/hold"] } }));
      assert.equal((await api.delete(`${configMaps}/a`, { propagationPolicy: "Foreground" })).status, 200);
      assert.equal((await api.delete(`${configMaps}/a`, { orphanDependents: false })).status, 202);
      await api.patch(`${configMaps}/a`, MERGE, { metadata: { finalizers: null } });
    },
  },
  {
    name: "an object with finalizers is marked, takes no new ones, and goes with its last one",
    async run({ api, configMaps }) {
      const made = await api.post(configMaps, configMap("a", { metadata: { finalizers: ["example.com/hold"] } }));
      const watch = await api.watch(`${configMaps}?watch=1&resourceVersion=${version(made)}`);
      const marked = await api.delete(`${configMaps}/a`);
      assert.equal(typeof at(marked.body, "metadata", "deletionTimestamp"), "string");
      const more = await api.patch(`${configMaps}/a`, MERGE, {
        metadata: { finalizers: ["example.com/hold", "example.com/more"] },
      });
      refused(more, 422, "Invalid");
      assert.equal((await api.patch(`${configMaps}/a`, MERGE, { metadata: { finalizers: null } })).status, 200);
      refused(await api.get(`${configMaps}/a`), 404, "NotFound");
      assert.deepEqual(await watch.names(2), ["MODIFIED a", "DELETED a"]);
      await watch.cancel();
    },
  },
  {
    name: "deletecollection deletes what the selector matches and nothing else",
    async run({ api, configMaps }) {
      await api.post(configMaps, configMap("a", { metadata: { labels: { go: "yes" } } }));
      await api.post(configMaps, configMap("b"));
      assert.equal((await api.delete(`${configMaps}?labelSelector=go%3Dyes`)).status, 200);
      refused(await api.get(`${configMaps}/a`), 404, "NotFound");
      assert.equal((await api.get(`${configMaps}/b`)).status, 200);
    },
  },
];

const LIST: readonly Case[] = [
  {
    name: "list items of built-in kinds have no kind and no apiVersion; the list has a resourceVersion",
    async run({ api, configMaps }) {
      await api.post(configMaps, configMap("a"));
      const list = await api.get(`${configMaps}?fieldSelector=metadata.name%3Da`);
      assert.equal(list.body["kind"], "ConfigMapList");
      assert.match(version(list), /^[1-9][0-9]*$/);
      const [item] = items(list);
      assert.equal(at(item, "kind"), undefined);
      assert.equal(at(item, "apiVersion"), undefined);
      assert.equal(at(item, "metadata", "name"), "a");
    },
  },
  {
    name: "pages are one snapshot: what is written between them is not seen, and a watch from it continues",
    async run({ api, configMaps }) {
      for (const name of ["p1", "p2", "p3"])
        await api.post(configMaps, configMap(name, { metadata: { labels: { p: "1" } } }));
      const first = await api.get(`${configMaps}?limit=1`);
      const kubeRoot = names(first)[0] === "kube-root-ca.crt";
      await api.post(configMaps, configMap("p0"));
      await api.delete(`${configMaps}/p3`);
      await api.patch(`${configMaps}/p2`, MERGE, { data: { x: "late" } });
      const next = encodeURIComponent(textAt(first.body, "metadata", "continue"));
      const rest = await api.get(`${configMaps}?limit=10&continue=${next}`);
      assert.deepEqual(
        [...names(first), ...names(rest)].filter((name) => name.startsWith("p")),
        ["p1", "p2", "p3"],
      );
      assert.equal(version(rest), version(first));
      assert.equal(at(first.body, "metadata", "remainingItemCount"), kubeRoot ? 3 : 2);
      assert.equal(at(rest.body, "metadata", "continue"), undefined);
      const watch = await api.watch(`${configMaps}?watch=1&resourceVersion=${version(first)}`);
      assert.deepEqual(await watch.names(3), ["ADDED p0", "DELETED p3", "MODIFIED p2"]);
      await watch.cancel();
    },
  },
  {
    name: "remainingItemCount is absent with a selector",
    async run({ api, configMaps }) {
      for (const name of ["a", "b"]) await api.post(configMaps, configMap(name, { metadata: { labels: { p: "1" } } }));
      const page = await api.get(`${configMaps}?limit=1&labelSelector=p`);
      assert.equal(at(page.body, "metadata", "remainingItemCount"), undefined);
      assert.notEqual(at(page.body, "metadata", "continue"), undefined);
    },
  },
  {
    name: "a limit below zero is none",
    async run({ api, configMaps }) {
      for (const name of ["a", "b"]) await api.post(configMaps, configMap(name, { metadata: { labels: { p: "1" } } }));
      const whole = await api.get(`${configMaps}?limit=-1&labelSelector=p`);
      assert.deepEqual(names(whole), ["a", "b"]);
      assert.equal(at(whole.body, "metadata", "continue"), undefined);
    },
  },
  {
    name: "resourceVersionMatch=Exact shows the past, NotOlderThan the present",
    async run({ api, configMaps }) {
      const made = await api.post(configMaps, configMap("a", { data: { x: "1" } }));
      await api.patch(`${configMaps}/a`, MERGE, { data: { x: "2" } });
      const of = `fieldSelector=metadata.name%3Da&resourceVersion=${version(made)}`;
      const past = await api.get(`${configMaps}?${of}&resourceVersionMatch=Exact`);
      assert.equal(at(items(past)[0], "data", "x"), "1");
      assert.equal(version(past), version(made));
      const present = await api.get(`${configMaps}?${of}&resourceVersionMatch=NotOlderThan`);
      assert.equal(at(items(present)[0], "data", "x"), "2");
    },
  },
  {
    name: "options that do not go together are 422",
    async run({ api, configMaps }) {
      for (const query of [
        "resourceVersionMatch=Exact",
        "resourceVersionMatch=Exact&resourceVersion=0",
        "resourceVersionMatch=Newest&resourceVersion=5",
        "sendInitialEvents=true",
        "watch=1&sendInitialEvents=true",
        "watch=1&resourceVersionMatch=NotOlderThan&resourceVersion=5",
      ])
        refused(await api.get(`${configMaps}?${query}`), 422, "Invalid");
    },
  },
  {
    name: "label selectors: equality, sets, existence",
    async run({ api, configMaps }) {
      await api.post(configMaps, configMap("a", { metadata: { labels: { tier: "web", x: "1" } } }));
      await api.post(configMaps, configMap("b", { metadata: { labels: { tier: "db", x: "1" } } }));
      await api.post(configMaps, configMap("c", { metadata: { labels: { x: "1" } } }));
      const table: readonly (readonly [string, readonly string[]])[] = [
        ["x=1", ["a", "b", "c"]],
        ["x=1,tier=web", ["a"]],
        ["x=1,tier!=web", ["b", "c"]],
        ["tier in (web,db)", ["a", "b"]],
        ["x,tier notin (web)", ["b", "c"]],
        ["tier", ["a", "b"]],
        ["x,!tier", ["c"]],
      ];
      for (const [selector, wanted] of table)
        assert.deepEqual(
          names(await api.get(`${configMaps}?labelSelector=${encodeURIComponent(selector)}`)),
          wanted,
          selector,
        );
      for (const bad of ["x in", "a=b=c", "!!", "in (a)"])
        refused(await api.get(`${configMaps}?labelSelector=${encodeURIComponent(bad)}`), 400, "BadRequest");
    },
  },
  {
    name: "a field that cannot be selected by is 400",
    async run({ api, configMaps }) {
      refused(await api.get(`${configMaps}?fieldSelector=data.x%3D1`), 400, "BadRequest");
    },
  },
  {
    name: "a resourceVersion from the future is 504 Timeout with the cause ResourceVersionTooLarge",
    async run({ api, configMaps, wait }) {
      const asked = api.get(`${configMaps}?resourceVersion=999999999`);
      await wait(3500);
      const answer = await asked;
      refused(answer, 504, "Timeout");
      assert.equal(at(answer.body, "details", "retryAfterSeconds"), 1);
      const found = at(answer.body, "details", "causes");
      assert.equal(at(isList(found) ? found[0] : undefined, "reason"), "ResourceVersionTooLarge");
    },
  },
];

const METADATA_ONLY = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";
const METADATA_LIST = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";
const WATCH_LIST = "watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true";

const WATCH: readonly Case[] = [
  {
    name: "watch without a resourceVersion starts with the present state",
    async run({ api, configMaps }) {
      for (const name of ["a", "b"]) await api.post(configMaps, configMap(name, { metadata: { labels: { w: "1" } } }));
      const watch = await api.watch(`${configMaps}?watch=1&labelSelector=w`);
      assert.deepEqual([...(await watch.names(2))].toSorted(), ["ADDED a", "ADDED b"]);
      await api.delete(`${configMaps}/a`);
      assert.deepEqual(await watch.names(1), ["DELETED a"]);
      await watch.cancel();
    },
  },
  {
    name: "DELETED shows the last state with the resourceVersion of the deletion",
    async run({ api, configMaps }) {
      const made = await api.post(configMaps, configMap("a", { data: { x: "1" } }));
      const watch = await api.watch(`${configMaps}?watch=1&resourceVersion=${version(made)}`);
      await api.delete(`${configMaps}/a`);
      const after = await api.post(configMaps, configMap("b"));
      const [deleted] = await watch.take(1);
      assert.deepEqual(deleted?.object["data"], { x: "1" });
      const revision = BigInt(textAt(deleted?.object, "metadata", "resourceVersion"));
      assert.ok(revision > BigInt(version(made)) && revision < BigInt(version(after)));
      await watch.cancel();
    },
  },
  {
    name: "an object that enters a selector is ADDED, one that leaves it is DELETED, as it last matched",
    async run({ api, configMaps }) {
      const made = await api.post(configMaps, configMap("a", { data: { x: "1" } }));
      const watch = await api.watch(`${configMaps}?watch=1&labelSelector=in%3Dyes&resourceVersion=${version(made)}`);
      await api.patch(`${configMaps}/a`, MERGE, { metadata: { labels: { in: "yes" } } });
      await api.patch(`${configMaps}/a`, MERGE, { data: { x: "2" } });
      const left = await api.patch(`${configMaps}/a`, MERGE, { metadata: { labels: { in: "no" } }, data: { x: "3" } });
      const events = await watch.take(3);
      assert.deepEqual(
        events.map(({ type, object }) => `${type} ${textAt(object, "data", "x")}`),
        ["ADDED 1", "MODIFIED 2", "DELETED 2"],
      );
      assert.equal(at(events[2]?.object, "metadata", "resourceVersion"), version(left));
      await watch.cancel();
    },
  },
  {
    name: "a WatchList sends the state, then a bookmark that marks its end, then changes",
    async run({ api, configMaps }) {
      await api.post(configMaps, configMap("a"));
      const watch = await api.watch(`${configMaps}?${WATCH_LIST}&fieldSelector=metadata.name%3Da`);
      const [added, end] = await watch.take(2);
      assert.equal(added?.type, "ADDED");
      assert.equal(end?.type, "BOOKMARK");
      assert.equal(at(end?.object, "kind"), "ConfigMap");
      assert.equal(at(end?.object, "metadata", "annotations", "k8s.io/initial-events-end"), "true");
      assert.match(textAt(end?.object, "metadata", "resourceVersion"), /^[1-9][0-9]*$/);
      await api.patch(`${configMaps}/a`, MERGE, { data: { x: "1" } });
      assert.deepEqual(await watch.names(1), ["MODIFIED a"]);
      await watch.cancel();
    },
  },
  {
    name: "metadata only: get, list and watch answer with PartialObjectMetadata",
    async run({ api, configMaps }) {
      const made = await api.post(configMaps, configMap("a", { data: { x: "1" } }));
      const one = await api.get(`${configMaps}/a`, METADATA_ONLY);
      assert.deepEqual(Object.keys(one.body).toSorted(), ["apiVersion", "kind", "metadata"]);
      assert.equal(one.body["kind"], "PartialObjectMetadata");
      const list = await api.get(`${configMaps}?fieldSelector=metadata.name%3Da`, METADATA_LIST);
      assert.equal(list.body["kind"], "PartialObjectMetadataList");
      assert.deepEqual(items(list), [one.body]);
      const watch = await api.watch(`${configMaps}?watch=1&resourceVersion=${version(made)}`, METADATA_ONLY);
      await api.patch(`${configMaps}/a`, MERGE, { data: { x: "2" } });
      const [event] = await watch.take(1);
      assert.equal(event?.object["kind"], "PartialObjectMetadata");
      assert.equal(event?.object["data"], undefined);
      await watch.cancel();
    },
  },
];

const METADATA: readonly Case[] = [
  {
    name: "metadata only: a WatchList shows the state, its end, changes of the content and deletions",
    async run({ api, configMaps }) {
      const made = await api.post(configMaps, configMap("a", { data: { x: "1" } }));
      const query = `${WATCH_LIST}&fieldSelector=metadata.name%3Da`;
      const watch = await api.watch(`${configMaps}?${query}`, `${METADATA_ONLY},application/json`);
      const [added, end] = await watch.take(2);
      assert.deepEqual([added?.type, end?.type], ["ADDED", "BOOKMARK"]);
      assert.equal(at(end?.object, "kind"), "PartialObjectMetadata");
      assert.equal(at(end?.object, "metadata", "annotations", "k8s.io/initial-events-end"), "true");
      assert.equal(at(added?.object, "metadata", "resourceVersion"), version(made));
      await api.patch(`${configMaps}/a`, MERGE, { data: { x: "2" } });
      await api.delete(`${configMaps}/a`);
      const events = await watch.take(2);
      assert.deepEqual(
        events.map(({ type }) => type),
        ["MODIFIED", "DELETED"],
      );
      for (const { object } of events) {
        assert.deepEqual(Object.keys(object).toSorted(), ["apiVersion", "kind", "metadata"]);
        assert.equal(object["kind"], "PartialObjectMetadata");
        assert.equal(object["apiVersion"], "meta.k8s.io/v1");
      }
      await watch.cancel();
    },
  },
  {
    name: "metadata only: pages are those of whole objects, with managedFields",
    async run({ api, configMaps }) {
      for (const name of ["a", "b", "c"])
        await api.post(configMaps, configMap(name, { metadata: { labels: { page: "1" } }, data: { x: "1" } }));
      const path = `${configMaps}?labelSelector=page&limit=2`;
      const first = await api.get(path, `${METADATA_LIST},application/json`);
      const token = textAt(first.body, "metadata", "continue");
      const second = await api.get(`${path}&continue=${encodeURIComponent(token)}`, METADATA_LIST);
      const found = [...items(first), ...items(second)];
      assert.deepEqual(
        found.map((item) => at(item, "metadata", "name")),
        ["a", "b", "c"],
      );
      for (const item of found) {
        assert.equal(at(item, "kind"), "PartialObjectMetadata");
        assert.notEqual(at(item, "metadata", "managedFields"), undefined);
      }
    },
  },
];

const SUBRESOURCES: readonly Case[] = [
  {
    name: "status and spec are written apart, and only spec moves the generation",
    async run({ api, namespace }) {
      const deployments = `/apis/apps/v1/namespaces/${namespace}/deployments`;
      const labels = { app: "web" };
      const template = { metadata: { labels }, spec: { containers: [{ name: "web", image: "web:1" }] } };
      await api.post(deployments, { metadata: { name: "d" }, spec: { selector: { matchLabels: labels }, template } });
      const both = { spec: { replicas: 7 }, status: { observedGeneration: 1 } };
      const status = await api.patch(`${deployments}/d/status`, MERGE, both);
      assert.deepEqual([at(status.body, "spec", "replicas"), at(status.body, "status", "observedGeneration")], [1, 1]);
      assert.equal(at(status.body, "metadata", "generation"), 1);
      const spec = await api.patch(`${deployments}/d`, MERGE, {
        spec: { replicas: 7 },
        status: { observedGeneration: 9 },
      });
      assert.deepEqual([at(spec.body, "spec", "replicas"), at(spec.body, "status", "observedGeneration")], [7, 1]);
      assert.equal(at(spec.body, "metadata", "generation"), 2);
    },
  },
  {
    name: "scale reads and writes the replica count",
    async run({ api, namespace }) {
      const deployments = `/apis/apps/v1/namespaces/${namespace}/deployments`;
      const labels = { app: "web" };
      const template = { metadata: { labels }, spec: { containers: [{ name: "web", image: "web:1" }] } };
      await api.post(deployments, {
        metadata: { name: "d" },
        spec: { replicas: 2, selector: { matchLabels: labels }, template },
      });
      const scale = await api.get(`${deployments}/d/scale`);
      assert.deepEqual(
        [scale.body["kind"], scale.body["apiVersion"], at(scale.body, "spec", "replicas")],
        ["Scale", "autoscaling/v1", 2],
      );
      assert.equal(at(scale.body, "status", "selector"), "app=web");
      const scaled = await api.patch(`${deployments}/d/scale`, MERGE, { spec: { replicas: 5 } });
      assert.equal(at(scaled.body, "spec", "replicas"), 5);
      assert.equal(at((await api.get(`${deployments}/d`)).body, "spec", "replicas"), 5);
      const old = { metadata: { name: "d", namespace, resourceVersion: version(scale) }, spec: { replicas: 1 } };
      refused(await api.put(`${deployments}/d/scale`, old), 409, "Conflict");
    },
  },
];

const LABELS = { app: "web" };

/** A Deployment with one container. */
function podTemplate(container: JsonObject, pod: JsonObject = {}): JsonObject {
  const spec = { containers: [{ name: "web", image: "web:1", ...container }], ...pod };
  return deployment({ selector: { matchLabels: LABELS }, template: { metadata: { labels: LABELS }, spec } });
}

function podOf({ body }: Answer): JsonObject {
  const found = at(body, "spec", "template", "spec");
  assert.ok(isObject(found), JSON.stringify(body));
  return found;
}

function containerOf(answer: Answer): Json | undefined {
  const { containers } = podOf(answer);
  return isList(containers) ? containers[0] : undefined;
}

const DEPLOYMENTS: readonly Case[] = [
  {
    name: "a pod is stored in its normal form: quantities reduced, empty scalars dropped, defaults filled in",
    async run({ api, namespace }) {
      const container = {
        stdin: false,
        workingDir: "",
        imagePullPolicy: "",
        env: [{ name: "A", value: "" }],
        ports: [{ containerPort: 80, hostPort: 0 }],
        readinessProbe: { httpGet: { port: 80 }, periodSeconds: 5 },
        resources: {
          limits: { cpu: "1000m", memory: "1024Mi", "ephemeral-storage": "1.5Gi" },
          requests: { cpu: 0.5, memory: "100000", "ephemeral-storage": "1e9" },
        },
      };
      const pod = {
        serviceAccountName: "robot",
        hostNetwork: false,
        enableServiceLinks: false,
        restartPolicy: "",
        terminationGracePeriodSeconds: 0,
        volumes: [
          { name: "e", emptyDir: {} },
          { name: "c", configMap: { name: "c", optional: false } },
        ],
      };
      const made = await api.post(`/apis/apps/v1/namespaces/${namespace}/deployments`, podTemplate(container, pod));
      assert.deepEqual(podOf(made), {
        containers: [
          {
            name: "web",
            image: "web:1",
            imagePullPolicy: "IfNotPresent",
            env: [{ name: "A" }],
            ports: [{ containerPort: 80, protocol: "TCP" }],
            readinessProbe: {
              failureThreshold: 3,
              httpGet: { path: "/", port: 80, scheme: "HTTP" },
              periodSeconds: 5,
              successThreshold: 1,
              timeoutSeconds: 1,
            },
            resources: {
              limits: { cpu: "1", memory: "1Gi", "ephemeral-storage": "1536Mi" },
              requests: { cpu: "500m", memory: "100k", "ephemeral-storage": "1e9" },
            },
            terminationMessagePath: "/dev/termination-log",
            terminationMessagePolicy: "File",
          },
        ],
        dnsPolicy: "ClusterFirst",
        enableServiceLinks: false,
        restartPolicy: "Always",
        schedulerName: "default-scheduler",
        securityContext: {},
        serviceAccount: "robot",
        serviceAccountName: "robot",
        terminationGracePeriodSeconds: 0,
        volumes: [
          { name: "e", emptyDir: {} },
          { name: "c", configMap: { name: "c", defaultMode: 420, optional: false } },
        ],
      });
    },
  },
  {
    name: "a field that a pod does not have is refused under Strict, one of a wrong type always",
    async run({ api, namespace }) {
      const path = `/apis/apps/v1/namespaces/${namespace}/deployments`;
      const typo = podTemplate({ imagePullPolcy: "Always" });
      refused(await api.post(`${path}?fieldValidation=Strict`, typo), 400, "BadRequest");
      for (const container of [
        { imagePullPolicy: 5 },
        { args: "x" },
        { env: [{ name: "A", value: 5 }] },
        { resources: { limits: { cpu: "abc" } } },
        { resources: { limits: { cpu: true } } },
        { securityContext: { runAsUser: "root" } },
      ])
        refused(await api.post(path, podTemplate(container)), 400, "BadRequest");
      const doubled = JSON.stringify(typo).replace("imagePullPolcy", "image");
      const warned = await api.send("POST", path, { text: doubled });
      const duplicate = 'duplicate field \\"spec.template.spec.containers[0].image\\"';
      assert.equal(warned.headers.get("warning"), `299 - "${duplicate}"`);
    },
  },
  {
    name: "the metadata of a pod template is metadata, with the nulls that clients in Go write",
    async run({ api, namespace }) {
      const metadata = { labels: LABELS, creationTimestamp: null, finalizers: ["a.b/c"] };
      const pod = at(podTemplate({ resources: {} }), "spec", "template", "spec") ?? null;
      const spec = { strategy: {}, selector: { matchLabels: LABELS }, template: { metadata, spec: pod } };
      const path = `/apis/apps/v1/namespaces/${namespace}/deployments?fieldValidation=Strict`;
      const made = await api.post(path, { ...deployment(spec), status: {} });
      assert.equal(made.status, 201);
      assert.deepEqual(at(made.body, "spec", "template", "metadata"), { labels: LABELS, finalizers: ["a.b/c"] });
    },
  },
  {
    name: "a restartPolicy but Always, a pull policy that is none, and more ready replicas than replicas are 422",
    async run({ api, namespace }) {
      const path = `/apis/apps/v1/namespaces/${namespace}/deployments`;
      const restart = await api.post(path, podTemplate({}, { restartPolicy: "Never" }));
      assert.deepEqual(causes(restart), ["FieldValueNotSupported spec.template.spec.restartPolicy"]);
      const pull = await api.post(path, podTemplate({ imagePullPolicy: "Sometimes" }));
      assert.deepEqual(causes(pull), ["FieldValueNotSupported spec.template.spec.containers[0].imagePullPolicy"]);
      await api.post(path, podTemplate({}));
      const ready = await api.patch(`${path}/d/status`, MERGE, { status: { replicas: 1, readyReplicas: 2 } });
      refused(ready, 422, "Invalid");
      assert.deepEqual(causes(ready), ["FieldValueInvalid status.readyReplicas"]);
    },
  },
  {
    name: "resources, contexts and affinity are owned field by field, aliases of hosts and pull secrets one by one",
    async run({ api, namespace }) {
      const path = `/apis/apps/v1/namespaces/${namespace}/deployments/d`;
      const one = podTemplate(
        { resources: { limits: { cpu: "1" } }, securityContext: { runAsUser: 1 } },
        { hostAliases: [{ ip: "1.1.1.1" }], affinity: { nodeAffinity: {} }, imagePullSecrets: [{ name: "one" }] },
      );
      const two = {
        containers: [
          { name: "web", resources: { limits: { memory: "1Gi" } }, securityContext: { runAsNonRoot: true } },
        ],
        hostAliases: [{ ip: "2.2.2.2" }],
        affinity: { podAffinity: {} },
        securityContext: { fsGroup: 1 },
        imagePullSecrets: [{ name: "two" }],
      };
      await api.patch(`${path}?fieldManager=one`, APPLY, one);
      const both = await api.patch(`${path}?fieldManager=two`, APPLY, deployment({ template: { spec: two } }));
      assert.deepEqual(managers(both), ["Apply one", "Apply two"]);
      assert.deepEqual(at(containerOf(both), "resources"), { limits: { cpu: "1", memory: "1Gi" } });
      assert.deepEqual(at(containerOf(both), "securityContext"), { runAsUser: 1, runAsNonRoot: true });
      assert.deepEqual(podOf(both)["affinity"], { nodeAffinity: {}, podAffinity: {} });
      assert.deepEqual(podOf(both)["securityContext"], { fsGroup: 1 });
      assert.deepEqual(podOf(both)["hostAliases"], [{ ip: "1.1.1.1" }, { ip: "2.2.2.2" }]);
      assert.deepEqual(podOf(both)["imagePullSecrets"], [{ name: "one" }, { name: "two" }]);
      const limits = { spec: { containers: [{ name: "web", resources: { limits: { memory: null, cpu: "2" } } }] } };
      const patched = await api.patch(path, STRATEGIC, { spec: { template: limits } });
      assert.deepEqual(at(containerOf(patched), "resources"), { limits: { cpu: "2" } });
    },
  },
];

const NAMESPACES: readonly Case[] = [
  {
    name: "a namespace that is deleted takes its content with it; meanwhile creates are 403 NamespaceTerminating",
    async run({ api, configMaps, namespace, wait }) {
      await api.post(configMaps, configMap("held", { metadata: { finalizers: ["example.com/hold"] } }));
      await api.post(configMaps, configMap("free"));
      const marked = await api.delete(`/api/v1/namespaces/${namespace}`);
      assert.equal(at(marked.body, "status", "phase"), "Terminating");
      const late = await api.post(configMaps, configMap("late"));
      refused(late, 403, "Forbidden");
      assert.deepEqual(causes(late), ["NamespaceTerminating metadata.namespace"]);
      assert.equal((await api.patch(`${configMaps}/held`, MERGE, { data: { x: "1" } })).status, 200);
      await eventually(wait, async () => (await api.get(`${configMaps}/free`)).status === 404);
      assert.equal((await api.get(`${configMaps}/held`)).status, 200);
      await api.patch(`${configMaps}/held`, MERGE, { metadata: { finalizers: null } });
      await eventually(wait, async () => (await api.get(`/api/v1/namespaces/${namespace}`)).status === 404);
    },
  },
  {
    name: "default, kube-system and kube-public cannot be deleted",
    async run({ api }) {
      for (const name of ["default", "kube-system", "kube-public"])
        refused(await api.delete(`/api/v1/namespaces/${name}`), 403, "Forbidden");
    },
  },
  {
    name: "a namespace carries its name as a label, which cannot be taken off",
    async run({ api, namespace }) {
      const label = "kubernetes.io/metadata.name";
      const patched = await api.patch(`/api/v1/namespaces/${namespace}`, MERGE, {
        metadata: { labels: { [label]: null } },
      });
      assert.equal(at(patched.body, "metadata", "labels", label), namespace);
    },
  },
];

const REVIEWS: readonly Case[] = [
  {
    name: "a SelfSubjectAccessReview is answered and not kept",
    async run({ api, namespace }) {
      const path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
      const spec = { resourceAttributes: { namespace, verb: "delete", resource: "configmaps" } };
      const answer = await api.post(path, { spec });
      assert.equal(answer.status, 201);
      assert.deepEqual(answer.body["spec"], spec);
      assert.equal(at(answer.body, "status", "allowed"), true);
      refused(await api.get(path), 405, "MethodNotAllowed");
      refused(await api.get(`${path}/a`), 404, "NotFound");
    },
  },
  {
    name: "a SelfSubjectRulesReview lists what the caller may do",
    async run({ api, namespace }) {
      const path = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews";
      const { body } = await api.post(path, { spec: { namespace } });
      const rules = at(body, "status", "resourceRules");
      assert.ok(isList(rules));
      assert.deepEqual(
        rules.filter((rule) => JSON.stringify(at(rule, "verbs")) === '["*"]'),
        [{ verbs: ["*"], apiGroups: ["*"], resources: ["*"] }],
      );
    },
  },
  {
    name: "a SelfSubjectReview says who the caller is",
    async run({ api }) {
      const answer = await api.post("/apis/authentication.k8s.io/v1/selfsubjectreviews", {});
      assert.equal(answer.status, 201);
      assert.notEqual(textAt(answer.body, "status", "userInfo", "username"), "");
      const groups = at(answer.body, "status", "userInfo", "groups");
      assert.ok(isList(groups) && groups.includes("system:masters"));
    },
  },
];

const ERRORS: readonly Case[] = [
  {
    name: "a kind that is not served is 404, a method that is not allowed 405, bad JSON 400, another encoding 406",
    async run({ api, configMaps }) {
      refused(await api.get("/api/v1/nothings"), 404, "NotFound");
      refused(await api.put(configMaps, configMap("a")), 405, "MethodNotAllowed");
      refused(await api.send("POST", configMaps, { body: "no object" }), 400, "BadRequest");
      refused(await api.get(configMaps, "text/html"), 406, "NotAcceptable");
      refused(await api.send("POST", configMaps, { body: {}, contentType: "text/plain" }), 415, "UnsupportedMediaType");
    },
  },
];

async function eventually(wait: (ms: number) => Promise<void>, holds: () => Promise<boolean>): Promise<void> {
  for (let turn = 0; turn < 60; turn++) {
    if (await holds()) return;
    await wait(500);
  }
  assert.fail("not within 30 seconds");
}

export const CONTRACT: Readonly<Record<string, readonly Case[]>> = {
  create: CREATE,
  update: UPDATE,
  patch: PATCH,
  "server-side apply": SERVER_SIDE_APPLY,
  delete: DELETE,
  list: LIST,
  watch: WATCH,
  metadata: METADATA,
  subresources: SUBRESOURCES,
  deployments: DEPLOYMENTS,
  namespaces: NAMESPACES,
  reviews: REVIEWS,
  errors: ERRORS,
};
