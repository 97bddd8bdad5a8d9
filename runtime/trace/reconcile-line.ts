/**
 * What one reconcile did, on one line for a person:
 * `mirror default/settings: 2 created (team-a, team-b) · woke: source added · 4.1 ms`
 */

const verbs = ["created", "updated", "applied", "deleted", "released"] as const;

export interface ReconcileLine {
  readonly function: string;
  readonly key: string;
  /** Where each write went: a namespace, or NAMESPACE/NAME where names differ. */
  readonly created: readonly string[];
  readonly updated: readonly string[];
  readonly applied: readonly string[];
  readonly deleted: readonly string[];
  readonly released: readonly string[];
  /** Names taken by objects that are not ours. */
  readonly conflictCount: number;
  /** Of the error, when the reconcile failed. */
  readonly code: string | undefined;
  /** When the key runs again, if nothing wakes it sooner. */
  readonly requeueAfterMs: number | undefined;
  /** The first reason, as printed by wakeReason. */
  readonly woke: string;
  /** All reasons, the first included. */
  readonly wakeCount: number;
  readonly durationMs: number;
  readonly traceId: string;
}

const MAX_PLACES = 6;

export function reconcileLine(line: ReconcileLine): string {
  const more = line.wakeCount > 1 ? ` (+${line.wakeCount - 1} more)` : "";
  return `${line.function} ${line.key}: ${outcome(line)} · woke: ${line.woke}${more} · ${duration(line.durationMs)}`;
}

/** The same as flat fields: `{ created: 2, createdIn: ["team-a", "team-b"], … }`. */
export function reconcileFields(line: ReconcileLine): Record<string, string | number | readonly string[] | undefined> {
  const fields: Record<string, string | number | readonly string[] | undefined> = {
    function: line.function,
    key: line.key,
  };
  for (const verb of verbs) {
    const places = line[verb];
    if (places.length === 0) continue;
    fields[verb] = places.length;
    fields[`${verb}In`] = places.slice(0, MAX_PLACES);
  }
  fields["conflicts"] = line.conflictCount;
  fields["code"] = line.code;
  fields["requeueAfterMs"] = line.requeueAfterMs;
  fields["woke"] = line.woke;
  fields["wakeCount"] = line.wakeCount;
  fields["durationMs"] = line.durationMs;
  fields["traceId"] = line.traceId;
  return fields;
}

/** `420 µs`, `4.1 ms`, `83 ms`, `1.4 s`, `2 min 5 s` */
export function duration(ms: number): string {
  // Each limit is where rounding would reach the next unit.
  if (ms < 0.9995) return `${Math.round(Math.max(0, ms) * 1000)} µs`;
  if (ms < 9.95) return `${ms.toFixed(1)} ms`;
  if (ms < 999.5) return `${Math.round(ms)} ms`;
  if (ms < 9_950) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 60) return `${seconds} s`;
  const rest = seconds % 60;
  return rest === 0 ? `${seconds / 60} min` : `${(seconds - rest) / 60} min ${rest} s`;
}

function outcome(line: ReconcileLine): string {
  const parts: string[] = [];
  if (line.code !== undefined) parts.push(`failed (${line.code})`);
  for (const verb of verbs) {
    const places = line[verb];
    if (places.length > 0) parts.push(`${places.length} ${verb} (${listed(places)})`);
  }
  const conflicts = line.conflictCount;
  if (conflicts > 0) parts.push(conflicts === 1 ? "1 conflict" : `${conflicts} conflicts`);
  if (parts.length === 0) parts.push("nothing written");
  if (line.requeueAfterMs !== undefined) parts.push(`again in ${duration(line.requeueAfterMs)}`);
  return parts.join(", ");
}

function listed(places: readonly string[]): string {
  const shown = places.slice(0, MAX_PLACES).join(", ");
  return places.length > MAX_PLACES ? `${shown}, +${places.length - MAX_PLACES} more` : shown;
}
