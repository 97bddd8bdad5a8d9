/**
 * An answer that is collected whole before anybody sees it, which is what every request but a watch wants. One object takes
 * it from undici's parser; undici's own `request` makes a stream, an async resource and several promises for each.
 */
import type { Dispatcher } from "undici";
import { joined, type ReceivedHeaders } from "./received-headers.ts";
import type { Ending, TransportResponse } from "./transport.ts";

/** What to throw for what undici says. */
export type ToFailure = (error: unknown) => unknown;

/** Sends a request; resolves when its answer is complete. @throws the failure that is made of what undici says */
export function wholeAnswer(
  dispatcher: Dispatcher,
  options: Dispatcher.DispatchOptions,
  ending: Ending,
  toFailure: ToFailure,
): Promise<TransportResponse> {
  const collector = new Collector(ending, toFailure);
  if (!ending.aborted) dispatcher.dispatch(options, collector);
  return collector.answer;
}

class Collector implements Dispatcher.DispatchHandler {
  readonly answer: Promise<TransportResponse>;
  readonly #resolve: (answer: TransportResponse) => void;
  readonly #reject: (reason: unknown) => void;
  readonly #ending: Ending;
  readonly #toFailure: ToFailure;
  /** Of undici's request; there once it has a connection. */
  #controller: Dispatcher.DispatchController | undefined;
  #status = 0;
  #headers: ReceivedHeaders = {};
  readonly #chunks: Buffer[] = [];

  constructor(ending: Ending, toFailure: ToFailure) {
    const { promise, resolve, reject } = Promise.withResolvers<TransportResponse>();
    this.answer = promise;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#ending = ending;
    this.#toFailure = toFailure;
    if (ending.aborted) this.#onAbort();
    else ending.addEventListener("abort", this.#onAbort);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    // It may have waited for a connection for longer than anybody waits for it. What is thrown here fails this request alone;
    // an abort would close the connection, which is well, and which others wait for.
    if (this.#ending.aborted) throw this.#ending.reason;
    this.#controller = controller;
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
    this.#ending.removeEventListener("abort", this.#onAbort);
    this.#resolve(new WholeAnswer(this.#status, joined(this.#headers), this.#chunks));
  }

  onResponseError(_: unknown, error: Error): void {
    this.#ending.removeEventListener("abort", this.#onAbort);
    this.#reject(this.#toFailure(error));
  }

  /** The caller goes on at once; the connection, if there is one, is closed. */
  readonly #onAbort = (): void => {
    const { reason } = this.#ending;
    this.#reject(reason);
    // Whatever the caller chose to abort with: undici only hands it on.
    this.#controller?.abort(reason as Error);
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

  async bytes(): Promise<Buffer> {
    // Nearly always there is one chunk, and then nothing is copied.
    const [first] = this.#chunks;
    return first !== undefined && this.#chunks.length === 1 ? first : Buffer.concat(this.#chunks);
  }

  async *#each(): AsyncGenerator<Uint8Array, void, undefined> {
    yield* this.#chunks;
  }
}
