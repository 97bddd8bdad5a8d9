/** A small API server of one kind: versions, history, snapshots for pages, watches, compaction. Obeys the contract, and can be unkind. */
import type { Api, ListOptions, ListPage, WatchEvent, WatchOptions } from "../../../runtime/kube/api.ts";
import { EvenkeelError } from "../../../runtime/kube/errors.ts";
import type { Kind } from "../../../runtime/kube/kind.ts";
import { objectKey, type StoredObject } from "../../../runtime/kube/object.ts";
import { matches, type Where } from "../../../runtime/kube/query.ts";
import { failure, object } from "./objects.ts";

interface Step {
  readonly version: number;
  readonly before: StoredObject | undefined;
  readonly after: StoredObject | undefined;
  readonly key: string;
}

const tooLarge = failure("API_TIMEOUT", { causes: ["ResourceVersionTooLarge"], retryAfterMs: 1_000 });

export class FakeCluster implements Api {
  /** The most that a page holds, whatever is asked for. */
  pageSize = 500;
  servesWatchList = true;
  /** What a watch waits for before it begins: a server that accepts connections and is slow to answer. */
  untilOpen: Promise<void> | undefined;
  /** Called once a page is made; it is handed out, and so the next is asked for, when this is done. */
  afterPage: () => void | Promise<void> = () => {};
  listCount = 0;
  readonly #where: Where;
  #objects = new Map<string, StoredObject>();
  #history: Step[] = [];
  #snapshots = new Map<number, readonly StoredObject[]>();
  readonly #streams = new Set<Stream>();
  #version = 10;
  #compacted = 0;
  #uid = 0;

  /** @param where what the client's selector selects; the fake reads no selectors. */
  constructor(where: Where = {}) {
    this.#where = where;
  }

  /** Creates or changes. */
  put(key: string, labels: Readonly<Record<string, string>> = {}): void {
    const before = this.#objects.get(key);
    const uid = before?.metadata.uid ?? `uid-${++this.#uid}`;
    this.#step(key, before, object(key, this.#version + 1, { uid, labels }));
  }

  remove(key: string): void {
    const before = this.#objects.get(key);
    if (before !== undefined) this.#step(key, before, undefined);
  }

  /** What the selector selects now. */
  present(): readonly StoredObject[] {
    return [...this.#objects.values()].filter((object) => matches(this.#where, object));
  }

  /** @returns what has everything as it is now again, the version included: etcd restored from a backup. */
  backup(): () => void {
    const [version, objects] = [this.#version, [...this.#objects]];
    return () => {
      this.#version = version;
      this.#objects = new Map(objects);
      this.compact();
      this.drop(failure("API_UNREACHABLE"));
    };
  }

  /** Forgets all history and all snapshots. */
  compact(): void {
    this.#compacted = this.#version;
    this.#history = [];
    this.#snapshots = new Map();
  }

  /** Tells every watch the present version. */
  bookmark(): void {
    for (const stream of this.#streams) stream.push(this.#bookmark(false));
  }

  /** Ends every watch: as a server does that goes down, or as a network does. */
  drop(error?: EvenkeelError): void {
    for (const stream of this.#streams) stream.end(error);
    this.#streams.clear();
  }

  async list(_kind: Kind, options: ListOptions = {}): Promise<ListPage> {
    this.listCount++;
    const { version, after } = this.#position(options.continue);
    const snapshot = this.#snapshots.get(version);
    if (snapshot === undefined) throw failure("API_EXPIRED");
    const rest = snapshot.filter((object) => objectKey(object.metadata) > after);
    const items = rest.slice(0, options.limit === undefined ? Infinity : Math.min(options.limit, this.pageSize));
    const last = items.at(-1);
    const token =
      items.length < rest.length && last !== undefined ? `${version} ${objectKey(last.metadata)}` : undefined;
    await this.afterPage();
    return { items, resourceVersion: String(version), continue: token };
  }

  async *watch(_kind: Kind, options: WatchOptions): AsyncGenerator<WatchEvent, void, undefined> {
    const isInitial = options.sendInitialEvents === true;
    if (isInitial && !this.servesWatchList) throw failure("API_INVALID");
    if (!isInitial && Number(options.resourceVersion) < this.#compacted) throw failure("API_EXPIRED");
    if (!isInitial && Number(options.resourceVersion) > this.#version) throw tooLarge;
    await this.untilOpen;
    options.onOpen?.();
    const stream = new Stream();
    if (isInitial) {
      for (const object of this.present()) stream.push({ type: "added", object });
      stream.push(this.#bookmark(true));
    } else
      for (const step of this.#history) if (step.version > Number(options.resourceVersion)) this.#tell(stream, step);
    this.#streams.add(stream);
    options.signal?.addEventListener("abort", () => stream.end(failure("API_UNREACHABLE")), { once: true });
    try {
      yield* stream.events();
    } finally {
      this.#streams.delete(stream);
    }
  }

  #position(token: string | undefined): { readonly version: number; readonly after: string } {
    if (token === undefined) {
      const inOrder = this.present().toSorted((a, b) => (objectKey(a.metadata) < objectKey(b.metadata) ? -1 : 1));
      this.#snapshots.set(this.#version, inOrder);
      return { version: this.#version, after: "" };
    }
    const [version = "", after = ""] = token.split(" ");
    return { version: Number(version), after };
  }

  #step(key: string, before: StoredObject | undefined, after: StoredObject | undefined): void {
    const step: Step = { version: ++this.#version, before, after, key };
    if (after === undefined) this.#objects.delete(key);
    else this.#objects.set(key, after);
    this.#history.push(step);
    for (const stream of this.#streams) this.#tell(stream, step);
  }

  /** Entering the selector is an ADDED, leaving it a DELETED at the step's version. */
  #tell(stream: Stream, { version, before, after }: Step): void {
    const was = before !== undefined && matches(this.#where, before);
    const is = after !== undefined && matches(this.#where, after);
    if (is) stream.push({ type: was ? "modified" : "added", object: after });
    else if (was) {
      const metadata = { ...before.metadata, resourceVersion: String(version) };
      stream.push({ type: "deleted", object: { ...before, metadata } });
    }
  }

  #bookmark(isInitialEventsEnd: boolean): WatchEvent {
    return { type: "bookmark", resourceVersion: String(this.#version), isInitialEventsEnd };
  }

  readonly resource = unserved;
  readonly get = unserved;
  readonly create = unserved;
  readonly update = unserved;
  readonly patch = unserved;
  readonly delete = unserved;
}

/** What a watch has still to deliver. */
class Stream {
  readonly #waiting: WatchEvent[] = [];
  #end: { readonly error: EvenkeelError | undefined } | undefined;
  #wake: () => void = () => {};

  push(event: WatchEvent): void {
    this.#waiting.push(event);
    this.#wake();
  }

  end(error?: EvenkeelError): void {
    this.#end ??= { error };
    this.#wake();
  }

  async *events(): AsyncGenerator<WatchEvent, void, undefined> {
    for (;;) {
      const event = this.#waiting.shift();
      if (event !== undefined) yield event;
      else if (this.#end !== undefined) break;
      else await this.#more();
    }
    if (this.#end.error !== undefined) throw this.#end.error;
  }

  #more(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    return promise;
  }
}

function unserved(): Promise<never> {
  return Promise.reject(new EvenkeelError("BUG", "the cache has no business with this call"));
}
