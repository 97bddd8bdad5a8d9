/** Metadata-only answers, and managed metadata. */
import assert from "node:assert/strict";
import { asObject, at, isList } from "../../../runtime/apiserver/object.ts";
import { MERGE } from "../client.ts";
import { items, refused, textAt, version } from "./answers.ts";
import type { Case } from "./case.ts";
import { configMap, METADATA_ONLY, METADATA_LIST, WATCH_LIST } from "./requests.ts";

export const METADATA: readonly Case[] = [
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
  {
    name: "of more than ten managers that update, the oldest become one, and no field loses its owner",
    async run({ api, configMaps }) {
      const keys = Array.from({ length: 15 }, (_, i) => `k${i}`);
      await api.post(`${configMaps}?fieldManager=made`, configMap("a", { metadata: { labels: { made: "1" } } }));
      for (const key of keys) await api.patch(`${configMaps}/a?fieldManager=${key}`, MERGE, { data: { [key]: "1" } });
      const { body } = await api.get(`${configMaps}/a`);
      const entries = at(body, "metadata", "managedFields");
      assert.ok(isList(entries));
      assert.equal(entries.length, 10);
      const ancient = entries.filter((entry) => at(entry, "manager") === "ancient-changes");
      assert.equal(ancient.length, 1);
      assert.deepEqual(Object.keys(ancient[0] ?? {}).toSorted(), [
        "apiVersion",
        "fieldsType",
        "fieldsV1",
        "manager",
        "operation",
        "time",
      ]);
      const owned = entries.flatMap((entry) => Object.keys(asObject(at(entry, "fieldsV1", "f:data"))));
      assert.deepEqual(owned.filter((field) => field !== ".").toSorted(), keys.map((key) => `f:${key}`).toSorted());
    },
  },
  {
    name: "an owner is named once, with a warning, and is no Event; two ways to delete exclude each other",
    async run({ api, configMaps }) {
      const owner = { apiVersion: "v1", kind: "Node", name: "n", uid: "u" };
      const twice = await api.post(configMaps, configMap("a", { metadata: { ownerReferences: [owner, owner] } }));
      assert.deepEqual(at(twice.body, "metadata", "ownerReferences"), [owner]);
      assert.match(twice.headers.get("warning") ?? "", /contains duplicate entries.* observed: u"$/);
      for (const metadata of [
        { ownerReferences: [{ ...owner, kind: "Event" }] },
        { finalizers: ["orphan", "foregroundDeletion"] },
      ])
        refused(await api.post(configMaps, configMap("b", { metadata })), 422, "Invalid");
    },
  },
];
