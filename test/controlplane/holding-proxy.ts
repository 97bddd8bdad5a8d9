/**
 * A network in which single exchanges stand still, between a client and the API server: a proxy on loopback that sees
 * requests. TLS ends here, under the API server's own certificate, and begins anew; credentials and bytes pass unchanged.
 *
 *   hold a kind of request   new ones: kept here, the API server has not heard of them
 *                            open ones: not a byte more of the answer, no end, no reset (a watch falls silent)
 *   release                  both go on as if they had been slow
 *   cut                      open ones: reset
 *
 * What is not held is not delayed. For faults of whole connections see faulty-proxy.ts.
 */
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { Agent, createServer, request, type Server } from "node:https";
import type { IncomingMessage, ServerResponse } from "node:http";
import { dirname, join } from "node:path";

import { freePort } from "./free-port.ts";

/** What a request is told by. */
export interface Asked {
  /** `GET` */
  readonly method: string;
  /** Its path and query; the host means nothing. */
  readonly url: URL;
}

/** Released at the end of its block, whatever ends that: what follows a test that failed must not fail for it. */
export interface Hold extends Disposable {
  /** How many requests it has met that their client has not given up yet. */
  readonly count: number;
  /** Idempotent. */
  release(): void;
}

export class HoldingProxy {
  readonly port: number;
  readonly #target: URL;
  readonly #agent: Agent;
  readonly #exchanges = new Set<Exchange>();
  readonly #holds = new Set<(asked: Asked) => boolean>();
  #listener: Server | undefined;

  /** @param caFile the API server's certificate, with its key beside it: `apiserver.crt` and `apiserver.key` */
  static async start({ url, caFile }: { readonly url: string; readonly caFile: string }): Promise<HoldingProxy> {
    const cert = await readFile(caFile);
    const key = await readFile(join(dirname(caFile), "apiserver.key"));
    const proxy = new HoldingProxy(new URL(url), await freePort(), cert);
    proxy.#listener = createServer({ cert, key }, (asked, answer) => proxy.#accept(asked, answer));
    proxy.#listener.listen(proxy.port, "127.0.0.1").unref();
    await once(proxy.#listener, "listening");
    return proxy;
  }

  private constructor(target: URL, port: number, ca: Buffer) {
    this.#target = target;
    this.port = port;
    this.#agent = new Agent({ ca, keepAlive: true });
  }

  /** What clients are given in place of the target. */
  get url(): string {
    return `https://127.0.0.1:${this.port}`;
  }

  /** Every request that `isMeant` stands still, until it is released; one under several holds, until all are. */
  hold(isMeant: (asked: Asked) => boolean): Hold {
    this.#holds.add(isMeant);
    const meant = (): readonly Exchange[] => [...this.#exchanges].filter(({ asked }) => isMeant(asked));
    for (const exchange of meant()) exchange.stop();
    const release = (): void => {
      if (!this.#holds.delete(isMeant)) return;
      for (const exchange of meant()) if (!this.#isHeld(exchange)) exchange.go();
    };
    return {
      get count() {
        return meant().length;
      },
      release,
      [Symbol.dispose]: release,
    };
  }

  /** Resets every open exchange that `isMeant`. */
  cut(isMeant: (asked: Asked) => boolean): void {
    for (const exchange of this.#exchanges)
      if (isMeant(exchange.asked)) {
        this.#exchanges.delete(exchange);
        exchange.cut();
      }
  }

  /** Ends all exchanges and the proxy. */
  close(): void {
    this.#listener?.close();
    this.#listener?.closeAllConnections();
    this.#agent.destroy();
  }

  #accept(from: IncomingMessage, to: ServerResponse): void {
    const exchange = new Exchange(from, to, (asked) =>
      request(new URL(asked.url.pathname + asked.url.search, this.#target), {
        method: asked.method,
        headers: from.headers,
        agent: this.#agent,
      }),
    );
    this.#exchanges.add(exchange);
    to.on("close", () => this.#exchanges.delete(exchange));
    if (!this.#isHeld(exchange)) exchange.go();
  }

  #isHeld({ asked }: Exchange): boolean {
    return [...this.#holds].some((isMeant) => isMeant(asked));
  }
}

class Exchange {
  readonly asked: Asked;
  readonly #from: IncomingMessage;
  readonly #to: ServerResponse;
  readonly #send: (asked: Asked) => ReturnType<typeof request>;
  #isStopped = true;
  #isSent = false;
  #answer: IncomingMessage | undefined;

  constructor(from: IncomingMessage, to: ServerResponse, send: (asked: Asked) => ReturnType<typeof request>) {
    this.asked = { method: from.method ?? "", url: new URL(from.url ?? "", "https://127.0.0.1") };
    this.#from = from;
    this.#to = to;
    this.#send = send;
  }

  stop(): void {
    this.#isStopped = true;
    this.#answer?.unpipe(this.#to).pause();
  }

  go(): void {
    this.#isStopped = false;
    if (!this.#isSent) this.#forward();
    this.#pass();
  }

  cut(): void {
    this.#to.destroy();
  }

  #forward(): void {
    this.#isSent = true;
    const onward = this.#send(this.asked);
    onward.on("response", (answer) => {
      this.#answer = answer;
      // One that breaks off here breaks off there: an end would say that it is complete.
      answer.on("error", () => this.#to.destroy());
      this.#pass();
    });
    onward.on("error", () => this.#to.destroy());
    this.#to.on("close", () => onward.destroy());
    this.#from.pipe(onward);
  }

  #pass(): void {
    const answer = this.#answer;
    if (answer === undefined || this.#isStopped) return;
    if (!this.#to.headersSent) {
      this.#to.writeHead(answer.statusCode ?? 502, answer.rawHeaders);
      // A watch says nothing until something happens; that it was taken, its client must know before.
      this.#to.flushHeaders();
    }
    answer.pipe(this.#to);
  }
}
