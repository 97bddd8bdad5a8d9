/** The Events that the host itself tells about a key, beside those of the function. */
import { objectKey } from "../kube/object.ts";
import { warning, type EventEffect } from "./effects.ts";
import type { KeyRecord } from "./key-record.ts";
import type { Tally } from "./tally.ts";

/** What an operator must know about a key, beside what the function says. */
export function hostEvents(record: KeyRecord, tally: Tally): readonly EventEffect[] {
  const events: EventEffect[] = [];
  const taken = [...tally.refused, ...record.blocked.targets("not_ours")];
  if (taken.length > 0)
    events.push(
      warning("NotOurs", `${some(taken)} exists and is not ours; it is never overwritten: rename it or delete it`),
    );
  const fought = record.blocked.targets("not_converging");
  if (fought.length > 0)
    events.push(
      warning(
        "NotConverging",
        `${some(fought)} keeps being changed back by somebody else; it is left alone for ten minutes`,
      ),
    );
  const [denied] = tally.denied;
  if (denied !== undefined) events.push(warning("WriteRefused", denied.error.message.slice(0, 1024)));
  for (const { verb, name } of tally.written) {
    if (verb === "replace")
      events.push(
        warning(
          "Replaced",
          `${objectKey(name)} was immutable and has been replaced; kubelets show its new content only to restarted pods`,
        ),
      );
  }
  return events;
}

/** Sorted, so that the same news reads the same after a restart, and is told once. */
function some(targets: readonly string[]): string {
  const [first, ...rest] = targets.toSorted();
  return rest.length === 0 ? `${first}` : `${first} (and ${rest.length} more)`;
}
