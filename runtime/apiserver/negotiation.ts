/** What the client wants to see: the object, only its metadata, or a table for people. */
import { own } from "../kube/json.ts";
import { notAcceptable } from "./status.ts";

export type Form = "object" | "metadata" | "metadataList" | "table";

const FORMS: Readonly<Record<string, Form>> = {
  PartialObjectMetadata: "metadata",
  PartialObjectMetadataList: "metadataList",
  Table: "table",
};

/**
 * The first acceptable entry of an Accept header wins, as in the real server.
 * @throws ApiError 406 when none is: another encoding, or another kind of object than the three.
 */
export function negotiate(accept: string | null): Form {
  if (accept === null || accept.trim() === "") return "object";
  for (const entry of accept.split(",")) {
    const [type = "", ...parameters] = entry.split(";").map((part) => part.trim());
    if (type !== "application/json" && type !== "*/*" && type !== "application/*") continue;
    const values = new Map(parameters.map((parameter) => split(parameter)));
    const kind = values.get("as");
    if (kind === undefined) return "object";
    const form = own(FORMS, kind);
    if (form !== undefined && values.get("g") === "meta.k8s.io" && values.get("v") === "v1") return form;
  }
  throw notAcceptable();
}

function split(parameter: string): [string, string] {
  const equals = parameter.indexOf("=");
  return equals === -1 ? [parameter, ""] : [parameter.slice(0, equals), parameter.slice(equals + 1)];
}
