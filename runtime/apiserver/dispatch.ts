/** From a path and a method to a verb. Every error of a verb ends here as a Status. */
import { own } from "../kube/json.ts";
import { Call, type Services } from "./call.ts";
import type { ApiServerMetrics } from "./metrics.ts";
import { listOptions } from "./options.ts";
import { type RequestInfo, requestInfo } from "./request-info.ts";
import type { Resource } from "./resources/resource.ts";
import type { ResourceTable } from "./resources/resource-table.ts";
import { ApiError, forbidden, internalError, methodNotAllowed, unknownPath } from "./status.ts";
import { remove, removeCollection } from "./verbs/delete.ts";
import { patch } from "./verbs/patch.ts";
import { get, list } from "./verbs/read.ts";
import { review } from "./verbs/review.ts";
import { getScale, patchScale, updateScale } from "./verbs/scale.ts";
import { watch } from "./verbs/watch.ts";
import { create, update } from "./verbs/write.ts";

type Handler = (call: Call) => Response | Promise<Response>;

/** A method of a kind of path: what it does and what metrics call it. */
interface Verb {
  readonly name: string;
  readonly run: Handler;
}

type Methods = Readonly<Record<string, Verb>>;

interface Route {
  /** Undefined when no such kind is served. */
  readonly resource: Resource | undefined;
  /** Undefined when the path has no such method. */
  readonly verb: Verb | undefined;
  /** Whether the path exists for the kind. */
  readonly served: boolean;
}

const COLLECTION: Methods = {
  GET: { name: "LIST", run: (call) => list(call, listOptions(call.query)) },
  POST: { name: "POST", run: create },
  DELETE: { name: "DELETECOLLECTION", run: (call) => removeCollection(call, listOptions(call.query)) },
};
const WATCH: Verb = { name: "WATCH", run: (call) => watch(call, listOptions(call.query)) };

const ITEM: Methods = {
  GET: { name: "GET", run: get },
  PUT: { name: "PUT", run: (call) => update(call, "") },
  PATCH: { name: "PATCH", run: (call) => patch(call, "") },
  DELETE: { name: "DELETE", run: remove },
};
const STATUS: Methods = {
  GET: { name: "GET", run: get },
  PUT: { name: "PUT", run: (call) => update(call, "status") },
  PATCH: { name: "PATCH", run: (call) => patch(call, "status") },
};
const SCALE: Methods = {
  GET: { name: "GET", run: getScale },
  PUT: { name: "PUT", run: updateScale },
  PATCH: { name: "PATCH", run: patchScale },
};
const REVIEW: Methods = { POST: { name: "POST", run: review } };
const FINALIZE: Methods = { PUT: { name: "PUT", run: (call) => update(call, "finalize") } };

export class Dispatcher {
  readonly #services: Services;
  readonly #resources: ResourceTable;
  readonly #metrics: ApiServerMetrics;

  constructor(services: Services, resources: ResourceTable, metrics: ApiServerMetrics) {
    this.#services = services;
    this.#resources = resources;
    this.#metrics = metrics;
  }

  /** @returns undefined when the path names no resource. */
  async handle(request: Request): Promise<Response | undefined> {
    const { pathname, searchParams: query } = new URL(request.url);
    const info = requestInfo(pathname);
    if (info === undefined) return undefined;
    const found = this.#find(request, query, info);
    const response = await this.#run(request, query, info, found);
    const verb = found.verb?.name ?? request.method;
    this.#metrics.count({
      verb: isApply(request) ? "APPLY" : verb,
      info,
      dryRun: query.get("dryRun") === "All",
      code: response.status,
    });
    return response;
  }

  #find(request: Request, query: URLSearchParams, info: RequestInfo): Route {
    const resource = this.#resources.find(info.group, info.version, info.resource);
    if (resource === undefined) return { resource, verb: undefined, served: false };
    const methods = methodsOf(resource, info);
    const verb = methods === undefined ? undefined : own(methods, request.method);
    const isWatch = verb?.name === "LIST" && ["true", "1"].includes(query.get("watch") ?? "");
    return { resource, verb: isWatch ? WATCH : verb, served: methods !== undefined };
  }

  async #run(
    request: Request,
    query: URLSearchParams,
    info: RequestInfo,
    { resource, verb, served }: Route,
  ): Promise<Response> {
    try {
      refuseImpersonation(request);
      if (resource === undefined || !served) throw unknownPath();
      if (verb === undefined) throw methodNotAllowed();
      return await verb.run(new Call(this.#services, request, query, info, resource));
    } catch (error) {
      return failure(error);
    }
  }
}

/** An answer for everybody would pass for one about the user that was named. @throws ApiError 403 */
function refuseImpersonation(request: Request): void {
  const user = request.headers.get("impersonate-user");
  if (user === null) return;
  const why = "this server impersonates nobody: whoever reaches it may do everything";
  throw forbidden({ group: "", resource: "users" }, user, why);
}

/** @returns undefined when there is no such path for this kind. */
function methodsOf(resource: Resource, { namespace, name, subresource }: RequestInfo): Methods | undefined {
  // A namespaced kind is listed and watched across namespaces, and nothing else.
  if (resource.namespaced && namespace === undefined)
    return name === undefined ? { GET: COLLECTION["GET"] ?? WATCH } : undefined;
  if (!resource.namespaced && namespace !== undefined) return undefined;
  if (resource.answer !== undefined) return name === undefined ? REVIEW : undefined;
  if (name === undefined) return collectionOf(resource);
  switch (subresource) {
    case undefined:
      return ITEM;
    case "status":
      return resource.status ? STATUS : undefined;
    case "scale":
      return resource.scale === undefined ? undefined : SCALE;
    case "finalize":
      return resource.finalize ? FINALIZE : undefined;
    default:
      return undefined;
  }
}

function collectionOf({ finalize }: Resource): Methods {
  if (!finalize) return COLLECTION;
  return Object.fromEntries(Object.entries(COLLECTION).filter(([method]) => method !== "DELETE"));
}

function isApply(request: Request): boolean {
  return (
    request.method === "PATCH" && request.headers.get("content-type")?.startsWith("application/apply-patch") === true
  );
}

/** An error as a Status response. What is not an ApiError is a fault of this server. */
export function failure(error: unknown): Response {
  const { status } =
    error instanceof ApiError ? error : internalError(error instanceof Error ? error.message : String(error));
  const headers = new Headers({ "content-type": "application/json", "cache-control": "no-cache, private" });
  const seconds = status.details?.retryAfterSeconds;
  if (seconds !== undefined) headers.set("retry-after", String(seconds));
  return new Response(`${JSON.stringify(status)}\n`, { status: status.code, headers });
}
