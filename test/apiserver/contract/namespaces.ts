/** Namespaces and their end. */
import assert from "node:assert/strict";
import { at } from "../../../runtime/apiserver/object.ts";
import { MERGE } from "../client.ts";
import { refused, causes } from "./answers.ts";
import type { Case } from "./case.ts";
import { configMap } from "./requests.ts";

export const NAMESPACES: readonly Case[] = [
  {
    name: "a namespace that is deleted takes its content with it; meanwhile creates are 403 NamespaceTerminating",
    async run({ api, configMaps, namespace, wait }) {
      await api.post(configMaps, configMap("held", { metadata: { finalizers: ["example.com/hold"] } }));
      await api.post(configMaps, configMap("free"));
      const marked = await api.delete(`/api/v1/namespaces/${namespace}`);
      assert.equal(at(marked.body, "status", "phase"), "Terminating");
      const late = await api.post(configMaps, configMap("late"));
      refused(late, 403, "Forbidden");
      assert.deepEqual(causes(late), ["NamespaceTerminating metadata.namespace"]);
      assert.equal((await api.patch(`${configMaps}/held`, MERGE, { data: { x: "1" } })).status, 200);
      await eventually(wait, async () => (await api.get(`${configMaps}/free`)).status === 404);
      assert.equal((await api.get(`${configMaps}/held`)).status, 200);
      await api.patch(`${configMaps}/held`, MERGE, { metadata: { finalizers: null } });
      await eventually(wait, async () => (await api.get(`/api/v1/namespaces/${namespace}`)).status === 404);
    },
  },
  {
    name: "default, kube-system and kube-public cannot be deleted",
    async run({ api }) {
      for (const name of ["default", "kube-system", "kube-public"])
        refused(await api.delete(`/api/v1/namespaces/${name}`), 403, "Forbidden");
    },
  },
  {
    name: "a namespace carries its name as a label, which cannot be taken off",
    async run({ api, namespace }) {
      const label = "kubernetes.io/metadata.name";
      const patched = await api.patch(`/api/v1/namespaces/${namespace}`, MERGE, {
        metadata: { labels: { [label]: null } },
      });
      assert.equal(at(patched.body, "metadata", "labels", label), namespace);
    },
  },
  {
    name: "what a namespace waits for is a qualified name",
    async run({ api }) {
      const namespace = { metadata: { name: "unqualified" }, spec: { finalizers: ["bad"] } };
      refused(await api.post("/api/v1/namespaces", namespace), 422, "Invalid");
    },
  },
];

async function eventually(wait: (ms: number) => Promise<void>, holds: () => Promise<boolean>): Promise<void> {
  for (let turn = 0; turn < 60; turn++) {
    if (await holds()) return;
    await wait(500);
  }
  assert.fail("not within 30 seconds");
}
