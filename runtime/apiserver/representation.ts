/**
 * Versions as bytes: one object, a list, or watch events. The serialised bodies are shared; only the few bytes around
 * them differ from client to client.
 */
import type { Form } from "./negotiation.ts";
import { type Resource, groupVersion, shown } from "./resources/resource.ts";
import { type StoredVersion, encode } from "./storage/version.ts";
import { tableRow, columnDefinitions } from "./table.ts";

type Bytes = Uint8Array<ArrayBuffer>;

export interface ListMetadata {
  readonly resourceVersion: string;
  readonly continue?: string;
  readonly remainingItemCount?: number;
}

interface RepresentationOptions {
  readonly resource: Resource;
  readonly form: Exclude<Form, "metadataList">;
  /** How much of the object a table row carries. */
  readonly includeObject: "None" | "Metadata" | "Object";
  readonly wallMs: () => number;
}

const encoder = new TextEncoder();
const COMMA = encoder.encode(",");
const CLOSE_LIST = encoder.encode("]}\n");
const CLOSE_EVENT = encoder.encode("}\n");

const META = "meta.k8s.io/v1";

export class Representation {
  readonly #options: RepresentationOptions;
  /** `{"kind":"ConfigMap","apiVersion":"v1",` */
  readonly #head: Bytes;

  constructor(options: RepresentationOptions) {
    this.#options = options;
    const { resource, form } = options;
    this.#head =
      form === "metadata" ? head("PartialObjectMetadata", META) : head(resource.kind, groupVersion(resource));
  }

  /** One object, in pieces to be written one after the other. */
  object(version: StoredVersion): readonly Bytes[] {
    if (this.#options.form === "table") return [this.#table([version], { resourceVersion: revisionOf(version) })];
    return [this.#head, this.#body(version).subarray(1)];
  }

  list(versions: readonly StoredVersion[], metadata: ListMetadata): readonly Bytes[] {
    const { form, resource } = this.#options;
    if (form === "table") return [this.#table(versions, metadata)];
    const kind = form === "metadata" ? "PartialObjectMetadataList" : `${resource.kind}List`;
    const apiVersion = form === "metadata" ? META : groupVersion(resource);
    const open = { kind, apiVersion, metadata };
    const pieces: Bytes[] = [encoder.encode(`${JSON.stringify(open).slice(0, -1)},"items":[`)];
    versions.forEach((version, i) => {
      if (i > 0) pieces.push(COMMA);
      // Items of built-in kinds have no kind and apiVersion of their own; partial ones do.
      if (form === "metadata") pieces.push(...this.object(version));
      else pieces.push(this.#body(version));
    });
    pieces.push(CLOSE_LIST);
    return pieces;
  }

  event(type: "ADDED" | "MODIFIED" | "DELETED", version: StoredVersion): readonly Bytes[] {
    return [encoder.encode(`{"type":"${type}","object":`), ...this.object(version), CLOSE_EVENT];
  }

  /** @param initialEventsEnd marks the end of the initial events of a WatchList. */
  bookmark(revision: number, initialEventsEnd: boolean): readonly Bytes[] {
    const { resource, form } = this.#options;
    const resourceVersion = String(revision);
    const metadata = {
      resourceVersion,
      ...(initialEventsEnd ? { annotations: { "k8s.io/initial-events-end": "true" } } : {}),
    };
    if (form === "object") return bookmark({ kind: resource.kind, apiVersion: groupVersion(resource), metadata });
    const partial = { kind: "PartialObjectMetadata", apiVersion: META, metadata };
    if (form === "metadata") return bookmark(partial);
    // The metadata of a table has no annotations, so the mark travels in its only row.
    const rows = [{ cells: resource.columns.map(() => ""), object: partial }];
    return bookmark({
      kind: "Table",
      apiVersion: META,
      metadata: { resourceVersion },
      columnDefinitions: null,
      rows,
    });
  }

  #body(version: StoredVersion): Bytes {
    const { resource, form } = this.#options;
    if (form === "metadata") return version.metadataBody;
    return resource.convert === undefined ? version.body : encode(shown(resource, version.object));
  }

  #table(versions: readonly StoredVersion[], metadata: ListMetadata): Bytes {
    const { resource, includeObject } = this.#options;
    const wallMs = this.#options.wallMs();
    const table = {
      kind: "Table",
      apiVersion: META,
      metadata,
      columnDefinitions: columnDefinitions(resource),
      rows: versions.map((version) => tableRow(resource, version.object, includeObject, wallMs)),
    };
    return encoder.encode(`${JSON.stringify(table)}\n`);
  }
}

function bookmark(object: object): readonly Bytes[] {
  return [encoder.encode(`${JSON.stringify({ type: "BOOKMARK", object })}\n`)];
}

function head(kind: string, apiVersion: string): Bytes {
  return encoder.encode(`${JSON.stringify({ kind, apiVersion }).slice(0, -1)},`);
}

function revisionOf(version: StoredVersion): string {
  return version.object.metadata.resourceVersion ?? "";
}
