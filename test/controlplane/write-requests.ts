/** How many writes the API server has served, by its own count: what a controller says about itself is not evidence. */

/** One series of `apiserver_request_total`. Rows that differ only in version or component stay apart: add them up. */
export interface WriteRequests {
  /** APPLY is server-side apply. */
  readonly verb: WriteVerb;
  /** `""` for the core group. */
  readonly group: string;
  /** `configmaps` */
  readonly resource: string;
  /** `""`, `status`, `token` … */
  readonly subresource: string;
  /** HTTP status, `201`. */
  readonly code: number;
  readonly isDryRun: boolean;
  readonly count: number;
}

const METRIC_VERBS = ["POST", "PUT", "PATCH", "APPLY", "DELETE"] as const;
export type WriteVerb = (typeof METRIC_VERBS)[number] | "DELETECOLLECTION";

/** Reads the rows from the text of `/metrics`. Reviews (`tokenreviews`, `selfsubjectaccessreviews`) are POSTs too. */
export function parseWriteRequests(metrics: string): readonly WriteRequests[] {
  return [...metrics.matchAll(/^apiserver_request_total\{(.*)\} (\S+)$/gm)].flatMap(([, text = "", count]) => {
    const labels = new Map([...text.matchAll(/(\w+)="([^"]*)"/g)].map(([, name, value]) => [name, value]));
    const verb = METRIC_VERBS.find((verb) => verb === labels.get("verb"));
    if (verb === undefined) return [];
    // The server counts the deletion of a collection as DELETE too; only the scope tells them apart.
    const isCollection = verb === "DELETE" && labels.get("scope") !== "resource";
    return {
      verb: isCollection ? "DELETECOLLECTION" : verb,
      group: labels.get("group") ?? "",
      resource: labels.get("resource") ?? "",
      subresource: labels.get("subresource") ?? "",
      code: Number(labels.get("code")),
      isDryRun: labels.get("dry_run") !== "",
      count: Number(count),
    };
  });
}

export function totalWrites(rows: readonly WriteRequests[]): number {
  return rows.reduce((total, { count }) => total + count, 0);
}
