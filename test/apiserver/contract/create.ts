/** Create: what is stored, and what is refused. */
import assert from "node:assert/strict";
import { type JsonObject, at, isList } from "../../../runtime/apiserver/object.ts";
import { APPLY, MERGE } from "../client.ts";
import { textAt, version, uidOf, names, refused, causes } from "./answers.ts";
import type { Case } from "./case.ts";
import { configMap, deployment } from "./requests.ts";

export const CREATE: readonly Case[] = [
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
      refused(await api.post(configMaps, { metadata: { generateName: "job." } }), 422, "Invalid");
    },
  },
  {
    name: "what is empty in metadata is not given: a name is generated, and an update has no uid to miss",
    async run({ api, configMaps }) {
      const empty = { name: "", generateName: "x-", uid: "", resourceVersion: "", generation: 0, selfLink: "" };
      const made = await api.post(configMaps, { metadata: empty });
      assert.equal(made.status, 201, JSON.stringify(made.body));
      assert.equal(at(made.body, "metadata", "generation"), undefined);
      const named = await api.post(configMaps, configMap("a", { metadata: { generateName: "" } }));
      assert.equal(at(named.body, "metadata", "generateName"), undefined);
      const updated = await api.put(`${configMaps}/a`, configMap("a", { metadata: { uid: "" } }));
      assert.equal(updated.status, 200, JSON.stringify(updated.body));
    },
  },
  {
    name: "a null in a list is an empty item, which is refused where it may not be empty",
    async run({ api, configMaps, namespace }) {
      for (const list of ["finalizers", "ownerReferences"])
        refused(await api.post(configMaps, configMap("a", { metadata: { [list]: [null] } })), 422, "Invalid");
      const pod = { containers: [{ name: "web", image: "web:1", args: [null] }] };
      const labels = { app: "web" };
      const spec = { selector: { matchLabels: labels }, template: { metadata: { labels }, spec: pod } };
      const made = await api.post(`/apis/apps/v1/namespaces/${namespace}/deployments`, deployment(spec));
      const containers = at(made.body, "spec", "template", "spec", "containers");
      assert.deepEqual(isList(containers) ? at(containers[0], "args") : containers, [""]);
    },
  },
  {
    name: "a null in managedFields forgets them, as an empty entry does",
    async run({ api, configMaps }) {
      await api.post(configMaps, configMap("a", { data: { x: "1" } }));
      const reset = await api.patch(`${configMaps}/a`, MERGE, { metadata: { managedFields: [null] } });
      assert.equal(reset.status, 200, JSON.stringify(reset.body));
      assert.equal(at(reset.body, "metadata", "managedFields"), undefined);
    },
  },
  {
    name: "base64 may come in lines, and is stored in its one form; what is none is 400",
    async run({ api, namespace }) {
      const secrets = `/api/v1/namespaces/${namespace}/secrets`;
      const data = { lines: "aGVs\r\nbG8=\n", bits: "aGVsbG9=", empty: "" };
      const made = await api.post(secrets, { metadata: { name: "s" }, data });
      assert.deepEqual(made.body["data"], { lines: "aGVsbG8=", bits: "aGVsbG8=", empty: "" });
      for (const none of ["aGVsbG8", "aGVs bG8=", "a===", "aGVsbG8_"])
        refused(await api.post(secrets, { metadata: { name: "t" }, data: { none } }), 400, "BadRequest");
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
    name: "a warning fails no write: it is UTF-8, without what no header can hold, and bounded",
    async run({ api, configMaps }) {
      const named = async (...fields: readonly string[]): Promise<string | null> => {
        const unknown = Object.fromEntries(fields.map((field) => [field, 1]));
        const made = await api.post(`${configMaps}?dryRun=All`, configMap("a", unknown));
        assert.equal(made.status, 201, JSON.stringify(made.body));
        return made.headers.get("warning");
      };
      const utf8 = Buffer.from("日本").toString("latin1");
      assert.equal(await named("日本"), `299 - "unknown field \\"${utf8}\\""`);
      assert.equal(await named("a\u0001"), String.raw`299 - "unknown field \"a\\x01\""`);
      const many = await named(...Array.from({ length: 200 }, (_, i) => `field${String(i).padStart(45, "0")}`));
      assert.equal(many?.split("299 - ").length, 1 + Math.ceil(4096 / 'unknown field ""'.padEnd(66, "0").length));
      const few = await named(...Array.from({ length: 200 }, (_, i) => `field${i}`));
      assert.equal(few?.split("299 - ").length, 1 + 100);
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
    name: "that a name is taken is said last, so that a dry run shows what else is wrong",
    async run({ api, configMaps }) {
      await api.post(configMaps, configMap("a", { immutable: true, data: { x: "1" } }));
      const dry = `${configMaps}?dryRun=All`;
      refused(await api.post(dry, configMap("a", { data: { "no key": "2" } })), 422, "Invalid");
      refused(await api.post(dry, configMap("a", { data: { x: "2" } })), 409, "AlreadyExists");
      assert.deepEqual((await api.get(`${configMaps}/a`)).body["data"], { x: "1" });
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
