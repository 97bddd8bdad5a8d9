/** The host's side of the wire: counts its requests, lets faults happen to them, and holds back what watches say. */
import { sleep, type Clock } from "../../runtime/clock/clock.ts";
import type { Transport, TransportRequest, TransportResponse } from "../../runtime/kube/transport.ts";
import { faulty, type Fault } from "../support/in-process-transport.ts";

export interface RecordedRequest {
  readonly method: TransportRequest["method"];
  /** `create`, `update`, `patch`, `apply`, `delete`; `get`, `list` or `watch` for what only reads. */
  readonly verb: string;
  /** `configmaps`; with the subresource, `configmaps/status`. */
  readonly resource: string;
  /** `NAMESPACE/NAME`, `NAME`, or the namespace alone for a collection. */
  readonly key: string;
  readonly path: string;
  readonly body: string | undefined;
  /** The server answers as if, and keeps nothing. */
  readonly isDryRun: boolean;
  readonly atMs: number;
  /** Undefined until it was answered, and for ever if it was not. */
  status: number | undefined;
}

/** Whether it changes, or means to change, anything but Events. */
export function isWrite({ method, resource, isDryRun }: RecordedRequest): boolean {
  return method !== "GET" && resource !== "events" && !isDryRun;
}

/** What happens to one request; undefined lets it pass. */
export type Rule = (request: RecordedRequest) => Fault | undefined;

export class Recorder {
  readonly requests: RecordedRequest[] = [];
  readonly transport: Transport;
  rule: Rule = () => undefined;
  /** How late watches say what they say. */
  watchDelayMs = 0;
  /** Nothing gets through any more, in either direction: the process is dead. */
  isDead = false;

  constructor(transport: Transport, clock: Clock) {
    let current: RecordedRequest | undefined;
    const suffering = faulty(transport, () => (current === undefined ? undefined : this.#fate(current)));
    this.transport = {
      close: () => transport.close(),
      send: async (request) => {
        const record = recordOf(request, clock.now());
        this.requests.push(record);
        // `faulty` asks its rule before its first await, so this is the request it asks about.
        current = record;
        const response = await suffering.send(request);
        record.status = response.status;
        return record.verb === "watch" ? this.#late(response, clock) : response;
      },
    };
  }

  #fate(request: RecordedRequest): Fault | undefined {
    return this.isDead ? { do: "fail" } : this.rule(request);
  }

  #late(response: TransportResponse, clock: Clock): TransportResponse {
    const late = async function* (this: Recorder): AsyncGenerator<Uint8Array, void, undefined> {
      for await (const chunk of response.body) {
        if (this.watchDelayMs > 0) await sleep(clock, this.watchDelayMs);
        if (this.isDead) return;
        yield chunk;
      }
    };
    return { ...response, body: late.call(this) };
  }
}

const PATH = /^\/(?:api|apis\/[^/]+)\/[^/]+(?:\/namespaces\/([^/]+)(?=\/))?\/([^/]+)(?:\/([^/]+))?(?:\/([^/]+))?$/;

function recordOf({ method, path, headers, body }: TransportRequest, atMs: number): RecordedRequest {
  const [where = "", query = ""] = path.split("?");
  const [, namespace, resource = where, name = nameIn(method, body), subresource] = PATH.exec(where) ?? [];
  return {
    method,
    verb: verbOf(method, query, name, headers["content-type"]),
    resource: subresource === undefined ? resource : `${resource}/${subresource}`,
    key: [namespace, name].filter((part) => part !== undefined).join("/"),
    path,
    body,
    isDryRun: query.includes("dryRun=All"),
    atMs,
    status: undefined,
  };
}

function nameIn(method: string, body: string | undefined): string | undefined {
  if (method !== "POST" || body === undefined) return undefined;
  const { metadata } = JSON.parse(body) as { readonly metadata?: { readonly name?: string } };
  return metadata?.name;
}

function verbOf(method: string, query: string, name: string | undefined, contentType: string | undefined): string {
  switch (method) {
    case "POST":
      return "create";
    case "PUT":
      return "update";
    case "PATCH":
      return contentType?.includes("apply") === true ? "apply" : "patch";
    case "DELETE":
      return "delete";
    default:
      if (query.includes("watch=true")) return "watch";
      return name === undefined ? "list" : "get";
  }
}
