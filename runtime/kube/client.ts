/** ApiClient: each call of the Api is one HTTP request, and each answer is checked before anybody sees it. */
import type { Clock } from "../clock/clock.ts";
import type {
  Api,
  CallOptions,
  ListOptions,
  ListPage,
  PatchOptions,
  Preconditions,
  ReadOptions,
  Resource,
  WatchEvent,
  WatchOptions,
  WriteOptions,
  WriteResult,
} from "./api.ts";
import { RestMapper } from "./rest-mapper.ts";
import type { Deadline } from "./deadline.ts";
import { Encodings } from "./encodings.ts";
import { codeOf, EvenkeelError } from "./errors.ts";
import { Exchanges, type Answer, type Call, type Observer, type Stream } from "./exchange.ts";
import { recordOf } from "./json.ts";
import { kindKey, objectId, type Kind } from "./kind.ts";
import { listPage } from "./list-page.ts";
import { objectKey, type ObjectName, type StoredObject } from "./object.ts";
import { refusalIn } from "./refusal.ts";
import { collectionPath, creationPath, objectPath, queryString } from "./resource-path.ts";
import { badResponse, requireName, storedObject, type Expected } from "./stored-object.ts";
import type { Transport } from "./transport.ts";
import { watchEvents } from "./watch.ts";

interface ApiClientOptions {
  readonly transport: Transport;
  readonly clock: Clock;
  /** Called once per request, after its answer. */
  readonly observer?: Observer | undefined;
}

/** A field that the server does not know is refused, not dropped: a dropped one would be missing, and written, for ever. */
const FIELD_VALIDATION = "Strict";

export class ApiClient implements Api {
  readonly #encodings = new Encodings();
  readonly #exchanges: Exchanges;
  readonly #mapper: RestMapper;
  readonly #clock: Clock;

  constructor({ transport, clock, observer }: ApiClientOptions) {
    this.#clock = clock;
    this.#exchanges = new Exchanges(transport, clock, observer, this.#encodings);
    this.#mapper = new RestMapper(this.#exchanges, clock);
  }

  async resource(kind: Kind, options: Pick<CallOptions, "signal"> = {}): Promise<Resource> {
    return this.#mapper.resource(kind, options);
  }

