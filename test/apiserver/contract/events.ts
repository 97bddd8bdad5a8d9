/** Events: two versions of the same objects, of which the newer is the stricter. */
import assert from "node:assert/strict";
import { type JsonObject, at, isList } from "../../../runtime/apiserver/object.ts";
import { MERGE } from "../client.ts";
import { causes, refused } from "./answers.ts";
import type { Case } from "./case.ts";

const MODERN: JsonObject = {
  metadata: { name: "e" },
  eventTime: "2020-01-01T00:00:00.000000Z",
  reportingController: "a.b/c",
  reportingInstance: "i",
  action: "A",
  reason: "R",
  type: "Normal",
  note: "n",
};

export const EVENTS: readonly Case[] = [
  {
    name: "an Event's times and its reporter are there, as null and as empty, and what else is empty is not",
    async run({ api, namespace }) {
      const event = { metadata: { name: "e" }, involvedObject: { namespace }, reason: "", count: 0 };
      const made = await api.post(`/api/v1/namespaces/${namespace}/events`, event);
      const { metadata, ...rest } = made.body;
      assert.deepEqual(rest, {
        apiVersion: "v1",
        kind: "Event",
        involvedObject: { namespace },
        source: {},
        firstTimestamp: null,
        lastTimestamp: null,
        eventTime: null,
        reportingComponent: "",
        reportingInstance: "",
      });
      const entries = at(metadata, "managedFields");
      assert.deepEqual(isList(entries) ? at(entries[0], "fieldsV1") : entries, { "f:involvedObject": {} });
      const modern = await api.get(`/apis/events.k8s.io/v1/namespaces/${namespace}/events/e`);
      const { metadata: same, ...renamed } = modern.body;
      assert.deepEqual(same, metadata);
      assert.deepEqual(renamed, {
        apiVersion: "events.k8s.io/v1",
        kind: "Event",
        regarding: { namespace },
        deprecatedSource: {},
        deprecatedFirstTimestamp: null,
        deprecatedLastTimestamp: null,
        eventTime: null,
      });
    },
  },
  {
    name: "a core Event may have any name that can stand in a path, one of events.k8s.io a subdomain",
    async run({ api, namespace }) {
      const core = `/api/v1/namespaces/${namespace}/events`;
      assert.equal((await api.post(core, { metadata: { name: "A:b" }, involvedObject: { namespace } })).status, 201);
      refused(await api.post(core, { metadata: { name: "a%b" }, involvedObject: { namespace } }), 422, "Invalid");
      const modern = { ...MODERN, metadata: { name: "A:b" }, regarding: { namespace } };
      const answer = await api.post(`/apis/events.k8s.io/v1/namespaces/${namespace}/events`, modern);
      refused(answer, 422, "Invalid");
      assert.deepEqual(causes(answer), ["FieldValueInvalid metadata.name"]);
    },
  },
  {
    name: "an Event of events.k8s.io says when, by whom and of which type, and keeps to the fields of today",
    async run({ api, namespace }) {
      const path = `/apis/events.k8s.io/v1/namespaces/${namespace}/events`;
      const faults = async (changes: JsonObject): Promise<readonly string[]> =>
        causes(await api.post(path, { ...MODERN, regarding: { namespace }, ...changes }));
      assert.deepEqual(await faults({ eventTime: null }), ["FieldValueRequired eventTime"]);
      assert.deepEqual(await faults({ type: "Other" }), ["FieldValueInvalid type"]);
      assert.deepEqual(await faults({ reportingInstance: "" }), ["FieldValueRequired reportingInstance"]);
      assert.deepEqual(await faults({ action: "a".repeat(129) }), ["FieldValueInvalid action"]);
      assert.deepEqual(await faults({ reportingController: "a b" }), ["FieldValueInvalid reportingController"]);
      assert.deepEqual(await faults({ deprecatedCount: 1 }), ["FieldValueInvalid count"]);
      assert.deepEqual(await faults({ deprecatedSource: { host: "h" } }), ["FieldValueInvalid source"]);
      assert.deepEqual(await faults({ series: { count: 1 } }), [
        "FieldValueInvalid series.count",
        "FieldValueRequired series.lastObservedTime",
      ]);
      assert.deepEqual(await faults({}), []);
    },
  },
  {
    name: "of an Event of events.k8s.io only the series changes; the older version changes what it likes",
    async run({ api, namespace }) {
      const path = `/apis/events.k8s.io/v1/namespaces/${namespace}/events`;
      await api.post(path, { ...MODERN, regarding: { namespace } });
      const note = await api.patch(`${path}/e`, MERGE, { note: "m" });
      refused(note, 422, "Invalid");
      assert.deepEqual(causes(note), ["FieldValueInvalid message"]);
      const series = { count: 2, lastObservedTime: "2020-01-01T00:00:01.000000Z" };
      assert.equal((await api.patch(`${path}/e`, MERGE, { series })).status, 200);
      const core = await api.patch(`/api/v1/namespaces/${namespace}/events/e`, MERGE, { message: "m" });
      assert.equal(core.status, 200, JSON.stringify(core.body));
    },
  },
];
