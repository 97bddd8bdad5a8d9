/** What the other rooms ask of the API server. `client.ts` is the implementation; this is the contract. */
import type { Kind } from "./kind.ts";
import type { ObjectName, StoredObject } from "./object.ts";
import type { Lane } from "./transport.ts";

/** Where a kind is served, as discovery says. */
export interface Resource {
  readonly kind: Kind;
  /** `` for the core group. */
  readonly group: string;
  /** `configmaps` */
  readonly plural: string;
  readonly isNamespaced: boolean;
}

export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
  /** Default 30 000. A watch has limits of its own instead. */
  readonly deadlineMs?: number | undefined;
  /** Default `requests`; of a watch, `watches`. */
  readonly lane?: Lane | undefined;
  /** Extra headers, lower case: `traceparent`. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

export interface ReadOptions extends CallOptions {
  /** `metadata`: nothing else of objects is asked for, or comes, whatever the server sends. Absent: whole objects. */
  readonly part?: "metadata" | undefined;
}

export interface ListOptions extends ReadOptions {
  readonly namespace?: string | undefined;
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
  readonly limit?: number | undefined;
  readonly continue?: string | undefined;
}

/** A list that was proven to be one: right kind, items an array of objects with name and uid, a resourceVersion. */
export interface ListPage {
  /** apiVersion and kind are filled in, managedFields are dropped. */
  readonly items: readonly StoredObject[];
  readonly resourceVersion: string;
  readonly continue: string | undefined;
}

export interface WatchOptions extends ReadOptions {
  readonly namespace?: string | undefined;
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
  readonly resourceVersion: string;
  /** WatchList: begin with the present objects, ended by a bookmark with `isInitialEventsEnd`. */
  readonly sendInitialEvents?: boolean | undefined;
  /** The server closes the watch after this; the client after this plus 30 s. */
  readonly timeoutSeconds: number;
  /** No byte for so long means that the connection is dead: ends with API_TIMEOUT. */
  readonly idleMs: number;
  /** Called once, when the server has begun to answer; a quiet watch says nothing more for a minute. */
  readonly onOpen?: (() => void) | undefined;
}

export type WatchEvent =
  | { readonly type: "added" | "modified" | "deleted"; readonly object: StoredObject }
  | { readonly type: "bookmark"; readonly resourceVersion: string; readonly isInitialEventsEnd: boolean };

/** Compact answer of a write: a host needs no more of it. */
export interface WriteResult {
  /** Of HTTP: 200, 201 or 202. */
  readonly status: number;
  /** `undefined`: of a delete, which the server answered with a Status. */
  readonly object: StoredObject | undefined;
  /** Response header `audit-id`. */
  readonly auditId: string | undefined;
}

export interface Preconditions {
  readonly uid: string;
  readonly resourceVersion?: string | undefined;
}

/**
 * Each call is one HTTP request, never retried here but for a single retry with renewed credentials: after 401, or when
 * the server's certificate is not trusted with those we had.
 * (Where a kind is served is asked for when it is first needed.)
 * @throws EvenkeelError with an `API_…` code and, where the server answered, its `status`; KIND_NOT_SERVED; and the reason
 *   of the caller's signal when that aborts.
 */
export interface Api {
  /** @throws EvenkeelError KIND_NOT_SERVED */
  resource(kind: Kind, options?: Pick<CallOptions, "signal">): Promise<Resource>;
  get(kind: Kind, name: ObjectName, options?: ReadOptions): Promise<StoredObject>;
  list(kind: Kind, options?: ListOptions): Promise<ListPage>;
  /** Ends normally when the server closes it. An ERROR event throws the error that its Status says. */
  watch(kind: Kind, options: WatchOptions): AsyncIterable<WatchEvent>;
  /** `object` is the body to send. */
  create(kind: Kind, object: object & { readonly metadata: ObjectName }, options?: WriteOptions): Promise<WriteResult>;
  /** PUT. `metadata.resourceVersion` in the body makes it conditional. */
  update(kind: Kind, object: object & { readonly metadata: ObjectName }, options?: WriteOptions): Promise<WriteResult>;
  /** JSON merge patch (`merge`) or server-side apply (`apply`). */
  patch(kind: Kind, name: ObjectName, patch: object, options: PatchOptions): Promise<WriteResult>;
  delete(kind: Kind, name: ObjectName, preconditions: Preconditions, options?: ReadOptions): Promise<WriteResult>;
}

export interface WriteOptions extends ReadOptions {
  readonly subresource?: "status" | "scale" | undefined;
  readonly fieldManager?: string | undefined;
  /** `dryRun=All`: the server does all but store. */
  readonly isDryRun?: boolean | undefined;
}

export interface PatchOptions extends WriteOptions {
  readonly type: "merge" | "apply";
  readonly fieldManager: string;
  /** With `apply`: take over fields that another manager owns. Default false. */
  readonly force?: boolean | undefined;
}
