/** A list answer becomes a ListPage, or an error. "Nothing there" is believed only of a proper, empty List: copies are deleted on it. */
import type { ListPage } from "./api.ts";
import { recordOf, textOf } from "./json.ts";
import { badResponse, isExpected, storedItem, type Expected } from "./stored-object.ts";

/** @param answer parsed. @throws EvenkeelError API_BAD_RESPONSE */
export function listPage(answer: unknown, expected: Expected, what: string): ListPage {
  const list = recordOf(answer);
  if (list === undefined) throw badResponse(what, "the answer is not JSON, or was cut off");
  if (!isExpected(list, expected, "List")) {
    throw badResponse(what, `the answer is not a ${expected.kind}List of ${expected.apiVersion}`);
  }
  const metadata = recordOf(list["metadata"]);
  const resourceVersion = textOf(metadata?.["resourceVersion"]);
  if (resourceVersion === undefined) throw badResponse(what, "the list has no resourceVersion");
  const { items } = list;
  if (!Array.isArray(items)) throw badResponse(what, "the list has no items");
  return {
    items: items.map((item) => storedItem(item, expected, what)),
    resourceVersion,
    continue: textOf(metadata?.["continue"]),
  };
}
