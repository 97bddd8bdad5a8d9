/** The checks behind /livez and /readyz: what the host's rooms know of themselves. */
import type { SharedInformer } from "../cache/informer.ts";
import { codeOf } from "../kube/errors.ts";
import { formatQuery } from "../kube/query.ts";
import type { LeaderElector } from "../lease/leader-elector.ts";
import type { Checks } from "./health.ts";
import type { ProgramProblem } from "./program.ts";

/** A watch that says nothing for so long is dead: bookmarks come every minute. */
export const STALE_MS = 180_000;

interface Checked {
  readonly elector: LeaderElector | undefined;
  readonly informers: () => readonly SharedInformer[];
  readonly problems: () => readonly ProgramProblem[];
  /** Whether the caches that the host started with are still being filled. */
  readonly isStarting: () => boolean;
}

/** What a restart would mend. */
export function livezChecks({ elector, informers }: Pick<Checked, "elector" | "informers">): Checks {
  return new Map([
    ["lease", () => elector?.check()?.message],
    ["history", () => firstProblem(informers(), wentBack)],
  ]);
}

export function readyzChecks({ elector, informers, problems, isStarting }: Checked): Checks {
  // A function that comes later is no reason to call the others unready, unless its cache cannot be filled.
  const emptiness = ({ hasSynced, lastError }: SharedInformer): string | undefined =>
    hasSynced || (!isStarting() && lastError === undefined) ? undefined : "has not synced";
  return new Map([
    ["functions", () => problems()[0]?.message],
    ["caches", () => firstProblem(informers(), emptiness)],
    ["watches", () => firstProblem(informers(), staleness)],
    ["lease", () => (elector?.check() ?? elector?.checkStandby())?.message],
  ]);
}

function firstProblem(
  informers: readonly SharedInformer[],
  problem: (informer: SharedInformer) => string | undefined,
): string | undefined {
  for (const informer of informers) {
    const what = problem(informer);
    if (what !== undefined) return `${formatQuery(informer.query)} ${what}`;
  }
  return undefined;
}

/** What an API server has taken back stays in our memory until a restart. One that merely lags behind catches up in seconds. */
function wentBack({ lastError }: SharedInformer): string | undefined {
  return codeOf(lastError) === "API_WENT_BACK" ? "has seen what the API server knows no more" : undefined;
}

function staleness({ hasSynced, lastEventAgeMs, lastError }: SharedInformer): string | undefined {
  if (!hasSynced) return undefined;
  if (lastError !== undefined) return `cannot be watched: ${codeOf(lastError)}`;
  return (lastEventAgeMs ?? 0) > STALE_MS ? "has heard nothing for three minutes" : undefined;
}
