/** What a host sees of the cluster: its queries, as requests that can be held and as series that can be read. */
import type { Asked } from "../../controlplane/holding-proxy.ts";
import { samplesOf } from "../../trace/metrics-page.ts";

export interface Sight {
  /** How metrics and lines name it, to begin with: how much of each object is kept may follow. */
  readonly query: string;
  /** Whether the request fills or follows this cache: the list, the watch, and the watch that begins with a list. */
  readonly isAsked: (asked: Asked) => boolean;
}

const sight = (query: string, path: string, labels: string | null): Sight => ({
  query,
  isAsked: ({ method, url: { pathname, searchParams } }) =>
    method === "GET" && pathname === path && searchParams.get("labelSelector") === labels,
});

/** All that the decisions of mirror and cleanup-on-delete rest upon. */
export const sights = {
  sources: sight("v1/ConfigMap */* [mirror=true]", "/api/v1/configmaps", "mirror=true"),
  copies: sight(
    "v1/ConfigMap */* [evenkeel.dev/function=mirror]",
    "/api/v1/configmaps",
    "evenkeel.dev/function=mirror",
  ),
  namespaces: sight("v1/Namespace */*", "/api/v1/namespaces", null),
} as const satisfies Record<string, Sight>;

/** Whether it asks for all that there is, with or without a watch to follow. */
export function isWholeList({ url: { searchParams } }: Asked): boolean {
  return !searchParams.has("watch") || searchParams.has("sendInitialEvents");
}

/** Of the series that show it on a page of metrics; each of them, where it is kept in more than one way. */
export function shownOf(page: string, metric: string, { query }: Sight): readonly number[] {
  const isOfIt = (series: string): boolean => series.startsWith(`${metric}{name="${query}`);
  return [...samplesOf(page)].flatMap(([series, value]) => (isOfIt(series) ? [value] : []));
}

/** The line by which a host tells that a watch of it has ended without a word. */
export function watchTimedOut({ query }: Sight): RegExp {
  return new RegExp(`"message":"watch ended","query":"${RegExp.escape(query)}[^"]*","code":"API_TIMEOUT"`);
}

/** The line by which it tells that a list must do, because the history is gone. */
export function historyGone({ query }: Sight): RegExp {
  return new RegExp(`"message":"the watch cannot go on from so long ago[^"]*","query":"${RegExp.escape(query)}`);
}
