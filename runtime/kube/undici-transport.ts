/**
 * The Transport over a network: kept-alive HTTP/1.1 connections, a pool for each lane, credentials on every request.
 * The path of every write: nothing is allocated here that the request does not need.
 */
import manifest from "../../package.json" with { type: "json" };
import type { Credentials, Identity, TlsMaterial } from "./credentials.ts";
import { untilAborted } from "./deadline.ts";
import { codeOf, EvenkeelError } from "./errors.ts";
import { LanePools } from "./lane-pools.ts";
import { receive } from "./received-answer.ts";
import type { Transport, TransportRequest, TransportResponse } from "./transport.ts";
import { unreachable } from "./unreachable.ts";

const USER_AGENT = `evenkeel/${manifest.version} (${process.platform}/${process.arch}) node/${process.versions.node}`;

interface UndiciTransportOptions {
  readonly credentials: Credentials;
  /** Connections of the lane `requests`; fewer than 32 for tests, which have to fill them. */
  readonly connectionCount?: number | undefined;
}

export class UndiciTransport implements Transport {
  readonly host: string;
  readonly #credentials: Credentials;
  readonly #connectionCount: number;
  readonly #server: string;
  readonly #origin: string;
  /** Of a server that is one of several behind an address: `/k8s/clusters/c-1`. */
  readonly #prefix: string;
  #tls: TlsMaterial | undefined;
  #pools: LanePools | undefined;
  /** Pools of former TLS identities, with exchanges that are not over: watches mostly. */
  readonly #retired = new Set<LanePools>();
  #isClosed = false;

  constructor({ credentials, connectionCount = 32 }: UndiciTransportOptions) {
    const url = new URL(credentials.server);
    this.host = url.host;
    this.#credentials = credentials;
    this.#connectionCount = connectionCount;
    this.#server = credentials.server;
    this.#origin = url.origin;
    this.#prefix = url.pathname.replace(/\/+$/, "");
  }

  async send(request: TransportRequest): Promise<TransportResponse> {
    const current = this.#credentials.current();
    const identity = current instanceof Promise ? await untilAborted(current, request.signal) : current;
    try {
      return await this.#authorized(request, identity);
    } catch (error) {
      if (codeOf(error) !== "API_UNTRUSTED") throw error;
      const renewed = await this.#trustRenewed(request, identity);
      if (renewed.tls === identity.tls) throw error;
      return this.#authorized(request, renewed);
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    const all = [...this.#retired, ...(this.#pools === undefined ? [] : [this.#pools])];
    await Promise.all(all.map((pools) => pools.destroy()));
  }

  /** Another identity after a certificate that is not trusted, or `former`. The request can go again: none of it was sent. */
  #trustRenewed({ signal }: TransportRequest, former: Identity): Promise<Identity> {
    const renewed = this.#credentials.renew(former, "untrusted").catch(() => former);
    return untilAborted(renewed, signal);
  }

  async #authorized(request: TransportRequest, identity: Identity): Promise<TransportResponse> {
    const response = await this.#exchange(request, identity);
    return response.status === 401 ? this.#renewed(request, identity, response) : response;
  }

  /** Once, with another identity if there is one; otherwise the refusal stands. */
  async #renewed(request: TransportRequest, refused: Identity, refusal: TransportResponse): Promise<TransportResponse> {
    const renewed = this.#credentials.renew(refused, "refused").catch((cause: unknown) => {
      throw this.#unauthorized(cause);
    });
    const identity = await untilAborted(renewed, request.signal);
    return identity === refused ? refusal : this.#exchange(request, identity);
  }

  /** What the server said counts: a file that is away for the moment of its rotation is no reason to begin anew. */
  #unauthorized(cause: unknown): EvenkeelError {
    const because = cause instanceof EvenkeelError ? cause.what : "they could not be renewed";
    const what = `${this.#server}: the credentials are refused (401), and there are no other: ${because}`;
    return new EvenkeelError("API_UNAUTHORIZED", what, { cause, status: { httpCode: 401, causes: [] } });
  }

  #exchange(request: TransportRequest, { tls, authorization }: Identity): Promise<TransportResponse> {
    const { method, body = null, lane, ending = request.signal } = request;
    const headers = ["user-agent", USER_AGENT];
    if (authorization !== undefined) headers.push("authorization", authorization);
    for (const name in request.headers) headers.push(name, request.headers[name] ?? "");
    // undici would close the connection after a DELETE with a body, which is what carries the preconditions.
    const options = { method, path: this.#prefix + request.path, headers, body, reset: false };
    const toFailure = (error: unknown): unknown => (ending.aborted ? ending.reason : unreachable(this.#server, error));
    try {
      const when = lane === "watches" ? "begun" : "whole";
      return receive(this.#poolsFor(tls).pool(lane), options, { when, ending, toFailure });
    } catch (error) {
      return Promise.reject(toFailure(error));
    }
  }

  /** A change of CA, certificate or key means new connections; those under way end as they would have. */
  #poolsFor(tls: TlsMaterial): LanePools {
    if (this.#isClosed) throw new Error("this client is closed");
    if (this.#pools !== undefined && this.#tls === tls) return this.#pools;
    if (this.#pools !== undefined) this.#retire(this.#pools);
    this.#tls = tls;
    this.#pools = new LanePools(this.#origin, tls, this.#connectionCount);
    return this.#pools;
  }

  #retire(pools: LanePools): void {
    this.#retired.add(pools);
    void pools.close().then(() => this.#retired.delete(pools));
  }
}
