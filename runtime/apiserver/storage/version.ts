/** One version of one object. It is serialised at most once per form, and the bytes are shared by every list and watcher. */
import { type ApiObject, withMetadata, without } from "../object.ts";

const encoder = new TextEncoder();

export class StoredVersion {
  readonly key: string;
  readonly revision: number;
  readonly object: ApiObject;
  #body: Uint8Array<ArrayBuffer> | undefined;
  #metadataBody: Uint8Array<ArrayBuffer> | undefined;

  constructor(key: string, revision: number, object: ApiObject) {
    this.key = key;
    this.revision = revision;
    this.object = object;
  }

  /**
   * `{"metadata":…,"data":…}`: the object without kind and apiVersion. List items of built-in types have this form;
   * a get or a watch event puts the two in front.
   */
  get body(): Uint8Array<ArrayBuffer> {
    this.#body ??= encode(this.object);
    return this.#body;
  }

  /** `{"metadata":…}`, for clients that asked for PartialObjectMetadata. */
  get metadataBody(): Uint8Array<ArrayBuffer> {
    this.#metadataBody ??= encoder.encode(JSON.stringify({ metadata: this.object.metadata }));
    return this.#metadataBody;
  }
}

export function atRevision(object: ApiObject, revision: number): ApiObject {
  return withMetadata(object, { resourceVersion: String(revision) });
}

/** The JSON bytes of `object` without kind and apiVersion. */
export function encode(object: ApiObject): Uint8Array<ArrayBuffer> {
  return encoder.encode(
    JSON.stringify({ metadata: object.metadata, ...without(object, "kind", "apiVersion", "metadata") }),
  );
}

/** One step of the history of one resource. `after` is absent when the object is gone. */
export class Change {
  readonly revision: number;
  readonly key: string;
  readonly atMs: number;
  readonly before: StoredVersion | undefined;
  readonly after: StoredVersion | undefined;
  #departed: StoredVersion | undefined;

  constructor(fields: {
    readonly revision: number;
    readonly key: string;
    readonly atMs: number;
    readonly before: StoredVersion | undefined;
    readonly after: StoredVersion | undefined;
  }) {
    this.revision = fields.revision;
    this.key = fields.key;
    this.atMs = fields.atMs;
    this.before = fields.before;
    this.after = fields.after;
  }

  /** The last state with this change's revision: what a DELETED event shows, also to a watcher whose selector was left. */
  get departed(): StoredVersion | undefined {
    if (this.before !== undefined)
      this.#departed ??= new StoredVersion(this.key, this.revision, atRevision(this.before.object, this.revision));
    return this.#departed;
  }
}
