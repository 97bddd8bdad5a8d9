/**
 * An answer as undici's parser hands it out, taken by one object: undici's own `request` makes a stream, an async resource and
 * several promises for each answer, and passes every event of a watch through all of them.
 */
import { constants } from "node:buffer";
import type { Dispatcher } from "undici";
import { joined, type ReceivedHeaders } from "./received-headers.ts";
import { badResponse } from "./stored-object.ts";
import type { Ending, TransportResponse } from "./transport.ts";

/** So much may wait for its reader; then the server does. */
const MAX_WAITING_BYTES = 256 * 1024;

/** What is longer, and handed out whole, fits into no string of V8's: 512 MiB. A list comes in pages of a few. */
const MAX_WHOLE_BYTES = constants.MAX_STRING_LENGTH;

interface Receiving {
  /** When it is handed out: `begun`, as a watch's, which lasts for minutes, or `whole`. A refusal is short and comes whole. */
  readonly when: "begun" | "whole";
  readonly ending: Ending;
  /** What to throw for what undici says. */
  readonly toFailure: (error: unknown) => unknown;
}

/** Sends a request. @throws the failure that is made of what undici says; the ending's reason */
export function receive(
  dispatcher: Pick<Dispatcher, "dispatch">,
  options: Dispatcher.DispatchOptions,
  receiving: Receiving,
): Promise<TransportResponse> {
  const answer = new ReceivedAnswer(options, receiving);
  if (!receiving.ending.aborted) dispatcher.dispatch(options, answer);
  return answer.due;
}

class ReceivedAnswer implements Dispatcher.DispatchHandler, TransportResponse {
  readonly due: Promise<TransportResponse>;
  status = 0;
  headers: TransportResponse["headers"] = {};
  readonly #resolve: (answer: TransportResponse) => void;
  readonly #reject: (reason: unknown) => void;
  readonly #asked: Dispatcher.DispatchOptions;
  readonly #receiving: Receiving;
  /** Of undici's request; there once it has a connection. */
  #controller: Dispatcher.DispatchController | undefined;
  /** What nobody has read yet. */
  #chunks: Buffer[] = [];
  #waitingBytes = 0;
  #isHandedOut = false;
  #isOver = false;
  #failure: { readonly reason: unknown } | undefined;
  /** Wakes the reader. */
  #wake: (() => void) | undefined;

  constructor(asked: Dispatcher.DispatchOptions, receiving: Receiving) {
    const { promise, resolve, reject } = Promise.withResolvers<TransportResponse>();
    this.due = promise;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#asked = asked;
    this.#receiving = receiving;
    const { ending } = receiving;
    if (ending.aborted) this.#onAbort();
    else ending.addEventListener("abort", this.#onAbort);
  }

  get body(): AsyncIterable<Uint8Array> {
    return this.#each();
  }

  async bytes(): Promise<Buffer> {
    const chunks = this.#isOver && this.#failure === undefined ? this.#chunks : await Array.fromAsync(this.#each());
    // Nearly always there is one chunk, and then nothing is copied.
    const [first] = chunks;
    return first !== undefined && chunks.length === 1 ? first : Buffer.concat(chunks);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    // It may have waited for a connection for longer than anybody waits for it. What is thrown here fails this request alone;
    // an abort would close the connection, which is well, and which others wait for.
    const { ending } = this.#receiving;
    if (ending.aborted) throw ending.reason;
    this.#controller = controller;
  }

  /** Comes again after an informational status (1xx): the last one counts. */
  onResponseStart(_: unknown, status: number, headers: ReceivedHeaders): void {
    this.status = status;
    this.headers = joined(headers);
    if (this.#receiving.when !== "begun" || status < 200 || status > 299) return;
    this.#isHandedOut = true;
    this.#resolve(this);
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#waitingBytes += chunk.length;
    // Where nobody can read yet, nobody could make it go on.
    if (!this.#isHandedOut) {
      if (this.#waitingBytes > MAX_WHOLE_BYTES) this.#abandon(controller);
    } else if (this.#waitingBytes > MAX_WAITING_BYTES) controller.pause();
    this.#wake?.();
  }

  onResponseEnd(): void {
    this.#end();
    this.#resolve(this);
  }

  onResponseError(_: unknown, error: Error): void {
    this.#fail(this.#receiving.toFailure(error));
  }

  /** The caller goes on at once, past what it has not read; the connection, if there is one, is closed. */
  readonly #onAbort = (): void => {
    const { reason } = this.#receiving.ending;
    this.#chunks = [];
    this.#fail(reason);
    // Whatever the caller chose to abort with: undici only hands it on.
    this.#controller?.abort(reason as Error);
  };

  #abandon(controller: Dispatcher.DispatchController): void {
    const { method, path } = this.#asked;
    const mib = Math.ceil(MAX_WHOLE_BYTES / 2 ** 20);
    const reason = badResponse(`${method} ${path.split("?", 1)[0]}`, `the answer has more than ${mib} MiB`);
    this.#chunks = [];
    this.#fail(reason);
    controller.abort(reason);
  }

  /** Only the first reason counts. */
  #fail(reason: unknown): void {
    if (this.#isOver) return;
    this.#failure = { reason };
    this.#end();
    this.#reject(reason);
  }

  #end(): void {
    this.#isOver = true;
    this.#receiving.ending.removeEventListener("abort", this.#onAbort);
    this.#wake?.();
  }

  async *#each(): AsyncGenerator<Buffer, void, undefined> {
    try {
      for (;;) {
        for (let chunk = this.#chunks.shift(); chunk !== undefined; chunk = this.#chunks.shift()) {
          this.#waitingBytes -= chunk.length;
          yield chunk;
        }
        if (this.#failure !== undefined) throw this.#failure.reason;
        if (this.#isOver) return;
        const { promise: woken, resolve } = Promise.withResolvers<void>();
        // First, because what resumes may hand out the next chunk at once.
        this.#wake = resolve;
        this.#controller?.resume();
        await woken;
      }
    } finally {
      if (!this.#isOver) this.#controller?.abort(new Error("nobody reads on"));
    }
  }
}
