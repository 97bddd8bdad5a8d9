/** Status and scale. */
import assert from "node:assert/strict";
import { at, isList } from "../../../runtime/apiserver/object.ts";
import { APPLY, MERGE } from "../client.ts";
import { causes, version, refused } from "./answers.ts";
import type { Case } from "./case.ts";

export const SUBRESOURCES: readonly Case[] = [
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
  {
    name: "scale takes an apply, which owns the replica count, and shows itself as a table",
    async run({ api, namespace }) {
      const path = `/apis/apps/v1/namespaces/${namespace}/deployments`;
      const labels = { app: "web" };
      const template = { metadata: { labels }, spec: { containers: [{ name: "web", image: "web:1" }] } };
      const spec = { replicas: 2, selector: { matchLabels: labels }, template };
      await api.post(`${path}?fieldManager=one`, { metadata: { name: "d" }, spec });
      const scale = {
        apiVersion: "autoscaling/v1",
        kind: "Scale",
        metadata: { name: "d" },
        spec: { replicas: 6 },
      };
      const conflict = await api.patch(`${path}/d/scale?fieldManager=two`, APPLY, scale);
      refused(conflict, 409, "Conflict");
      assert.deepEqual(causes(conflict), ["FieldManagerConflict .spec.replicas"]);
      const forced = await api.patch(`${path}/d/scale?fieldManager=two&force=true`, APPLY, scale);
      assert.equal(forced.status, 200, JSON.stringify(forced.body));
      assert.equal(at(forced.body, "spec", "replicas"), 6);
      const entries = at((await api.get(`${path}/d`)).body, "metadata", "managedFields");
      const own = isList(entries) ? entries.find((entry) => at(entry, "subresource") === "scale") : undefined;
      assert.deepEqual(
        [at(own, "manager"), at(own, "operation"), at(own, "apiVersion"), at(own, "fieldsV1")],
        ["two", "Apply", "apps/v1", { "f:spec": { "f:replicas": {} } }],
      );
      refused(
        await api.patch(`${path}/none/scale?fieldManager=two`, APPLY, { ...scale, metadata: { name: "none" } }),
        404,
        "NotFound",
      );
      const table = await api.get(`${path}/d/scale`, "application/json;as=Table;v=v1;g=meta.k8s.io");
      const rows = table.body["rows"];
      const cells = isList(rows) ? at(rows[0], "cells") : undefined;
      assert.deepEqual(isList(cells) ? cells.slice(0, 3) : cells, ["d", 6, 0]);
    },
  },
];
