/** One HTTP server of the host: bounded in time, closed promptly, and plain or with TLS. No request body is ever read. */
import { createServer, type RequestListener, type Server } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { Socket } from "node:net";
import { getRequestListener } from "@hono/node-server";
import type { Hono } from "hono";
import type { Clock } from "../clock/clock.ts";
import { EvenkeelError, systemCode } from "../kube/errors.ts";
import { formatAddress } from "./addresses.ts";
import type { Address } from "./given-settings.ts";
import type { ServingCertificate } from "./serving-certificate.ts";

export interface Listener {
  /** Where it listens now: with the port that was picked when 0 was asked for. */
  readonly address: Address;
  /** Answers under way may finish for a moment; then every connection is closed. */
  close(): Promise<void>;
}

interface ListenerOptions {
  readonly clock: Clock;
  /** What to change when the address cannot be had: `--address`. */
  readonly flag: string;
  /** Absent: plain HTTP. */
  readonly certificate?: ServingCertificate | undefined;
}

/** A client never needs more to ask; a slow one holds a connection not much longer. */
const REQUEST_MS = 10_000;
const CLOSE_MS = 250;
const limits = {
  requestTimeout: REQUEST_MS,
  headersTimeout: REQUEST_MS,
  keepAliveTimeout: REQUEST_MS,
  // So much later is a slow one noticed. Node's own is half a minute; each look wakes the process up.
  connectionsCheckingInterval: 5_000,
};

/**
 * Listens; resolves when connections are taken.
 * @throws EvenkeelError FLAG_INVALID when the address is in use, not ours or not allowed; its cause has Node's `code`.
 */
export async function listen(
  app: Hono,
  address: Address,
  { clock, flag, certificate }: ListenerOptions,
): Promise<Listener> {
  // The listener would otherwise replace the process's own Request and Response.
  const answer = getRequestListener(app.fetch, { overrideGlobalObjects: false });
  const server = makeServer((request, response) => void answer(request, response), certificate);
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once("error", reject);
  // Of our own: closeAllConnections knows none that is in the midst of its TLS handshake.
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  // Without a host Node listens on every interface, IPv6 and IPv4.
  server.listen(address.host === "" ? { port: address.port } : { host: address.host, port: address.port }, resolve);
  try {
    await promise;
  } catch (error) {
    throw cannotListen(address, flag, error);
  }
  server.removeListener("error", reject);
  const bound = server.address();
  const port = typeof bound === "object" && bound !== null ? bound.port : address.port;
  return { address: { host: address.host, port }, close: () => close(server, sockets, clock) };
}

function makeServer(answer: RequestListener, certificate: ServingCertificate | undefined): Server {
  if (certificate === undefined) return createServer(limits, answer);
  const secure = { handshakeTimeout: REQUEST_MS, minVersion: "TLSv1.2" } as const;
  const server = createTlsServer({ ...limits, ...secure, ...certificate.current }, answer);
  // Connections that are open keep theirs; each new one gets the newest.
  const stop = certificate.onChange((material) => server.setSecureContext({ ...material, minVersion: "TLSv1.2" }));
  server.once("close", stop);
  return server;
}

const listenErrors: Readonly<Record<string, string>> = {
  EADDRINUSE: "is in use by another process",
  EADDRNOTAVAIL: "is no address of this machine",
  EACCES: "needs more rights; ports from 1024 on do not",
  ENOTFOUND: "names no host",
};

function cannotListen(address: Address, flag: string, error: unknown): EvenkeelError {
  const code = systemCode(error) ?? "";
  const what = listenErrors[code] ?? `cannot be listened on (${code})`;
  return new EvenkeelError("FLAG_INVALID", `${flag} ${formatAddress(address)} ${what}`, { cause: error });
}

function close(server: Server, sockets: ReadonlySet<Socket>, clock: Clock): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = clock.after(CLOSE_MS, () => {
    for (const socket of sockets) socket.destroy();
  });
  server.close(() => {
    timer.cancel();
    resolve();
  });
  return promise;
}
