/** What each fault looks like from the client's end, on plain TCP. That TLS passes, control-plane.test.ts shows. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer } from "node:net";
import type { Server, Socket } from "node:net";
import { afterEach, beforeEach, suite, test } from "node:test";

import { FaultyProxy } from "./faulty-proxy.ts";
import { freePort } from "./free-port.ts";
import { until } from "../support/wait.ts";

suite("a faulty proxy", () => {
  let echo: Server;
  let echoPort: number;
  let proxy: FaultyProxy;
  let heard: string;
  const clients = new Set<Client>();

  beforeEach(async () => {
    heard = "";
    echoPort = await freePort();
    echo = createServer((socket) => {
      socket.on("error", () => undefined);
      socket.on("data", (bytes) => (heard += bytes.toString())).pipe(socket);
    }).listen(echoPort, "127.0.0.1");
    await once(echo, "listening");
    proxy = await FaultyProxy.start(`tcp://127.0.0.1:${echoPort}`);
  });

  afterEach(async () => {
    for (const { socket } of clients) socket.destroy();
    clients.clear();
    proxy.close();
    echo.close();
    await once(echo, "close");
  });

  const dial = async (): Promise<Client> => {
    const client = new Client(proxy.port);
    clients.add(client);
    await once(client.socket, "connect");
    return client;
  };

  test("forwards both ways", async () => {
    const client = await dial();
    await client.says("hello");
    await client.hears("hello");
  });

  test("passes the end of a stream on", async () => {
    const client = await dial();
    client.socket.end("last");
    await client.hears("last");
    await until(() => client.isClosed, { what: "the end comes back" });
    assert.equal(client.error, undefined);
  });

  test("drops open connections with a reset, and takes new ones", async () => {
    const client = await dial();
    await client.says("hello");
    await client.hears("hello");
    proxy.dropConnections();
    await until(() => client.isClosed, { what: "the reset arrives" });
    assert.equal(client.error, "ECONNRESET");
    const next = await dial();
    await next.says("again");
    await next.hears("again");
  });

  test("swallows in a black hole what open and new connections send, and delivers it when healed", async () => {
    const open = await dial();
    await open.says("before ");
    await open.hears("before ");
    proxy.blackhole();
    const late = await dial();
    await open.says("during ");
    await late.says("late ");
    // Two round trips to the same server past the proxy: what was on its way would have come.
    for (let i = 0; i < 2; i++) await roundTrip(echoPort);
    assert.deepEqual([heard.replaceAll("?", ""), open.heard, late.heard], ["before ", "before ", ""]);
    assert.deepEqual([open.isClosed, late.isClosed, proxy.connectionCount], [false, false, 2]);
    await proxy.heal();
    await open.hears("before during ");
    await late.hears("late ");
  });

  test("stalls open connections alone, until healed", async () => {
    const open = await dial();
    await open.says("before ");
    await open.hears("before ");
    proxy.stallOpen();
    await open.says("during ");
    const next = await dial();
    await next.says("new ");
    await next.hears("new ");
    assert.deepEqual([open.heard, open.isClosed], ["before ", false]);
    await proxy.heal();
    await open.hears("before during ");
    await next.says("once");
    await next.hears("new once");
  });

  test("refuses new connections and leaves open ones alone, until healed", async () => {
    const open = await dial();
    await open.says("a");
    await open.hears("a");
    proxy.refuse();
    await assert.rejects(dial(), { code: "ECONNREFUSED" });
    await open.says("b");
    await open.hears("ab");
    await proxy.heal();
    const next = await dial();
    await next.says("c");
    await next.hears("c");
    await open.says("d");
    await open.hears("abd");
  });
});

class Client {
  readonly socket: Socket;
  heard = "";
  isClosed = false;
  /** `ECONNRESET` */
  error: string | undefined;

  constructor(port: number) {
    this.socket = connect({ host: "127.0.0.1", port });
    this.socket.on("data", (bytes) => (this.heard += bytes.toString()));
    this.socket.on("error", (error: NodeJS.ErrnoException) => (this.error = error.code));
    this.socket.on("close", () => (this.isClosed = true));
  }

  says(text: string): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.socket.write(text, () => resolve());
    return promise;
  }

  async hears(text: string): Promise<void> {
    await until(() => this.heard === text, { what: text, everyMs: 5 });
  }
}

async function roundTrip(port: number): Promise<void> {
  const client = new Client(port);
  await client.says("?");
  await client.hears("?");
  client.socket.destroy();
}
