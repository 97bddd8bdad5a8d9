/** An answer that is handed out while it arrives: that of a watch, which lasts for minutes. */
import type { Dispatcher } from "undici";
import { joined } from "./received-headers.ts";
import type { TransportResponse } from "./transport.ts";
import { request } from "./undici.ts";
import { WholeAnswer, type ToFailure } from "./whole-answer.ts";

type Body = Dispatcher.ResponseData["body"];

/** Sends a request; resolves when its answer begins. A refusal is short and comes whole. @throws what undici says */
export async function streamedAnswer(
  dispatcher: Dispatcher,
  options: Dispatcher.DispatchOptions,
  signal: AbortSignal,
  toFailure: ToFailure,
): Promise<TransportResponse> {
  let received: Dispatcher.ResponseData;
  try {
    received = await request.call(dispatcher, { ...options, signal });
  } catch (error) {
    throw toFailure(error);
  }
  const { statusCode, headers, body } = received;
  const answer = new StreamedAnswer(statusCode, joined(headers), body, toFailure);
  return statusCode < 300 ? answer : answer.whole();
}

class StreamedAnswer implements TransportResponse {
  readonly status: number;
  readonly headers: TransportResponse["headers"];
  readonly #body: Body;
  readonly #toFailure: ToFailure;

  constructor(status: number, headers: TransportResponse["headers"], body: Body, toFailure: ToFailure) {
    this.status = status;
    this.headers = headers;
    this.#body = body;
    this.#toFailure = toFailure;
  }

  get body(): AsyncIterable<Uint8Array> {
    return this.#chunks();
  }

  async bytes(): Promise<Buffer> {
    return (await this.whole()).bytes();
  }

  async whole(): Promise<WholeAnswer> {
    try {
      return new WholeAnswer(this.status, this.headers, [Buffer.from(await this.#body.bytes())]);
    } catch (error) {
      throw this.#toFailure(error);
    }
  }

  async *#chunks(): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      yield* this.#body;
    } catch (error) {
      throw this.#toFailure(error);
    }
  }
}
