/** One consistent list of everything that a Query means, in pages; and the Query as the API server is asked for it. */
import type { Api, ListOptions, ListPage } from "../kube/api.ts";
import { codeOf, EvenkeelError } from "../kube/errors.ts";
import type { StoredObject } from "../kube/object.ts";
import { formatQuery, labelSelector, type Query } from "../kube/query.ts";

/** Source: client-go tools/pager/pager.go. Parsing a page of 500 keeps the event loop busy for a few milliseconds. */
const PAGE_SIZE = 500;

export interface Snapshot {
  readonly objects: readonly StoredObject[];
  /** A watch from here misses nothing that the list does not show. */
  readonly resourceVersion: string;
}

/**
 * What the server can select by itself; `namePrefix` it cannot, so the Store leaves out what does not match. A digest is made
 * here, of what the server sends whole.
 */
export function selection({
  where,
  part,
}: Query): Pick<ListOptions, "namespace" | "labelSelector" | "fieldSelector" | "part"> {
  return {
    part: part === "metadata" ? part : undefined,
    namespace: where.namespace === "" ? undefined : where.namespace,
    labelSelector: labelSelector(where),
    fieldSelector: where.name === undefined ? undefined : `metadata.name=${escaped(where.name)}`,
  };
}

/** Source: apimachinery pkg/fields (EscapeValue). */
function escaped(value: string): string {
  return value.replaceAll(/[\\,=]/g, String.raw`\$&`);
}

/** All that is asked of the Api: the caller may stand in between, to trace each page. */
type Lists = Pick<Api, "list">;

/**
 * Lists without a resourceVersion, which means: the state at the time of the call, and no older one. All pages belong to the
 * snapshot of the first. When the server has forgotten that snapshot before the last page, or a page is of another, as from a
 * server that lags, everything is listed anew in one request. The token that the server offers instead is never used: it goes
 * on in a *different* snapshot, and an object that is in neither part may have been deleted or merely missed.
 * @throws EvenkeelError `API_…`, KIND_NOT_SERVED
 */
export async function listAll(api: Lists, query: Query, signal: AbortSignal): Promise<Snapshot> {
  const options = { ...selection(query), signal };
  const { items, resourceVersion, continue: first } = await api.list(query.kind, { ...options, limit: PAGE_SIZE });
  const pages = [items];
  const tokens = new Set<string>();
  for (let token = first; token !== undefined;) {
    if (tokens.has(token)) throw bad(query, "comes to the same page again");
    tokens.add(token);
    const page = await pageAfter(api, query, options, token);
    if (page?.resourceVersion !== resourceVersion) return inOne(api, query, options);
    pages.push(page.items);
    token = page.continue;
  }
  return { objects: pages.flat(), resourceVersion };
}

/** Refuses a list that was asked for whole and has a token all the same: what it lacks would count as deleted. */
async function inOne(api: Lists, query: Query, options: ListOptions): Promise<Snapshot> {
  const { items, resourceVersion, continue: token } = await api.list(query.kind, options);
  if (token === undefined) return { objects: items, resourceVersion };
  throw bad(query, "was asked for whole, and has another page");
}

/** @returns undefined when the snapshot has expired. */
async function pageAfter(api: Lists, query: Query, options: ListOptions, token: string): Promise<ListPage | undefined> {
  try {
    return await api.list(query.kind, { ...options, limit: PAGE_SIZE, continue: token });
  } catch (error) {
    if (codeOf(error) === "API_EXPIRED") return undefined;
    throw error;
  }
}

function bad(query: Query, because: string): EvenkeelError {
  return new EvenkeelError("API_BAD_RESPONSE", `list of ${formatQuery(query)} ${because}`);
}
