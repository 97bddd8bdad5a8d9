/** A cluster that cannot give every function what it reads: the others work all the same. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { tempFolder } from "../support/temp-folder.ts";
import { apiServer } from "./api-server.ts";
import { greeting } from "./greeting.ts";
import { HostProcess } from "./host-process.ts";

const NEEDY = `import { ConfigMap, defineFunction, kind } from "#evenkeel";
export default defineFunction({ watches: ConfigMap, reads: [kind("v1", "Secret")], reconcile: () => ({}) });
`;

test("a kind that the server fails to list keeps no function from its work that does not need it", async (context) => {
  const server = await apiServer(context, ({ url }) =>
    Promise.resolve(url.includes("/secrets") ? new Response("the webhook is down", { status: 500 }) : undefined),
  );
  const files = { "greet.ts": greeting("hello"), "needy.ts": NEEDY };
  const functions = await tempFolder(context, files);
  const folder = await tempFolder(context, { "kubeconfig.yaml": server.kubeconfig });
  const args = ["--functions", functions.path, "--kubeconfig", "kubeconfig.yaml", "--no-leader-elect"];
  const host = new HostProcess(context, { args, cwd: folder.path });
  assert.equal(await server.greeting(), "hello");
  await host.waitForLine(/"the cache cannot be filled.*"neededBy":\["needy"\]/);
  await host.readyIs(500, "caches");
  await host.stop();
});
