/** The Events that the host itself tells about a key, beside those of the function. */
import { objectKey } from "../kube/object.ts";
import { warning, type EventEffect } from "./effects.ts";
import type { KeyRecord } from "./key-record.ts";
import type { Provenance } from "./provenance.ts";
import { idOf } from "./request.ts";
import type { Tally } from "./tally.ts";

/** What an operator must know about a key, beside what the function says. */
export function hostEvents(
  { blocked }: KeyRecord,
  { refused, written, kept, hasFilledName }: Tally,
): readonly EventEffect[] {
  // Of nearly every key after a start.
  if (refused.length + written.length + kept.length + blocked.size === 0) return [];
  const events: EventEffect[] = [];
  const tell = (reason: string, targets: readonly string[], what: string): void => {
    if (targets.length > 0) events.push(warning(reason, `${some(targets)} ${what}`));
  };
  const taken = [
    ...refused.flatMap(({ wish, holder, ...target }) => (wish === "child" ? [{ id: idOf(target), holder }] : [])),
    ...blocked.targets("not_ours").map((id) => ({ id, holder: blocked.get(id)?.holder })),
  ];
  const byStrangers = taken.flatMap(({ id, holder }) => (holder === undefined ? [id] : []));
  tell("NotOurs", byStrangers, "exists and is not ours; it is never overwritten: rename it or delete it");
  const byOthers = taken.flatMap(({ id, holder }) => (holder === undefined ? [] : [heldBy(id, holder)]));
  tell("NotOurs", byOthers, "and is left alone until that lets go of it");
  const foreign = refused.filter(({ wish }) => wish !== "child").map(idOf);
  tell("NotOurs", foreign, "is not ours; it is neither deleted nor let go");
  if (!hasFilledName)
    tell("Kept", kept.map(idOf), "is wanted no more; it is kept until one of those that are wanted can be made");
  const fought = blocked.targets("not_converging");
  tell(
    "NotConverging",
    fought,
    "keeps being changed back or deleted by somebody else, or is wanted otherwise after each write; it is left alone for ten minutes",
  );
  for (const reason of ["denied", "not_found"] as const) {
    // What is missing for a moment, such as a namespace that is being made, is no news.
    const isNews = (target: string): boolean => reason === "denied" || (blocked.get(target)?.tries ?? 0) > 0;
    const [first = "", ...more] = blocked.targets(reason).filter(isNews).toSorted();
    const message = blocked.get(first)?.refusal?.message.slice(0, 1000);
    if (message !== undefined)
      events.push(warning("WriteRefused", more.length === 0 ? message : `${message} (and ${more.length} more)`));
  }
  for (const write of written) {
    const { verb, name } = write;
    if (verb === "replace" || (verb === "create" && write.isSuccessor === true))
      events.push(
        warning(
          "Replaced",
          `${objectKey(name)} was immutable and has been replaced; kubelets show its new content only to restarted pods`,
        ),
      );
  }
  return events;
}

function heldBy(target: string, { function: name, owner }: Provenance): string {
  return `${target} was made by ${name} for ${owner.kind} ${objectKey(owner)}`;
}

/** Sorted, so that the same news reads the same after a restart, and is told once. */
function some(targets: readonly string[]): string {
  const [first, ...rest] = targets.toSorted();
  return rest.length === 0 ? `${first}` : `${first} (and ${rest.length} more)`;
}
