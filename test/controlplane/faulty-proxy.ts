/**
 * A network that fails, between a client and the API server: a TCP proxy on loopback. It does not look inside, so TLS
 * goes through it; the API server's certificate is for 127.0.0.1, which is this proxy's address too.
 *
 *   forwarding --blackhole--> blackholed    open connections and new ones: no byte, no FIN, either way (half-open)
 *   forwarding --refuse-----> refusing      new connections: ECONNREFUSED; open ones live on
 *   any        --stallOpen--> the same      open connections: no byte, no FIN, until healed; new ones are as before
 *   any        --heal-------> forwarding    held bytes go on as after a network that came back
 */
import { once } from "node:events";
import { connect, createServer } from "node:net";
import type { Server, Socket } from "node:net";

import { freePort } from "./free-port.ts";

interface Connection {
  readonly client: Socket;
  /** Absent while the connection was made into a black hole. */
  server?: Socket;
  /** Nothing goes through, either way. */
  isStalled: boolean;
}

export class FaultyProxy {
  readonly port: number;
  readonly #target: URL;
  readonly #connections = new Set<Connection>();
  #listener: Server | undefined;
  #isBlackholed = false;

  /** @param target `https://127.0.0.1:20443` */
  static async start(target: string): Promise<FaultyProxy> {
    const proxy = new FaultyProxy(new URL(target), await freePort());
    await proxy.heal();
    return proxy;
  }

  private constructor(target: URL, port: number) {
    this.#target = target;
    this.port = port;
  }

  /** What clients are given in place of the target. */
  get url(): string {
    return `${this.#target.protocol}//127.0.0.1:${this.port}`;
  }

  get connectionCount(): number {
    return this.#connections.size;
  }

  /** Resets all open connections (RST), both ways. New ones are as before. */
  dropConnections(): void {
    for (const { client, server } of this.#connections) {
      client.resetAndDestroy();
      server?.resetAndDestroy();
    }
  }

  blackhole(): void {
    this.#isBlackholed = true;
    this.stallOpen();
  }

  /** Open connections become half-open, as when a router forgets them. */
  stallOpen(): void {
    for (const connection of this.#connections) stall(connection);
  }

  refuse(): void {
    this.#listener?.close();
    this.#listener = undefined;
  }

  /** Returns when new connections are accepted again. */
  async heal(): Promise<void> {
    this.#isBlackholed = false;
    for (const connection of this.#connections) if (connection.isStalled) this.#forward(connection);
    if (this.#listener !== undefined) return;
    this.#listener = createServer({ allowHalfOpen: true }, (client) => this.#accept(client));
    this.#listener.listen(this.port, "127.0.0.1").unref();
    await once(this.#listener, "listening");
  }

  /** Ends all connections and the proxy. */
  close(): void {
    this.refuse();
    this.dropConnections();
  }

  #accept(client: Socket): void {
    const connection: Connection = { client, isStalled: this.#isBlackholed };
    this.#connections.add(connection);
    client.pause();
    this.#endTogether(client, connection);
    if (!connection.isStalled) this.#forward(connection);
  }

  #forward(connection: Connection): void {
    const { client } = connection;
    connection.isStalled = false;
    connection.server ??= this.#dial(connection);
    client.pipe(connection.server).pipe(client);
  }

  #dial(connection: Connection): Socket {
    const server = connect({ host: this.#target.hostname, port: Number(this.#target.port), allowHalfOpen: true });
    this.#endTogether(server, connection);
    return server;
  }

  /** An end by FIN is passed on by `pipe`; this is for what ends otherwise. */
  #endTogether(socket: Socket, connection: Connection): void {
    socket.on("error", () => undefined); // `close` follows
    socket.on("close", (hadError) => {
      this.#connections.delete(connection);
      if (!hadError) return;
      connection.client.resetAndDestroy();
      connection.server?.resetAndDestroy();
    });
  }
}

function stall(connection: Connection): void {
  const { client, server } = connection;
  connection.isStalled = true;
  if (server === undefined) return;
  client.unpipe(server).pause();
  server.unpipe(client).pause();
}