  async get(kind: Kind, name: ObjectName, options: ReadOptions = {}): Promise<StoredObject> {
    const what = `get ${objectId(kind, objectKey(name))}`;
    const resource = await this.#mapper.resource(kind, options);
    const path = objectPath(resource, name, what);
    const call = { what, kind, about: "object", path, accept: this.#encodings.accept(kind, options), options } as const;
    const { record } = await this.#ask({ verb: "get", method: "GET", ...call, asked: { resource, name } });
    return requireName(storedObject(record, expectedOf(kind, options), what), name, what);
  }

  async list(kind: Kind, options: ListOptions = {}): Promise<ListPage> {
    const { namespace, labelSelector, fieldSelector, limit } = options;
    const what = `list ${kindKey(kind)}${within(namespace)}`;
    const collection = collectionPath(await this.#mapper.resource(kind, options), namespace, what);
    const path = collection + queryString({ labelSelector, fieldSelector, limit, continue: options.continue });
    const call = { what, kind, about: "collection", path, accept: acceptOfList(options), options } as const;
    const { record } = await this.#ask({ verb: "list", method: "GET", ...call });
    return listPage(record, expectedOf(kind, options), what, (other) => this.#mapper.knows(other));
  }

  watch(kind: Kind, options: WatchOptions): AsyncIterable<WatchEvent> {
    const { namespace, lane = "watches" } = options;
    const what = `watch ${kindKey(kind)}${within(namespace)}`;
    const open = async (deadline: Deadline): Promise<Stream> => {
      const resource = await this.#mapper.resource(kind, { signal: deadline.signal });
      const path = collectionPath(resource, namespace, what) + watchQuery(options);
      const accept = this.#encodings.accept(kind, options);
      const call = { what, kind, about: "collection", path, accept, options: { ...options, lane } } as const;
      return this.#forgetting(kind, this.#exchanges.open({ verb: "watch", method: "GET", ...call }, deadline));
    };
    return watchEvents({ clock: this.#clock, what, expected: expectedOf(kind, options), options, open });
  }

  create(kind: Kind, object: Named, options: WriteOptions = {}): Promise<WriteResult> {
    return this.#write("create", kind, object.metadata, object, options);
  }

  update(kind: Kind, object: Named, options: WriteOptions = {}): Promise<WriteResult> {
    return this.#write("update", kind, object.metadata, object, options);
  }

  patch(kind: Kind, name: ObjectName, patch: object, options: PatchOptions): Promise<WriteResult> {
    return options.type === "apply"
      ? this.#write("apply", kind, name, patch, options, options.force ?? false)
      : this.#write("patch", kind, name, patch, options);
  }

  async delete(
    kind: Kind,
    name: ObjectName,
    { uid, resourceVersion }: Preconditions,
    options: ReadOptions = {},
  ): Promise<WriteResult> {
    const what = `delete ${objectId(kind, objectKey(name))}`;
    if (!uid) throw new EvenkeelError("BUG", `${what}: a delete without the uid of what is meant`);
    const path = objectPath(await this.#mapper.resource(kind, options), name, what);
    // Background is said, because the default of some older kinds (batch/v1 Job) is to orphan.
    const body = JSON.stringify({
      apiVersion: "v1",
      kind: "DeleteOptions",
      preconditions: { uid, resourceVersion },
      propagationPolicy: "Background",
    });
    const call = {
      what,
      kind,
      about: "object",
      path,
      accept: this.#encodings.accept(kind, options),
      body,
      options,
    } as const;
    const answer = await this.#ask({ verb: "delete", method: "DELETE", ...call });
    return written("delete", answer, expectedOf(kind, options), name, what);
  }

  async #write(
    verb: keyof typeof writes,
    kind: Kind,
    name: ObjectName,
    body: object,
    options: WriteOptions,
    force?: boolean,
  ): Promise<WriteResult> {
    const { subresource, fieldManager, isDryRun = false } = options;
    const what = `${verb} ${objectId(kind, objectKey(name))}${subresource === undefined ? "" : `/${subresource}`}`;
    const resource = await this.#mapper.resource(kind, options);
    const target =
      verb === "create" && subresource === undefined
        ? creationPath(resource, name.namespace, what)
        : objectPath(resource, name, what, subresource);
    const answer = await this.#ask({
      ...writes[verb],
      verb,
      what,
      kind,
      about: "object",
      accept: this.#encodings.accept(kind, options),
      path:
        target +
        queryString({ fieldManager, fieldValidation: FIELD_VALIDATION, force, dryRun: isDryRun ? "All" : undefined }),
      body: JSON.stringify(body),
      options,
    });
    return written(verb, answer, expectedOf(subresource === "scale" ? scale : kind, options), name, what);
  }

  #ask(call: Call & { readonly kind: Kind }): Promise<Answer> {
    return this.#forgetting(call.kind, this.#exchanges.ask(call));
  }

  async #forgetting<T>(kind: Kind, answer: Promise<T>): Promise<T> {
    try {
      return await answer;
    } catch (error) {
      if (codeOf(error) === "KIND_NOT_SERVED") this.#mapper.forget(kind);
      throw error;
    }
  }
}

type Named = object & { readonly metadata: ObjectName };

/** How each write travels. Apply patches are YAML by name; JSON is YAML. */
const writes = {
  create: { method: "POST", contentType: "application/json" },
  update: { method: "PUT", contentType: "application/json" },
  patch: { method: "PATCH", contentType: "application/merge-patch+json" },
  apply: { method: "PATCH", contentType: "application/apply-patch+yaml" },
} as const;

const scale: Kind = { apiVersion: "autoscaling/v1", kind: "Scale" };

/**
 * Lists are the exception, and JSON: an empty one says so. A server that cannot leave the rest out may send it: it is dropped
 * here. Source: Kubernetes API concepts, metadata-only fetches.
 */
function acceptOfList({ part }: ReadOptions): string {
  const json = "application/json";
  return part === undefined ? json : `${json};as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,${json}`;
}

function expectedOf({ apiVersion, kind }: Kind, { part }: ReadOptions): Expected {
  return { apiVersion, kind, part };
}

function within(namespace: string | undefined): string {
  return namespace === undefined ? "" : ` in ${namespace}`;
}

/** Source: KEP-956 (bookmarks), KEP-3157 (sendInitialEvents demands resourceVersionMatch). */
function watchQuery({ labelSelector, fieldSelector, resourceVersion, ...options }: WatchOptions): string {
  const isWatchList = options.sendInitialEvents === true;
  return queryString({
    watch: true,
    allowWatchBookmarks: true,
    timeoutSeconds: options.timeoutSeconds,
    labelSelector,
    fieldSelector,
    resourceVersion: resourceVersion === "" ? undefined : resourceVersion,
    sendInitialEvents: isWatchList ? true : undefined,
    resourceVersionMatch: isWatchList ? "NotOlderThan" : undefined,
  });
}

/** Only a delete may be answered with a Status: of what else was written the answer is the object. */
function written(
  verb: keyof typeof writes | "delete",
  { status, headers, record }: Answer,
  expected: Expected,
  name: ObjectName,
  what: string,
): WriteResult {
  const answer = recordOf(record);
  if (answer === undefined) throw badResponse(what, "the answer is not JSON, or was cut off; it may have been done");
  const isStatus = answer["kind"] === "Status" && answer["apiVersion"] === "v1";
  if (isStatus && answer["status"] === "Failure") throw refusalIn(answer, what, "object");
  return {
    status,
    object: isStatus && verb === "delete" ? undefined : requireName(storedObject(answer, expected, what), name, what),
    auditId: headers["audit-id"],
  };
}
