/** meta.k8s.io/v1 Table: what `kubectl get` prints. */
import { type ApiObject, type JsonObject } from "./object.ts";
import { type Resource, shown } from "./resources/resource.ts";

export function columnDefinitions(resource: Resource): readonly JsonObject[] {
  return resource.columns.map(({ name, type, format = "", description, priority }) => ({
    name,
    type,
    format,
    description,
    priority,
  }));
}

/** @param object in the stored form. */
export function tableRow(
  resource: Resource,
  object: ApiObject,
  includeObject: "None" | "Metadata" | "Object",
  wallMs: number,
): JsonObject {
  const cells = resource.columns.map((column) => column.cell(object, wallMs));
  switch (includeObject) {
    case "None":
      return { cells, object: null };
    case "Object":
      return { cells, object: shown(resource, object) };
    case "Metadata":
      return {
        cells,
        object: { kind: "PartialObjectMetadata", apiVersion: "meta.k8s.io/v1", metadata: object.metadata },
      };
    default:
      return includeObject satisfies never;
  }
}
