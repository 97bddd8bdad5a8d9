/**
 * Serves a fetch handler on a socket, and stops promptly: open watches do not keep it waiting.
 *
 * Who reaches the port may do everything, so a web page must not reach it: requests that a browser made for a page are
 * refused, and on loopback also those for another host name (DNS rebinding).
 */
import { once } from "node:events";
import { Server } from "node:http";
import { setImmediate } from "node:timers/promises";
import { serve } from "@hono/node-server";
import { failure } from "./dispatch.ts";
import { ApiError } from "./status.ts";

type Fetch = (request: Request) => Promise<Response>;

export interface Listening {
  /** `http://127.0.0.1:39211` */
  readonly url: string;
  close(): Promise<void>;
}

const LOOPBACK = new Set(["127.0.0.1", "[::1]", "localhost"]);

/** Longer than clients keep one (Go 90 s): of two that close it at once the client loses the request that it then sends. */
const IDLE_MS = 95_000;

/** @param port 0 = any free port. @throws the error of the socket: EADDRINUSE, EACCES. */
export async function listen(
  fetch: Fetch,
  { host, port }: { readonly host: string; readonly port: number },
): Promise<Listening> {
  const name = host.includes(":") ? `[${host}]` : host;
  const served = { fetch: guarded(fetch, name), hostname: host, port, overrideGlobalObjects: false };
  const server = serve({ ...served, serverOptions: { keepAliveTimeout: IDLE_MS } });
  if (!(server instanceof Server)) throw new TypeError("the HTTP server is not one of node:http");
  await once(server, "listening");
  const address = server.address();
  const bound = typeof address === "object" && address !== null ? address.port : port;
  return {
    url: `http://${name}:${bound}`,
    close: () => closed(server),
  };
}

/** Turns of the event loop in which responses that have ended may reach their clients. */
const GRACE_TURNS = 20;

async function closed(server: Server): Promise<void> {
  const done = once(server, "close");
  server.close();
  for (let turn = 0; turn < GRACE_TURNS; turn++) {
    await setImmediate();
    server.closeIdleConnections();
  }
  server.closeAllConnections();
  await done;
}

function guarded(fetch: Fetch, listensOn: string): Fetch {
  return async (request) => {
    const fromPage = request.headers.has("origin") || request.headers.has("sec-fetch-site");
    const { hostname } = new URL(request.url);
    const wrongHost = LOOPBACK.has(listensOn) && !LOOPBACK.has(hostname);
    if (!fromPage && !wrongHost) return fetch(request);
    return failure(new ApiError(403, "Forbidden", "requests from web pages are not served"));
  };
}
