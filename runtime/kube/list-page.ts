/** A list answer becomes a ListPage, or an error. "Nothing there" is believed only of a proper, empty List: copies are deleted on it. */
import type { ListPage } from "./api.ts";
import { recordOf, textOf, type JsonRecord } from "./json.ts";
import { groupOf, mayBeCustom, type Kind } from "./kind.ts";
import { badResponse, isExpected, storedItem, storedObject, type Expected } from "./stored-object.ts";

/**
 * @param answer parsed
 * @param isServed whether discovery knows the kind
 * @throws EvenkeelError API_BAD_RESPONSE
 */
export function listPage(
  answer: unknown,
  expected: Expected,
  what: string,
  isServed: (kind: Kind) => boolean,
): ListPage {
  const list = recordOf(answer);
  if (list === undefined) throw badResponse(what, "the answer is not JSON, or was cut off");
  const isUsual = isExpected(list, expected, "List");
  if (!isUsual && !isNamedOtherwise(list, expected, isServed)) {
    throw badResponse(what, `the answer is not a ${expected.kind}List of ${expected.apiVersion}`);
  }
  const metadata = recordOf(list["metadata"]);
  const resourceVersion = textOf(metadata?.["resourceVersion"]);
  if (resourceVersion === undefined) throw badResponse(what, "the list has no resourceVersion");
  const { items } = list;
  if (!Array.isArray(items)) throw badResponse(what, "the list has no items");
  return {
    items: items.map((item) => (isUsual ? storedItem : storedObject)(item, expected, what)),
    resourceVersion,
    continue: textOf(metadata?.["continue"]),
  };
}

/**
 * A CustomResourceDefinition may call its lists what it likes (`spec.names.listKind`), and discovery does not tell. Only what is
 * of another kind that is served is refused; items name their own kind, and are held to it.
 */
function isNamedOtherwise(
  { apiVersion, kind }: JsonRecord,
  expected: Expected,
  isServed: (kind: Kind) => boolean,
): boolean {
  if (!mayBeCustom(groupOf(expected)) || apiVersion !== expected.apiVersion || textOf(kind) === undefined) return false;
  const name = String(kind);
  return ![name, name.replace(/List$/, "")].some((other) => isServed({ apiVersion: expected.apiVersion, kind: other }));
}
