/** Patches: merge, strategic and JSON. */
import assert from "node:assert/strict";
import { at, isList } from "../../../runtime/apiserver/object.ts";
import { JSON_PATCH, MERGE, STRATEGIC } from "../client.ts";
import { textAt, version, uidOf, refused, causes } from "./answers.ts";
import type { Case } from "./case.ts";
import { configMap, containers } from "./requests.ts";

export const PATCH: readonly Case[] = [
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
