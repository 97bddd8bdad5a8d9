/** Update: preconditions, what cannot change, no-ops. */
import assert from "node:assert/strict";
import { MERGE } from "../client.ts";
import { version, uidOf, refused, causes } from "./answers.ts";
import type { Case } from "./case.ts";
import { configMap, OTHER_UID } from "./requests.ts";

export const UPDATE: readonly Case[] = [
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
