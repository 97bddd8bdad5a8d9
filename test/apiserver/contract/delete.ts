/** Delete, and delete of a collection. */
import assert from "node:assert/strict";
import { type JsonObject, at } from "../../../runtime/apiserver/object.ts";
import { MERGE } from "../client.ts";
import { version, uidOf, names, refused, textAt } from "./answers.ts";
import type { Case } from "./case.ts";
import { configMap, OTHER_UID } from "./requests.ts";

export const DELETE: readonly Case[] = [
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
  {
    name: "deletecollection with a limit deletes one page, and a token that is none deletes nothing",
    async run({ api, configMaps }) {
      for (const name of ["a", "b", "c"])
        await api.post(configMaps, configMap(name, { metadata: { labels: { page: "1" } } }));
      const path = `${configMaps}?labelSelector=page`;
      refused(await api.delete(`${path}&continue=x`), 400, "BadRequest");
      const first = await api.delete(`${path}&limit=2`);
      assert.deepEqual(names(first), ["a", "b"]);
      assert.deepEqual(names(await api.get(path)), ["c"]);
      const token = textAt(first.body, "metadata", "continue");
      const second = await api.delete(`${path}&limit=2&continue=${encodeURIComponent(token)}`);
      assert.deepEqual(names(second), ["c"]);
      assert.equal(textAt(second.body, "metadata", "continue"), "");
      assert.deepEqual(names(await api.get(path)), []);
    },
  },
  {
    name: "a uid and a resourceVersion in the query of a delete guard it",
    async run({ api, configMaps }) {
      const made = await api.post(configMaps, configMap("a", { metadata: { labels: { go: "yes" } } }));
      refused(await api.delete(`${configMaps}/a?uid=${OTHER_UID}`), 409, "Conflict");
      refused(await api.delete(`${configMaps}/a?resourceVersion=1`), 409, "Conflict");
      refused(await api.delete(`${configMaps}?labelSelector=go&resourceVersion=0`), 409, "Conflict");
      const guards = `uid=${uidOf(made)}&resourceVersion=${version(made)}`;
      assert.equal((await api.delete(`${configMaps}/a?${guards}`)).status, 200);
    },
  },
  {
    name: "a dry run shows the mark of a deletion, and sets none",
    async run({ api, configMaps }) {
      await api.post(configMaps, configMap("a", { metadata: { finalizers: ["example.com/hold"] } }));
      const shown = await api.delete(`${configMaps}/a?dryRun=All`);
      assert.equal(typeof at(shown.body, "metadata", "deletionTimestamp"), "string");
      assert.equal(at((await api.get(`${configMaps}/a`)).body, "metadata", "deletionTimestamp"), undefined);
    },
  },
];
