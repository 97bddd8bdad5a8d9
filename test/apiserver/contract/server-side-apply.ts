/** Server-side apply: owners of fields and their conflicts. */
import assert from "node:assert/strict";
import { type JsonObject, at, isList, isObject } from "../../../runtime/apiserver/object.ts";
import { APPLY, MERGE } from "../client.ts";
import { textAt, version, refused, causes, managers } from "./answers.ts";
import type { Case } from "./case.ts";
import { configMap, container, deployment, OTHER_UID } from "./requests.ts";

/** With a variable of each name. */
function pod(...names: readonly string[]): JsonObject {
  return { spec: { containers: [{ name: "web", image: "i:1", env: names.map((name) => ({ name, value: "1" })) }] } };
}

export const SERVER_SIDE_APPLY: readonly Case[] = [
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
    name: "apply names its object: without a name nothing is created",
    async run({ api, configMaps }) {
      for (const metadata of [undefined, { name: "" }]) {
        const config = { apiVersion: "v1", kind: "ConfigMap", metadata };
        refused(await api.patch(`${configMaps}/a?fieldManager=one`, APPLY, config), 400, "BadRequest");
      }
      await api.post(configMaps, configMap("a"));
      const nameless = await api.patch(`${configMaps}/a?fieldManager=one`, APPLY, {
        apiVersion: "v1",
        kind: "ConfigMap",
      });
      assert.equal(nameless.status, 200, JSON.stringify(nameless.body));
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
  {
    name: "items are in the order of the apply, and those that it does not name come before those that it puts behind them",
    async run({ api, namespace }) {
      const path = `/apis/apps/v1/namespaces/${namespace}/deployments/d`;
      const labels = { app: "web" };
      const spec = {
        selector: { matchLabels: labels },
        template: { metadata: { labels }, ...pod("A", "B", "C", "D") },
      };
      const made = await api.patch(`${path}?fieldManager=one`, APPLY, deployment(spec));
      assert.equal(made.status, 201, JSON.stringify(made.body));
      const ordered = async (...names: readonly string[]): Promise<readonly string[]> => {
        const template = pod(...names);
        const { body } = await api.patch(`${path}?fieldManager=two&dryRun=All`, APPLY, deployment({ template }));
        const containers = at(body, "spec", "template", "spec", "containers");
        const env = isList(containers) ? at(containers[0], "env") : [];
        return isList(env) ? env.map((one) => textAt(one, "name")) : [];
      };
      for (const [given, expected] of [
        ["X B", "A X B C D"],
        ["C X A", "B C D X A"],
        ["X Y", "A B C D X Y"],
        ["D A", "B C D A"],
        ["D X C Y A", "B D X C Y A"],
        ["B A", "B C D A"],
        ["B X D", "A B C X D"],
      ] as const)
        assert.equal((await ordered(...given.split(" "))).join(" "), expected, given);
    },
  },
  {
    name: "what a path cannot write is not owned there and meets no conflict: status, and beside it spec and labels",
    async run({ api, namespace }) {
      const path = `/apis/apps/v1/namespaces/${namespace}/deployments/d`;
      const labels = { app: "web" };
      const spec = {
        replicas: 1,
        selector: { matchLabels: labels },
        template: { metadata: { labels }, ...container("web") },
      };
      const made = await api.patch(`${path}?fieldManager=one`, APPLY, {
        ...deployment(spec),
        metadata: { name: "d", labels },
      });
      assert.equal(made.status, 201, JSON.stringify(made.body));
      const two = {
        ...deployment({ replicas: 2 }),
        metadata: { name: "d", labels: { app: "x" } },
        status: { replicas: 3 },
      };
      const status = await api.patch(`${path}/status?fieldManager=two`, APPLY, two);
      assert.equal(status.status, 200, JSON.stringify(status.body));
      assert.equal(at(status.body, "spec", "replicas"), 1);
      assert.equal(at(status.body, "metadata", "labels", "app"), "web");
      const main = { ...deployment({ paused: true }), status: { replicas: 4 } };
      const paused = await api.patch(`${path}?fieldManager=three`, APPLY, main);
      assert.equal(paused.status, 200, JSON.stringify(paused.body));
      assert.equal(at(paused.body, "status", "replicas"), 3);
      const entries = at(paused.body, "metadata", "managedFields");
      const owned = isList(entries) ? entries.map((entry) => at(entry, "fieldsV1")) : [];
      assert.deepEqual(
        owned
          .slice(-2)
          .map((set) => JSON.stringify(set))
          .toSorted(),
        ['{"f:spec":{"f:paused":{}}}', '{"f:status":{"f:replicas":{}}}'],
      );
    },
  },
];
