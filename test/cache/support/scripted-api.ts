/** An Api that answers lists and watches as a script says, in virtual time, and remembers how it was asked. */
import { sleep, type Clock } from "../../../runtime/clock/clock.ts";
import type { Api, ListOptions, ListPage, WatchEvent, WatchOptions } from "../../../runtime/kube/api.ts";
import { EvenkeelError } from "../../../runtime/kube/errors.ts";
import type { Kind } from "../../../runtime/kube/kind.ts";
import type { StoredObject } from "../../../runtime/kube/object.ts";

/** One thing that a watch does: an event, an error, silence for so many milliseconds, or its end. Then it stays open. */
export type WatchStep = WatchEvent | EvenkeelError | number | "end";

export interface Script {
  readonly lists?: readonly (ListPage | EvenkeelError)[];
  /** One script per watch. A watch beyond these stays open and silent. */
  readonly watches?: readonly (readonly WatchStep[])[];
}

export function page(version: number, items: readonly StoredObject[], token?: string): ListPage {
  return { items, resourceVersion: String(version), continue: token };
}

export class ScriptedApi implements Api {
  /** `watch-list`, `watch from 5`, `list 500`, `list 500 after token`, `list all`: in order. */
  readonly calls: string[] = [];
  /** When each call came, in virtual milliseconds. */
  readonly timesMs: number[] = [];
  readonly watchOptions: WatchOptions[] = [];
  /** Streams that are being read. */
  openCount = 0;
  readonly #clock: Clock;
  readonly #lists: (ListPage | EvenkeelError)[];
  readonly #watches: (readonly WatchStep[])[];

  constructor(clock: Clock, { lists = [], watches = [] }: Script) {
    this.#clock = clock;
    this.#lists = [...lists];
    this.#watches = [...watches];
  }

  /** Adds answers while the test goes on. */
  script({ lists = [], watches = [] }: Script): void {
    this.#lists.push(...lists);
    this.#watches.push(...watches);
  }

  async list(_kind: Kind, options: ListOptions = {}): Promise<ListPage> {
    const size = options.limit === undefined ? "all" : String(options.limit);
    this.#called(`list ${size}${options.continue === undefined ? "" : ` after ${options.continue}`}`);
    const answer = this.#lists.shift() ?? new EvenkeelError("BUG", "the script has no further list");
    if (answer instanceof EvenkeelError) throw answer;
    return answer;
  }

  async *watch(_kind: Kind, options: WatchOptions): AsyncGenerator<WatchEvent, void, undefined> {
    this.watchOptions.push(options);
    this.#called(options.sendInitialEvents === true ? "watch-list" : `watch from ${options.resourceVersion}`);
    const steps = this.#watches.shift() ?? [];
    if (!(steps[0] instanceof EvenkeelError)) options.onOpen?.();
    this.openCount++;
    try {
      for (const step of steps) {
        if (step === "end") return;
        if (step instanceof EvenkeelError) throw step;
        if (typeof step === "number") await sleep(this.#clock, step, options.signal);
        if (options.signal?.aborted === true) throw aborted();
        if (typeof step === "object") yield step;
      }
      await untilAborted(options.signal);
      throw aborted();
    } finally {
      this.openCount--;
    }
  }

  #called(call: string): void {
    this.calls.push(call);
    this.timesMs.push(this.#clock.now());
  }

  readonly resource = unscripted;
  readonly get = unscripted;
  readonly create = unscripted;
  readonly update = unscripted;
  readonly patch = unscripted;
  readonly delete = unscripted;
}

function unscripted(): Promise<never> {
  return Promise.reject(new EvenkeelError("BUG", "the cache has no business with this call"));
}

function aborted(): EvenkeelError {
  return new EvenkeelError("API_UNREACHABLE", "aborted");
}

function untilAborted(signal: AbortSignal | undefined): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  if (signal?.aborted === true) resolve();
  signal?.addEventListener("abort", () => resolve(), { once: true });
  return promise;
}
