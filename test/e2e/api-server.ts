/** An embedded API server of the test's own, on loopback, whose answers the test may hold up or replace. */
import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { listen } from "../../runtime/apiserver/listener.ts";
import { createApiServer } from "../../runtime/apiserver/server.ts";
import { systemClock } from "../../runtime/clock/clock.ts";
import { until } from "../support/wait.ts";

export interface ApiServer {
  /** As YAML. */
  readonly kubeconfig: string;
  /** @param path of the collection */
  create(path: string, object: object): Promise<void>;
  /** What the first greeting says that is there; see greeting.ts. */
  greeting(): Promise<string>;
}

const BASE = "http://127.0.0.1";
const CONFIG_MAPS = "/api/v1/namespaces/default/configmaps";

/**
 * It holds one ConfigMap to be greeted.
 * @param between what a client gets instead of the answer, or waits for before it
 */
export async function apiServer(
  context: TestContext,
  between: (request: Request) => Promise<Response | undefined>,
): Promise<ApiServer> {
  const server = createApiServer({ clock: systemClock });
  const listening = await listen(async (request) => (await between(request)) ?? server.fetch(request), {
    host: "127.0.0.1",
    port: 0,
  });
  context.after(async () => {
    await listening.close();
    await server.close();
  });
  const create = async (path: string, object: object): Promise<void> => {
    const headers = { "content-type": "application/json" };
    const request = new Request(`${BASE}${path}`, { method: "POST", headers, body: JSON.stringify(object) });
    assert.equal((await server.fetch(request)).status, 201);
  };
  await create(CONFIG_MAPS, { metadata: { name: "source", labels: { mirror: "true" } } });
  const greeting = async (): Promise<string | undefined> => {
    const answer = await server.fetch(new Request(`${BASE}${CONFIG_MAPS}/greeting`));
    const { data } = (await answer.json()) as { readonly data?: { readonly says: string } };
    return data?.says;
  };
  return {
    kubeconfig: server.kubeconfig(listening.url),
    create,
    greeting: () => until(greeting, { what: "a greeting is there" }),
  };
}
