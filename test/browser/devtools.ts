/** As much of the DevTools protocol as the tests need, over the WebSocket that Node brings. */

import { systemClock } from "../../runtime/clock/clock.ts";

/** A browser that shares two cores with everything else. */
const LIMIT_MS = 15_000;

type Parameters = Readonly<Record<string, unknown>>;
type Result = Readonly<Record<string, unknown>>;

interface Message {
  readonly id?: number;
  readonly sessionId?: string;
  readonly method?: string;
  readonly params?: Parameters;
  readonly result?: Result;
  readonly error?: { readonly message: string };
}

export interface Event {
  readonly method: string;
  readonly params: Parameters;
}

export class DevTools {
  readonly #socket: WebSocket;
  readonly #answers = new Map<number, PromiseWithResolvers<Result>>();
  readonly #listeners = new Map<string, (event: Event) => void>();
  #count = 0;

  static async connect(url: string): Promise<DevTools> {
    const socket = new WebSocket(url);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    socket.addEventListener("open", () => resolve(), { once: true });
    socket.addEventListener("error", () => reject(new Error(`cannot connect to ${url}`)), { once: true });
    await promise;
    return new DevTools(socket);
  }

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.addEventListener("message", ({ data }) => this.#take(JSON.parse(String(data)) as Message));
    socket.addEventListener("close", () => {
      for (const { reject } of this.#answers.values()) reject(new Error("the browser is gone"));
      this.#answers.clear();
    });
  }

  /** @throws Error with what the browser says against it */
  send(method: string, params: Parameters = {}, sessionId?: string): Promise<Result> {
    const id = ++this.#count;
    const answer = Promise.withResolvers<Result>();
    this.#answers.set(id, answer);
    this.#socket.send(JSON.stringify({ id, method, params, sessionId }));
    const timer = systemClock.after(LIMIT_MS, () =>
      answer.reject(new Error(`no answer to ${method} ${JSON.stringify(params)}`)),
    );
    return answer.promise.finally(() => timer.cancel());
  }

  async open(): Promise<Tab> {
    const { targetId } = await this.send("Target.createTarget", { url: "about:blank" });
    const { sessionId } = await this.send("Target.attachToTarget", { targetId, flatten: true });
    const id = String(sessionId);
    const tab = new Tab((method, params) => this.send(method, params, id));
    this.#listeners.set(id, (event) => tab.events.push(event));
    for (const domain of ["Page", "Runtime", "Network", "Log"]) await tab.send(`${domain}.enable`);
    return tab;
  }

  #take({ id, sessionId, method, params = {}, result = {}, error }: Message): void {
    if (id === undefined) {
      if (method !== undefined) this.#listeners.get(sessionId ?? "")?.({ method, params });
      return;
    }
    const answer = this.#answers.get(id);
    this.#answers.delete(id);
    if (error === undefined) answer?.resolve(result);
    else answer?.reject(new Error(error.message));
  }
}

export class Tab {
  /** All that it told since it was opened. */
  readonly events: Event[] = [];
  readonly send: (method: string, params?: Parameters) => Promise<Result>;

  constructor(send: Tab["send"]) {
    this.send = send;
  }

  /** The value of an expression in the page, as JSON; a promise is awaited. @throws Error what the page threw */
  async evaluate<T>(expression: string): Promise<T> {
    const answer = await this.send("Runtime.evaluate", { expression, returnByValue: true, awaitPromise: true });
    const thrown = answer["exceptionDetails"];
    if (thrown !== undefined) throw new Error(`${expression}: ${JSON.stringify(thrown)}`);
    return (answer["result"] as { readonly value: T }).value;
  }

  async press(key: string): Promise<void> {
    const [code, text] = keys[key] ?? [0];
    const params = { key, code: key, windowsVirtualKeyCode: code, text };
    await this.send("Input.dispatchKeyEvent", { type: "keyDown", ...params });
    await this.send("Input.dispatchKeyEvent", { type: "keyUp", ...params });
  }

  async screenshot(): Promise<Buffer> {
    const { data } = await this.send("Page.captureScreenshot", { captureBeyondViewport: true });
    return Buffer.from(String(data), "base64");
  }
}

/** Virtual key code, and the text that it enters. */
const keys: Readonly<Record<string, readonly [number, string?]>> = { Tab: [9], Enter: [13, "\r"] };
