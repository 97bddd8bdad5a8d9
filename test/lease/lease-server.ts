/** The Lease part of an API server, in virtual time: optimistic locking, watches, and any weather between it and its clients. */
import type { Api, CallOptions, WatchEvent, WatchOptions, WriteResult } from "../../runtime/kube/api.ts";
import { EvenkeelError, type Code } from "../../runtime/kube/errors.ts";
import type { KubeObject, StoredObject } from "../../runtime/kube/object.ts";
import { leaseRecord, type LeaseSpec } from "../../runtime/lease/lease.ts";
import type { VirtualClock } from "../support/virtual-clock.ts";
import type { ReplicaClock } from "./replica.ts";

export interface Request {
  readonly client: string;
  readonly verb: "get" | "create" | "update" | "watch";
}

/** What happens to one request. */
export interface Weather {
  /** On the way there, and on the way back. */
  readonly requestMs?: number;
  readonly responseMs?: number;
  /** Default `answered`. `unanswered`: carried out, but the answer is lost. A code: refused with it. */
  readonly fate?: "answered" | "unanswered" | "lost" | Code;
}

export interface Handled extends Request {
  readonly atMs: number;
  readonly lane: string | undefined;
  readonly outcome: "ok" | Code;
  /** After it. */
  readonly holder: string;
}

export class LeaseServer {
  weather: (request: Request) => Weather = () => ({});
  /** All that was handled, in order. */
  readonly log: Handled[] = [];
  /** Requests as they were sent, handled or not. */
  readonly sent: (Request & { readonly atMs: number })[] = [];
  lease: StoredObject | undefined;
  readonly #clock: VirtualClock;
  /** Whom to tell of events, and what ends their watches. */
  readonly #watchers = new Map<(event: WatchEvent) => void, AbortController>();
  #revision = 100;

  constructor(clock: VirtualClock) {
    this.#clock = clock;
  }

  get spec(): LeaseSpec {
    assertLease(this.lease);
    return this.lease.spec;
  }

  /** As a user does with kubectl. Undefined deletes. */
  put(spec: LeaseSpec | undefined, metadata: object = {}): void {
    const old = this.lease;
    if (spec !== undefined) this.#store({ ...metadata, name: "evenkeel", namespace: "system" }, spec);
    else if (old !== undefined) {
      this.lease = undefined;
      this.#tell({ type: "deleted", object: old });
    }
  }

  get watchCount(): number {
    return this.#watchers.size;
  }

  /** As it does after their timeoutSeconds. */
  endWatches(): void {
    for (const end of this.#watchers.values()) end.abort();
  }

  /** The Api of one client, whose process may be stopped. */
  api(client: string, process: ReplicaClock): Api {
    const write = async (verb: "create" | "update", body: object, options: CallOptions): Promise<WriteResult> => {
      const object = await this.#exchange({ client, verb }, process, options, () => this.#write(verb, body));
      return { status: 200, object, auditId: undefined };
    };
    return {
      get: (_kind, _name, options = {}) =>
        this.#exchange({ client, verb: "get" }, process, options, () => this.lease ?? refuse("API_NOT_FOUND")),
      create: (_kind, body, options = {}) => write("create", body, options),
      update: (_kind, body, options = {}) => write("update", body, options),
      watch: (_kind, options) => this.#watch(client, process, options),
      resource: unused,
      list: unused,
      patch: unused,
      delete: unused,
    };
  }

  /** The answer arrives, or not, whatever becomes of the caller: an abandoned request is carried out all the same. */
  #exchange<T>(request: Request, process: ReplicaClock, options: CallOptions, handle: () => T): Promise<T> {
    const { requestMs = 0, responseMs = 0, fate = "answered" } = this.weather(request);
    this.sent.push({ ...request, atMs: this.#clock.now() });
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const answer = (settle: () => void): void => {
      if (fate === "unanswered") return;
      this.#clock.after(responseMs, () => void process.awake().then(settle));
    };
    this.#clock.after(requestMs, () => {
      if (fate === "lost") return;
      try {
        const result = fate === "answered" || fate === "unanswered" ? handle() : refuse(fate);
        this.#note(request, options, "ok");
        answer(() => resolve(result));
      } catch (error) {
        if (error instanceof EvenkeelError) this.#note(request, options, error.code);
        answer(() => reject(error));
      }
    });
    return promise;
  }

  #write(verb: "create" | "update", body: object): StoredObject {
    assertLease(body);
    if (verb === "create" && this.lease !== undefined) refuse("API_ALREADY_EXISTS");
    if (verb === "update" && this.lease === undefined) refuse("API_NOT_FOUND");
    if (verb === "update" && body.metadata.resourceVersion !== this.lease?.metadata.resourceVersion)
      refuse("API_CONFLICT");
    return this.#store(body.metadata, body.spec);
  }

  #store(metadata: KubeObject["metadata"], spec: LeaseSpec): StoredObject {
    const type = this.lease === undefined ? "added" : "modified";
    const identity = {
      uid: this.lease?.metadata.uid ?? `uid-${this.#revision}`,
      resourceVersion: `${++this.#revision}`,
    };
    const stored = {
      apiVersion: "coordination.k8s.io/v1",
      kind: "Lease",
      metadata: { ...metadata, ...identity },
      spec: { ...spec },
    };
    this.lease = stored;
    this.#tell({ type, object: stored });
    return stored;
  }

  #note(request: Request, { lane }: CallOptions, outcome: "ok" | Code): void {
    const holder = this.lease === undefined ? "" : leaseRecord(this.lease).holder;
    this.log.push({ ...request, atMs: this.#clock.now(), lane, outcome, holder });
  }

  #tell(event: WatchEvent): void {
    for (const watcher of this.#watchers.keys()) watcher(event);
  }

  async *#watch(client: string, process: ReplicaClock, options: WatchOptions): AsyncGenerator<WatchEvent> {
    const { fate = "answered" } = this.weather({ client, verb: "watch" });
    this.sent.push({ client, verb: "watch", atMs: this.#clock.now() });
    if (fate !== "answered" && fate !== "unanswered" && fate !== "lost") refuse(fate);
    const events: WatchEvent[] = [];
    let wake: (() => void) | undefined;
    const watcher = (event: WatchEvent): void => {
      if (fate === "answered") events.push(event);
      wake?.();
    };
    const end = new AbortController();
    const signal = AbortSignal.any([end.signal, ...(options.signal === undefined ? [] : [options.signal])]);
    signal.addEventListener("abort", () => wake?.());
    this.#watchers.set(watcher, end);
    try {
      while (!signal.aborted) {
        const { promise, resolve } = Promise.withResolvers<void>();
        wake = resolve;
        if (events.length === 0) await promise;
        await process.awake();
        yield* events.splice(0);
      }
    } finally {
      this.#watchers.delete(watcher);
    }
  }
}

function unused(): never {
  throw new Error("not a request of an elector");
}

function refuse(code: Code): never {
  throw new EvenkeelError(code, "lease system/evenkeel");
}

function assertLease(object: object | undefined): asserts object is KubeObject & { readonly spec: LeaseSpec } {
  if (object === undefined || !("spec" in object) || !("metadata" in object)) throw new Error("not a Lease");
}
