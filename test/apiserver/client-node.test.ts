/** The client that most of JavaScript uses, with the kubeconfig of the embedded server. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { CoreV1Api, KubeConfig } from "@kubernetes/client-node";
import { world } from "./world.ts";

test("client-node creates and lists ConfigMaps", async (context) => {
  const { server } = world();
  context.after(() => server.close());
  const { url } = await server.listen({ host: "127.0.0.1", port: 0 });
  const config = new KubeConfig();
  config.loadFromString(server.kubeconfig(url));
  const api = config.makeApiClient(CoreV1Api);
  await api.createNamespacedConfigMap({ namespace: "default", body: { metadata: { name: "a" } } });
  const { items } = await api.listNamespacedConfigMap({ namespace: "default" });
  assert.deepEqual(
    items.map(({ metadata }) => metadata?.name),
    ["a"],
  );
});
