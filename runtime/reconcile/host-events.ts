/** The Events that the host itself tells about a key, beside those of the function. */
import { objectKey } from "../kube/object.ts";
import { warning, type EventEffect } from "./effects.ts";
import type { KeyRecord } from "./key-record.ts";
import type { Target } from "./plan.ts";
import type { Provenance } from "./provenance.ts";
import { idOf } from "./request.ts";
import type { Tally } from "./tally.ts";

/** What an operator must know about a key, beside what the function says. */
export function hostEvents({ blocked }: KeyRecord, { refused, written }: Tally): readonly EventEffect[] {
  const events: EventEffect[] = [];
  const tell = (reason: string, targets: readonly string[], what: string): void => {
    if (targets.length > 0) events.push(warning(reason, `${some(targets)} ${what}`.slice(0, 1024)));
  };
  const strangers = refused.filter(({ wish, holder }) => wish === "child" && holder === undefined).map(idOf);
  const taken = [...strangers, ...blocked.targets("not_ours")];
  tell("NotOurs", taken, "exists and is not ours; it is never overwritten: rename it or delete it");
  const held = refused.flatMap(({ holder, ...target }) => (holder === undefined ? [] : [heldBy(target, holder)]));
  tell("NotOurs", held, "and is left alone until that lets go of it");
  const foreign = refused.filter(({ wish }) => wish !== "child").map(idOf);
  tell("NotOurs", foreign, "is not ours; it is neither deleted nor let go");
  const fought = blocked.targets("not_converging");
  tell("NotConverging", fought, "keeps being changed back by somebody else; it is left alone for ten minutes");
  for (const reason of ["denied", "not_found"] as const) {
    // What is missing for a moment, such as a namespace that is being made, is no news.
    const isNews = (target: string): boolean => reason === "denied" || (blocked.get(target)?.tries ?? 0) > 0;
    const [first = "", ...more] = blocked.targets(reason).filter(isNews).toSorted();
    const message = blocked.get(first)?.refusal?.message.slice(0, 1000);
    if (message !== undefined)
      events.push(warning("WriteRefused", more.length === 0 ? message : `${message} (and ${more.length} more)`));
  }
  for (const { verb, name } of written) {
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

function heldBy(target: Target, { function: name, owner }: Provenance): string {
  return `${idOf(target)} was made by ${name} for ${owner.kind} ${objectKey(owner)}`;
}

/** Sorted, so that the same news reads the same after a restart, and is told once. */
function some(targets: readonly string[]): string {
  const [first, ...rest] = targets.toSorted();
  return rest.length === 0 ? `${first}` : `${first} (and ${rest.length} more)`;
}
