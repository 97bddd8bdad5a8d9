/** One request on its way through the server, and what the verbs share. */
import type { Clock } from "../clock/clock.ts";
import { joined } from "./bytes.ts";
import { type JsonObject } from "./object.ts";
import { negotiate } from "./negotiation.ts";
import { type Registry, type WriteTarget, objectKey } from "./registry.ts";
import { Representation } from "./representation.ts";
import type { RequestInfo } from "./request-info.ts";
import { type Resource, storedAs } from "./resources/resource.ts";
import { badRequest, notInThisForm } from "./status.ts";
import type { ResourceStore } from "./storage/resource-store.ts";
import type { Storage } from "./storage/storage.ts";
import type { StoredVersion } from "./storage/version.ts";
import { warningHeaders } from "./warnings.ts";
import type { WatchSet } from "./watch-set.ts";

export interface Services {
  readonly clock: Clock;
  readonly storage: Storage;
  readonly registry: Registry;
  readonly watches: WatchSet;
  /** Events that may wait for a slow watcher. */
  readonly maxWatchBacklog: number;
}

export type ResponseBody = string | Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array<ArrayBuffer>>;

export class Call {
  readonly services: Services;
  readonly request: Request;
  readonly query: URLSearchParams;
  readonly info: RequestInfo;
  readonly resource: Resource;
  readonly #warnings: string[] = [];

  constructor(services: Services, request: Request, query: URLSearchParams, info: RequestInfo, resource: Resource) {
    this.services = services;
    this.request = request;
    this.query = query;
    this.info = info;
    this.resource = resource;
  }

  get store(): ResourceStore {
    return this.services.storage.store(this.resource.storage);
  }

  /** Empty for cluster-scoped kinds and for all namespaces. */
  get namespace(): string {
    return this.info.namespace ?? "";
  }

  get name(): string {
    return this.info.name ?? "";
  }

  /** Of the object that the path names. */
  get key(): string {
    return objectKey(this.namespace, this.name);
  }

  /**
   * @param shape of the answer: in a watch each object may be asked for by either name.
   * @param resource what is shown, where that is not what the path names: a Scale.
   * @throws ApiError 406 for the metadata of a list where there is one object, and the other way round.
   */
  representation(shape: "one" | "list" | "watch", resource = this.resource): Representation {
    const includeObject = this.query.get("includeObject") ?? "";
    const form = negotiate(this.request.headers.get("accept"));
    if (shape === "one" && form === "metadataList") throw notInThisForm("PartialObjectMetadataList", "is not a list");
    if (shape === "list" && form === "metadata") throw notInThisForm("PartialObjectMetadata", "is a list");
    return new Representation({
      resource,
      form: form === "metadataList" ? "metadata" : form,
      includeObject: parseIncludeObject(includeObject),
      wallMs: () => this.services.clock.wall(),
    });
  }

  writeTarget(fieldManager: string, dryRun: boolean, subresource: WriteTarget["subresource"] = ""): WriteTarget {
    const manager = fieldManager === "" ? managerFromUserAgent(this.request.headers.get("user-agent")) : fieldManager;
    const { resource: rules, namespace } = this;
    return { resource: storedAs(rules), rules, namespace, manager, subresource, dryRun };
  }

  warn(warnings: readonly string[]): void {
    this.#warnings.push(...warnings);
  }

  /** The response for one object. */
  answer(version: StoredVersion, status = 200): Response {
    return this.respond(joined(this.representation("one").object(version)), status);
  }

  json(value: JsonObject, status = 200): Response {
    return this.respond(`${JSON.stringify(value)}\n`, status);
  }

  respond(body: ResponseBody, status: number): Response {
    const headers = new Headers({ "content-type": "application/json", "cache-control": "no-cache, private" });
    for (const warning of warningHeaders(this.#warnings)) headers.append("warning", warning);
    return new Response(body, { status, headers });
  }
}

function parseIncludeObject(value: string): "None" | "Metadata" | "Object" {
  switch (value) {
    case "":
    case "Metadata":
      return "Metadata";
    case "None":
    case "Object":
      return value;
    default:
      throw badRequest(`unrecognized includeObject value: "${value}"`);
  }
}

/** `kubectl/v1.36 (linux)` → `kubectl`. Source: handlers/create.go managerOrUserAgent. */
function managerFromUserAgent(userAgent: string | null): string {
  const manager = (userAgent ?? "").split("/", 1)[0]?.slice(0, 128) ?? "";
  return manager === "" ? "unknown" : manager;
}
