/** Status and scale. */
import assert from "node:assert/strict";
import { at } from "../../../runtime/apiserver/object.ts";
import { MERGE } from "../client.ts";
import { version, refused } from "./answers.ts";
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
];
