/**
 * Where TLS ends, as at a load balancer, and begins anew to the API server. Its certificate is replaced in an instant: an
 * API server that is restarted for that is away for half of a lease's time, and one that is not goes on to resume sessions.
 */
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { connect, createServer, type Server, type TLSSocket } from "node:tls";
import { selfSigned, type Certificate } from "../kube/certificate.ts";

export class TlsFront {
  readonly #server: Server;
  readonly #sockets = new Set<TLSSocket>();
  #certificate: Certificate;

  /** @param ca what proves the API server at `target` */
  static async start(target: string, ca: string): Promise<TlsFront> {
    const front = new TlsFront(new URL(target), ca);
    front.#server.listen(0, "127.0.0.1").unref();
    await once(front.#server, "listening");
    return front;
  }

  private constructor(target: URL, ca: string) {
    this.#certificate = selfSigned();
    this.#server = createServer(this.#certificate, (client) => {
      const server = connect({ host: target.hostname, port: Number(target.port), ca });
      this.#endTogether(client, server);
      client.pipe(server).pipe(client);
    });
    this.#server.on("tlsClientError", () => undefined); // the client that does not trust us says so itself
  }

  get url(): string {
    const { port } = this.#server.address() as AddressInfo;
    return `https://127.0.0.1:${port}`;
  }

  /** What proves the front now. */
  get ca(): string {
    return this.#certificate.cert;
  }

  /** Another certificate, of another authority, for all connections: those that are open are reset. */
  replaceCertificate(): void {
    this.#certificate = selfSigned();
    this.#server.setSecureContext(this.#certificate);
    this.#reset();
  }

  close(): void {
    this.#server.close();
    this.#reset();
  }

  #reset(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  #endTogether(...sockets: readonly TLSSocket[]): void {
    for (const socket of sockets) {
      this.#sockets.add(socket);
      socket.on("error", () => undefined); // `close` follows
      socket.on("close", () => {
        this.#sockets.delete(socket);
        for (const other of sockets) other.destroy();
      });
    }
  }
}
