/** Credentials: which server, who we are to it, and whom we trust to be it. Renewed in the background of use, one renewal at a time. */
import { X509Certificate } from "node:crypto";
import { createSecureContext } from "node:tls";
import type { Clock } from "../clock/clock.ts";
import { EvenkeelError, systemCode } from "./errors.ts";

/** TLS material in PEM. One object stays the same reference while its content does: connections live as long as it. */
export interface TlsMaterial {
  /** Absent: the authorities that Node trusts. */
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  /** The name to expect in the server's certificate, when it is not that of the address. */
  readonly servername?: string | undefined;
  /** False only where a kubeconfig says insecure-skip-tls-verify. */
  readonly rejectUnauthorized: boolean;
}

/** Who we are for the next request. The same reference as long as nothing in it changed. */
export interface Identity {
  /** The value of the header. */
  readonly authorization: string | undefined;
  readonly tls: TlsMaterial;
}

/** Why an identity may be out of date: the server `refused` it (401), or showed a certificate that is `untrusted` with it. */
export type Doubt = "refused" | "untrusted";

export interface Credentials {
  /** Base URL, without a slash at its end. May have a path. */
  readonly server: string;
  /** The namespace that comes with them: the pod's own, or the context's. */
  readonly namespace: string | undefined;
  /**
   * Synchronous while there is one that has not expired: nobody waits for its renewal.
   * @throws EvenkeelError when there is none yet and none can be had
   */
  current(): Identity | Promise<Identity>;
  /**
   * Another identity than `former`, or `former` itself when there is no other.
   * @throws EvenkeelError why none could be had
   */
  renew(former: Identity, doubt: Doubt): Promise<Identity>;
}

const TRUST_NODE: TlsMaterial = Object.freeze({ rejectUnauthorized: true });

/** No credentials at all: the embedded API server, or a `kubectl proxy`. */
export function plainCredentials({ url }: { readonly url: string }): Credentials {
  const identity: Identity = Object.freeze({ authorization: undefined, tls: TRUST_NODE });
  return {
    server: url.replace(/\/+$/, ""),
    namespace: undefined,
    current: () => identity,
    renew: (former) => Promise.resolve(former),
  };
}

export interface LoadedIdentity {
  readonly identity: Identity;
  /** After how long to load again. Infinity: only when in doubt. */
  readonly freshForMs: number;
  /** Until when it may be used, by the clock's `now`. Absent: until it is refused. */
  readonly expiresAtMs?: number | undefined;
}

/** After a load that failed. Not sooner, because it may run a plugin; a request that is refused does not wait for this. */
const RETRY_MS = 10_000;

/**
 * The least time between two loads that a doubt forces. Requests that fail together cause one load. Each attempt to renew a
 * lease, 2 s after the one before, may cause one of its own: a rotated file may come late, and the lease is lost after 10 s.
 */
const FORCED_MS = 1_000;

/** Credentials that are loaded again when they grow old or are in doubt. */
export class RenewedCredentials implements Credentials {
  readonly server: string;
  readonly namespace: string | undefined;
  readonly #clock: Clock;
  readonly #load: (doubt?: Doubt) => Promise<LoadedIdentity>;
  #identity: Identity | undefined;
  #staleAtMs = -Infinity;
  #expiresAtMs = Infinity;
  #forcedAtMs = -Infinity;
  #loading: Promise<Identity> | undefined;

  /** @param load is told the doubt that made it necessary; none when the last identity has grown old. */
  constructor(
    { server, namespace }: Pick<Credentials, "server" | "namespace">,
    clock: Clock,
    load: (doubt?: Doubt) => Promise<LoadedIdentity>,
  ) {
    this.server = server.replace(/\/+$/, "");
    this.namespace = namespace;
    this.#clock = clock;
    this.#load = load;
  }

  current(): Identity | Promise<Identity> {
    const identity = this.#identity;
    if (identity === undefined) return this.#loadOnce();
    const nowMs = this.#clock.now();
    if (nowMs < this.#staleAtMs) return identity;
    // A file may be away for the moment of its rotation: what was good goes on until the server refuses it.
    const renewed = this.#loadOnce().catch(() => {
      this.#staleAtMs = this.#clock.now() + RETRY_MS;
      return identity;
    });
    // A plugin may hang for a minute, and a lease is lost after 10 s.
    return nowMs < this.#expiresAtMs ? identity : renewed;
  }

  async renew(former: Identity, doubt: Doubt): Promise<Identity> {
    if (this.#identity !== undefined && this.#identity !== former) return this.#identity;
    if (this.#loading !== undefined) return this.#loading;
    const nowMs = this.#clock.now();
    if (nowMs - this.#forcedAtMs < FORCED_MS) return former;
    this.#forcedAtMs = nowMs;
    return this.#loadOnce(doubt);
  }

  #loadOnce(doubt?: Doubt): Promise<Identity> {
    this.#loading ??= this.#loadNow(doubt).finally(() => (this.#loading = undefined));
    return this.#loading;
  }

  async #loadNow(doubt?: Doubt): Promise<Identity> {
    const { identity, freshForMs, expiresAtMs = Infinity } = await this.#load(doubt);
    this.#identity = unchanged(this.#identity, identity);
    this.#staleAtMs = this.#clock.now() + freshForMs;
    this.#expiresAtMs = expiresAtMs;
    return this.#identity;
  }
}

/** `before`, or its TLS material, where `after` says the same. */
function unchanged(before: Identity | undefined, after: Identity): Identity {
  if (before === undefined || !isSameTls(before.tls, after.tls)) return after;
  return before.authorization === after.authorization ? before : { ...after, tls: before.tls };
}

function isSameTls(a: TlsMaterial, b: TlsMaterial): boolean {
  return (
    a.ca === b.ca &&
    a.cert === b.cert &&
    a.key === b.key &&
    a.servername === b.servername &&
    a.rejectUnauthorized === b.rejectUnauthorized
  );
}

/** The value of the header Authorization for a token, as read from a file. @throws EvenkeelError API_UNAUTHORIZED */
export function bearer(token: string, source: string): string {
  const trimmed = token.trim();
  // A header cannot carry it, and the error that says so would quote it.
  if (trimmed === "" || /[^\x21-\x7e]/.test(trimmed)) {
    throw new EvenkeelError("API_UNAUTHORIZED", `${source}: holds no usable token`);
  }
  return `Bearer ${trimmed}`;
}

/**
 * Why a certificate and a key in PEM are no pair that TLS would take, as OpenSSL's code; undefined when they are one. A
 * rotation writes them one after the other, and shows in between a new one with an old one, half of one, or nothing.
 */
export function pairFault(cert: string, key: string): string | undefined {
  // Node takes an empty one for none.
  if (cert === "" || key === "") return "one is empty";
  try {
    // Without `ca` Node would read all of its own.
    createSecureContext({ cert, key, ca: [] });
    return undefined;
  } catch (error) {
    return systemCode(error) ?? "unreadable";
  }
}

/**
 * `pem`, which holds at least one certificate. Of an authority without one, as of a file caught in its rotation, TLS would
 * make none at all: every public one would do, and get our token. Source: client-go's own check (rootCertPool).
 * @throws EvenkeelError API_UNTRUSTED
 */
export function authority(pem: string, source: string): string {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^]+?-----END CERTIFICATE-----/g) ?? [];
  if (!blocks.some(isCertificate)) throw new EvenkeelError("API_UNTRUSTED", `${source}: holds no certificate`);
  return pem;
}

function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).subject !== undefined;
  } catch {
    return false;
  }
}
