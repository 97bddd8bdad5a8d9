/** Transports for tests: one that calls a fetch handler in this process, and one that lets faults happen on the way. */
import type { Clock } from "../../runtime/clock/clock.ts";
import { sleep } from "../../runtime/clock/clock.ts";
import { untilAborted } from "../../runtime/kube/deadline.ts";
import { EvenkeelError } from "../../runtime/kube/errors.ts";
import type { Transport, TransportRequest, TransportResponse } from "../../runtime/kube/transport.ts";

/** Requests reach `fetch` as they would reach a server; its Response comes back byte for byte. */
export function inProcessTransport(fetch: (request: Request) => Promise<Response>): Transport {
  const closing = new AbortController();
  return {
    async send({ method, path, headers, body, signal: wanted }) {
      const signal = AbortSignal.any([wanted, closing.signal]);
      signal.throwIfAborted();
      const init = { method, headers, body: body ?? null, signal };
      const request = new Request(`http://in-process${path}`, init);
      const response = await untilAborted(fetch(request), signal);
      return bodyResponse(response.status, Object.fromEntries(response.headers), chunksOf(response, signal));
    },
    async close() {
      closing.abort(new EvenkeelError("API_UNREACHABLE", "in process: this client is closed"));
    },
  };
}

/** What happens to one request. */
export type Fault =
  /** Never reaches the server, which "answers" this. An object is sent as JSON. */
  | {
      readonly do: "answer";
      readonly status: number;
      readonly headers?: Record<string, string>;
      readonly body?: unknown;
    }
  /** Never reaches the server. */
  | { readonly do: "fail"; readonly error?: Error }
  /** Reaches the server, which does what it says; its answer never arrives. */
  | { readonly do: "lose"; readonly error?: Error }
  /** Never reaches the server, and never ends but by its signal. */
  | { readonly do: "hang" }
  /** Reaches the server with this body instead: what the server makes of the one that was sent. */
  | { readonly do: "alter"; readonly body: string }
  /** Reaches the server later. */
  | { readonly do: "delay"; readonly delayMs: number; readonly clock: Clock }
  /** The answer stops after so many bytes: as if complete, with a broken connection, or in silence (half open). */
  | { readonly do: "truncate"; readonly afterBytes: number; readonly ending: "end" | "fail" | "hang" };

/** Says what happens to a request; undefined lets it pass. `ordinal` counts the requests from 0. */
export type FaultRule = (request: TransportRequest, ordinal: number) => Fault | undefined;

export function faulty(transport: Transport, rule: FaultRule): Transport {
  let count = 0;
  return {
    send: async (request) => suffer(transport, request, rule(request, count++)),
    close: () => transport.close(),
  };
}

async function suffer(
  transport: Transport,
  request: TransportRequest,
  fault: Fault | undefined,
): Promise<TransportResponse> {
  const { signal } = request;
  switch (fault?.do) {
    case undefined:
      return transport.send(request);
    case "answer": {
      const text = typeof fault.body === "string" ? fault.body : JSON.stringify(fault.body ?? "");
      return bodyResponse(fault.status, fault.headers ?? {}, once(Buffer.from(text)));
    }
    case "fail":
      throw fault.error ?? broken();
    case "lose":
      await (await transport.send(request)).bytes();
      throw fault.error ?? broken();
    case "hang":
      return untilAborted(never, signal);
    case "alter":
      return transport.send({ ...request, signal, body: fault.body });
    case "delay":
      await sleep(fault.clock, fault.delayMs, signal);
      signal.throwIfAborted();
      return transport.send(request);
    case "truncate": {
      const { status, headers, body } = await transport.send(request);
      return bodyResponse(status, headers, truncated(body, fault, signal));
    }
    default:
      return fault satisfies never;
  }
}

/** A TransportResponse of its parts, for transports made by hand. */
export function bodyResponse(
  status: number,
  headers: Readonly<Record<string, string>>,
  body: AsyncIterable<Uint8Array>,
): TransportResponse {
  return { status, headers, body, bytes: async () => Buffer.concat(await Array.fromAsync(body)) };
}

function broken(): EvenkeelError {
  return new EvenkeelError("API_UNREACHABLE", "in process: the connection broke (ECONNRESET)");
}

// Its resolve is never called.
const { promise: never } = Promise.withResolvers<never>();

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  yield bytes;
}

async function* chunksOf(response: Response, signal: AbortSignal): AsyncGenerator<Uint8Array, void, undefined> {
  if (response.body === null) return;
  const reader = response.body.getReader();
  try {
    for (;;) {
      const { done, value } = await untilAborted(reader.read(), signal);
      if (done) return;
      yield value;
    }
  } finally {
    // Abandoned or aborted: the server sees its stream cancelled.
    await reader.cancel().catch(() => undefined);
  }
}

async function* truncated(
  body: AsyncIterable<Uint8Array>,
  { afterBytes, ending }: Fault & { readonly do: "truncate" },
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  let leftBytes = afterBytes;
  for await (const chunk of body) {
    yield chunk.subarray(0, leftBytes);
    leftBytes -= chunk.length;
    if (leftBytes <= 0) break;
  }
  if (leftBytes > 0 || ending === "end") return;
  if (ending === "fail") throw broken();
  await untilAborted(never, signal);
}
