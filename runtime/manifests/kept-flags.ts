/** What the flags of `npm run manifests` said is kept in the tree that they made, and goes for the next run as well. */
import { parseDocument } from "yaml";
import { OUR_PREFIX } from "../reconcile/provenance.ts";
import type { Installation } from "./installation.ts";

export type KeptFlags = Pick<Installation, "namespace" | "allowedPrefixes">;

const NAMESPACE = `${OUR_PREFIX}namespace`;
const ALLOWED_PREFIXES = `${OUR_PREFIX}allowed-prefixes`;

/** Annotations of the base's Kustomization; they do not reach the cluster. */
export function asAnnotations({ namespace, allowedPrefixes }: KeptFlags): Readonly<Record<string, string>> {
  const allowed = allowedPrefixes.join(",");
  return { [NAMESPACE]: namespace, ...(allowed === "" ? {} : { [ALLOWED_PREFIXES]: allowed }) };
}

/** @param text of that Kustomization. @returns undefined where it keeps nothing: it is of no tree that was written here. */
export function keptFlagsIn(text: string): KeptFlags | undefined {
  const document = parseDocument(text);
  const [namespace, allowed = ""] = [NAMESPACE, ALLOWED_PREFIXES].map((name) =>
    document.getIn(["metadata", "annotations", name]),
  );
  if (typeof namespace !== "string") return undefined;
  return {
    namespace,
    allowedPrefixes: String(allowed)
      .split(",")
      .filter((prefix) => prefix !== ""),
  };
}
