/** A fresh embedded server in virtual time, and a client of it. */
import { type ApiServerOptions, type EmbeddedApiServer, createApiServer } from "../../runtime/apiserver/server.ts";
import { VirtualClock } from "../support/virtual-clock.ts";
import { ApiClient } from "./client.ts";

export interface World {
  readonly clock: VirtualClock;
  readonly server: EmbeddedApiServer;
  readonly api: ApiClient;
}

export function world(options: Partial<ApiServerOptions> = {}): World {
  const clock = new VirtualClock();
  const server = createApiServer({ clock, ...options });
  return { clock, server, api: new ApiClient((request) => server.fetch(request)) };
}
