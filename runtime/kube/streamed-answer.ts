/** An answer that is handed out while it arrives: that of a watch, which lasts for minutes. */
import type { Dispatcher } from "undici";
import { joined } from "./received-headers.ts";
import type { TransportResponse } from "./transport.ts";
import { WholeAnswer, type ToFailure } from "./whole-answer.ts";

type Body = Dispatcher.ResponseData["body"];

/** Sends a request; resolves when its answer begins. A refusal is short and comes whole. @throws what undici says */
export async function streamedAnswer(
  dispatcher: Dispatcher,
  options: Dispatcher.DispatchOptions,
  signal: AbortSignal,
  toFailure: ToFailure,
): Promise<TransportResponse> {
  try {
    const { statusCode, headers, body } = await dispatcher.request({ ...options, signal });
    if (statusCode >= 300) return new WholeAnswer(statusCode, joined(headers), [Buffer.from(await body.bytes())]);
    return new StreamedAnswer(statusCode, joined(headers), body, toFailure);
  } catch (error) {
    throw toFailure(error);
  }
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

  async text(): Promise<string> {
    try {
      return await this.#body.text();
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
