/**
 * An answer that is collected whole before anybody sees it, which is what every request but a watch wants. One object takes
 * it from undici's parser; undici's own `request` makes a stream, an async resource and several promises for each.
 */
import type { Dispatcher } from "undici";
import { joined, type ReceivedHeaders } from "./received-headers.ts";
import type { TransportResponse } from "./transport.ts";

/** What bounds an exchange. */
export interface Bounds {
  readonly signal: AbortSignal;
  /** What to throw for what undici says. */
  readonly toFailure: (error: unknown) => unknown;
}

/** Sends a request; resolves when its answer is complete. @throws what undici says; the signal's reason when that aborts */
export function wholeAnswer(
  dispatcher: Dispatcher,
  options: Dispatcher.DispatchOptions,
  { signal }: Pick<Bounds, "signal">,
): Promise<TransportResponse> {
  const collector = new Collector(signal);
  if (!signal.aborted) dispatcher.dispatch(options, collector);
  return collector.answer;
}

class Collector implements Dispatcher.DispatchHandler {
  readonly answer: Promise<TransportResponse>;
  readonly #resolve: (answer: TransportResponse) => void;
  readonly #reject: (reason: unknown) => void;
  readonly #signal: AbortSignal;
  /** Of undici's request; there once it has a connection. */
  #controller: Dispatcher.DispatchController | undefined;
  #status = 0;
  #headers: ReceivedHeaders = {};
  readonly #chunks: Buffer[] = [];

  constructor(signal: AbortSignal) {
    const { promise, resolve, reject } = Promise.withResolvers<TransportResponse>();
    this.answer = promise;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#signal = signal;
    if (signal.aborted) this.#onAbort();
    else signal.addEventListener("abort", this.#onAbort, { once: true });
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    // It may have waited for a connection for longer than anybody waits for it.
    if (this.#signal.aborted) this.#onAbort();
  }

  /** Comes again after an informational status (1xx): the last one counts. */
  onResponseStart(_: unknown, status: number, headers: ReceivedHeaders): void {
    this.#status = status;
    this.#headers = headers;
  }

  onResponseData(_: unknown, chunk: Buffer): void {
    this.#chunks.push(chunk);
  }

  onResponseEnd(): void {
    this.#signal.removeEventListener("abort", this.#onAbort);
    this.#resolve(new WholeAnswer(this.#status, joined(this.#headers), this.#chunks));
  }

  onResponseError(_: unknown, error: Error): void {
    this.#signal.removeEventListener("abort", this.#onAbort);
    this.#reject(error);
  }

  /** The caller goes on at once; the connection, if there is one, is closed. */
  readonly #onAbort = (): void => {
    this.#reject(this.#signal.reason);
    this.#controller?.abort(this.#signal.reason);
  };
}

export class WholeAnswer implements TransportResponse {
  readonly status: number;
  readonly headers: TransportResponse["headers"];
  readonly #chunks: readonly Buffer[];

  constructor(status: number, headers: TransportResponse["headers"], chunks: readonly Buffer[]) {
    this.status = status;
    this.headers = headers;
    this.#chunks = chunks;
  }

  get body(): AsyncIterable<Uint8Array> {
    return this.#each();
  }

  text(): Promise<string> {
    const [first = NOTHING, ...more] = this.#chunks;
    // Nearly always there is one chunk, and then nothing is copied.
    return Promise.resolve((more.length === 0 ? first : Buffer.concat(this.#chunks)).toString("utf8"));
  }

  async *#each(): AsyncGenerator<Uint8Array, void, undefined> {
    yield* this.#chunks;
  }
}

const NOTHING = Buffer.alloc(0);
