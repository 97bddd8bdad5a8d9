/** The contract on a real kube-apiserver: what keeps the embedded one honest. */
import { readFile } from "node:fs/promises";
import { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { test } from "node:test";
import { Agent, request as send } from "undici";
import type { ControlPlane } from "../controlplane/control-plane.ts";
import { describeOnControlPlane } from "../controlplane/on-control-plane.ts";
import { ApiClient, type Send } from "./client.ts";
import { CONTRACT } from "./contract.ts";
import { roomIn } from "./contract/case.ts";

describeOnControlPlane("a real kube-apiserver", { controllers: ["namespace-controller"] }, (controlPlane) => {
  let count = 0;
  for (const [part, cases] of Object.entries(CONTRACT))
    for (const { name, run } of cases)
      test(`${part}: ${name}`, async () => {
        const { fetch, close } = await connect(controlPlane());
        await run(await roomIn({ client: new ApiClient(fetch), wait: sleep }, ++count));
        await close();
      });
});

async function connect({
  url,
  caFile,
  adminToken,
}: ControlPlane): Promise<{ readonly fetch: Send; readonly close: () => Promise<void> }> {
  const dispatcher = new Agent({ connect: { ca: await readFile(caFile) } });
  return {
    async fetch(request) {
      const { pathname, search } = new URL(request.url);
      const body = Buffer.from(await request.arrayBuffer());
      const response = await send(url + pathname + search, {
        method: request.method as "GET",
        headers: { ...Object.fromEntries(request.headers), authorization: `Bearer ${adminToken}` },
        ...(body.length > 0 ? { body } : {}),
        dispatcher,
      });
      const headers = new Headers();
      for (const [name, value] of Object.entries(response.headers))
        for (const one of [value ?? []].flat()) headers.append(name, one);
      return new Response(Readable.toWeb(response.body), { status: response.statusCode, headers });
    },
    close: () => dispatcher.destroy(),
  };
}
