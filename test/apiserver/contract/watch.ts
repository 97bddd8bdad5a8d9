/** Watches: events, bookmarks, expiry. */
import assert from "node:assert/strict";
import { at } from "../../../runtime/apiserver/object.ts";
import { MERGE } from "../client.ts";
import { textAt, version, items } from "./answers.ts";
import type { Case } from "./case.ts";
import { configMap, METADATA_ONLY, METADATA_LIST, WATCH_LIST } from "./requests.ts";

export const WATCH: readonly Case[] = [
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
    name: "a watch without a resourceVersion, or with 0, marks the end of the state where bookmarks are allowed",
    async run({ api, configMaps }) {
      await api.post(configMaps, configMap("a"));
      const path = `${configMaps}?watch=1&allowWatchBookmarks=true&fieldSelector=metadata.name%3Da`;
      for (const from of ["", "&resourceVersion=0"]) {
        const watch = await api.watch(path + from);
        const [added, end] = await watch.take(2);
        assert.deepEqual([added?.type, end?.type], ["ADDED", "BOOKMARK"]);
        assert.equal(at(end?.object, "metadata", "annotations", "k8s.io/initial-events-end"), "true");
        await watch.cancel();
      }
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
