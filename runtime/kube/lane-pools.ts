/** The connections to one server under one TLS identity: a pool for each lane, opened when first used. */
import { createSecureContext, type SecureContext } from "node:tls";
import type { TlsMaterial } from "./credentials.ts";
import type { Lane } from "./transport.ts";
import { Pool } from "./undici.ts";

/** Longer than any pause between two reconciles that should not cost a handshake; shorter than the server's own limit. */
const KEEP_ALIVE_MS = 60_000;

/** The probes that find out about a peer that is gone without a word. Source: client-go transport/cache.go, 30 s. */
const TCP_KEEP_ALIVE_MS = 30_000;

interface LaneLimits {
  /** null: as many as there are exchanges. */
  readonly connections: number | null;
  readonly connectTimeoutMs: number;
}

export class LanePools {
  readonly #origin: string;
  readonly #tls: TlsMaterial;
  readonly #limits: Readonly<Record<Lane, LaneLimits>>;
  readonly #pools = new Map<Lane, Pool>();
  #secureContext: SecureContext | undefined;

  /** @param requestConnections how many connections the lane `requests` may have */
  constructor(origin: string, tls: TlsMaterial, requestConnections: number) {
    this.#origin = origin;
    this.#tls = tls;
    this.#limits = {
      requests: { connections: requestConnections, connectTimeoutMs: 10_000 },
      watches: { connections: null, connectTimeoutMs: 10_000 },
      // A connect timeout must leave room for three attempts within the 10 s renew deadline.
      lease: { connections: 1, connectTimeoutMs: 3_000 },
    };
  }

  /** @throws an error of OpenSSL when certificate or key are not PEM */
  pool(lane: Lane): Pool {
    const existing = this.#pools.get(lane);
    if (existing !== undefined) return existing;
    const { connections, connectTimeoutMs } = this.#limits[lane];
    const { servername, rejectUnauthorized } = this.#tls;
    const pool = new Pool(this.#origin, {
      connections,
      // HTTP/1.1: no request waits behind another's body, and a server's GOAWAY concerns nobody.
      allowH2: false,
      pipelining: 1,
      keepAliveTimeout: KEEP_ALIVE_MS,
      // Deadlines are the caller's, on the caller's clock.
      headersTimeout: 0,
      bodyTimeout: 0,
      connect: {
        servername,
        rejectUnauthorized,
        secureContext: this.#sharedContext(),
        timeout: connectTimeoutMs,
        keepAlive: true,
        keepAliveInitialDelay: TCP_KEEP_ALIVE_MS,
      },
    });
    this.#pools.set(lane, pool);
    return pool;
  }

  /** One for all connections: each would make its own of the same material, which is a third of what 32 handshakes cost. */
  #sharedContext(): SecureContext | undefined {
    if (!this.#origin.startsWith("https:")) return undefined;
    const { ca, cert, key } = this.#tls;
    this.#secureContext ??= createSecureContext({ ca, cert, key });
    return this.#secureContext;
  }

  /** Takes no more requests; resolves when what is under way is over. */
  async close(): Promise<void> {
    await Promise.allSettled(Array.from(this.#pools.values(), (pool) => pool.close()));
  }

  /** Ends what is under way. */
  async destroy(): Promise<void> {
    await Promise.allSettled(Array.from(this.#pools.values(), (pool) => pool.destroy()));
  }
}
