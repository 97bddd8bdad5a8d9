/**
 * Free loopback ports below the range that the kernel gives to outgoing connections. From that range it could take the
 * port of a server that is down for a restart, or connect a waiting client to itself.
 */
import { once } from "node:events";
import { createServer } from "node:net";

import { systemClock } from "../../runtime/clock/clock.ts";

const FIRST = 15_000;
const COUNT = 15_000;
/** A port is not taken until its server listens; until then this process alone remembers. */
const given = new Set<number>();

export async function freePort(): Promise<number> {
  for (;;) {
    const port = FIRST + Math.floor(systemClock.random() * COUNT);
    if (given.has(port)) continue;
    given.add(port);
    if (await isFree(port)) return port;
  }
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen(port, "127.0.0.1");
  try {
    await once(server, "listening");
  } catch {
    return false;
  }
  server.close();
  await once(server, "close");
  return true;
}
