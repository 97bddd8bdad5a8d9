/** A kind that the API server does not serve: whether another was meant, or what is missing. */
import type { Resource } from "./api.ts";
import { EvenkeelError } from "./errors.ts";
import { groupOf, kindKey, mayBeCustom, type Kind } from "./kind.ts";

/** @param served what discovery knows, built-in kinds first */
export function notServed(wanted: Kind, served: readonly Resource[]): EvenkeelError {
  const meant = meantBy(wanted, served);
  const hint = meant === undefined ? whatIsMissing(groupOf(wanted)) : `did you mean ${kindKey(meant)}?`;
  return new EvenkeelError("KIND_NOT_SERVED", `${kindKey(wanted)} is not served by the API server (${hint})`);
}

/** The kind that has this name or plural, whatever the case and version; and whatever the group, where that must be built in. */
function meantBy({ apiVersion, kind }: Kind, served: readonly Resource[]): Kind | undefined {
  const name = kind.toLowerCase();
  const group = groupOf({ apiVersion, kind });
  const alike = served.filter(
    (it) => (name === it.kind.kind.toLowerCase() || name === it.plural) && (group === it.group || !mayBeCustom(group)),
  );
  return (alike.find((it) => apiVersion === it.kind.apiVersion) ?? alike[0])?.kind;
}

/** Most groups in k8s.io are built in, and what brings the others is not always a CustomResourceDefinition. */
function whatIsMissing(group: string): string {
  const isBuiltIn = !mayBeCustom(group) || group.endsWith(".k8s.io");
  return isBuiltIn ? "this API server does not have it" : "is its CustomResourceDefinition missing?";
}
