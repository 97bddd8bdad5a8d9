/** One HTTP exchange with the API server. The only seam between evenkeel and a network: tests and simulations replace it. */

/**
 * Which connections carry a request: `requests` are pooled, `watches` last for minutes and would starve them, and `lease`
 * has a connection of its own outside every limiter, because a renewal that waits loses the leadership.
 */
export type Lane = "requests" | "watches" | "lease";

/** What ends an exchange early: an AbortSignal, or a Deadline, which does without an event target and its price. */
export interface Ending {
  readonly aborted: boolean;
  readonly reason: unknown;
  addEventListener(type: "abort", listener: () => void): void;
  removeEventListener(type: "abort", listener: () => void): void;
}

export interface TransportRequest {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** Path and query, beginning with a slash. */
  readonly path: string;
  /** Lower-case names. Credentials are added by the transport. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | undefined;
  readonly lane: Lane;
  /** Aborting ends the exchange, also while the body is read. May be a getter that makes it at first use. */
  readonly signal: AbortSignal;
  /** The same event, for a transport that needs no AbortSignal to hear of it. Absent: `signal` is all there is. */
  readonly ending?: Ending | undefined;
}

export interface TransportResponse {
  readonly status: number;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  /** The body as it arrives; to be read once, to its end or until it is abandoned (`return()`), which closes the exchange. */
  readonly body: AsyncIterable<Uint8Array>;
  /** The whole body. Use instead of `body`. */
  bytes(): Promise<Buffer>;
}

export interface Transport {
  /** `host:port` of the server, as metrics name it. Absent in process. */
  readonly host?: string;
  /**
   * @throws EvenkeelError API_UNREACHABLE when there was no answer (any HTTP status is one), API_UNTRUSTED when the server
   *   could not prove who it is, and so was sent nothing; the signal's reason when that aborts. The first and the last hold
   *   for reading the body, too.
   */
  send(request: TransportRequest): Promise<TransportResponse>;
  /** Ends all connections; what is under way fails. */
  close(): Promise<void>;
}
