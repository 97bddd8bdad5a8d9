/**
 * Which of our writes made which version of an object: how a reconcile that was woken by another one's write finds its cause.
 * The event often comes before the answer to the write that made it; then the cause is known when that answer is in.
 */
import type { SpanContext } from "@opentelemetry/api";
import { FleetingMap } from "../collections/fleeting-map.ts";
import { RecentMap } from "../collections/recent-map.ts";
import type { Change } from "../cache/store.ts";
import { objectId } from "../kube/kind.ts";

/** A cause is asked for within moments of the write; older ones make room. */
const MIN_CAUSES = 4_096;

export class WriteCauses {
  readonly #causes = new RecentMap<string, SpanContext>(MIN_CAUSES);
  /** Objects that are being written. */
  readonly #underWay = new FleetingMap<string, UnderWay>();
  readonly #quietHandlers = new Set<() => void>();

  /** Whether any write, of whatever function, is waiting to be sent or to be answered. */
  get isBusy(): boolean {
    return this.#underWay.size > 0;
  }

  /** Tells each time when the last write under way was answered. @returns how to stop it. */
  onQuiet(handler: () => void): () => void {
    this.#quietHandlers.add(handler);
    return () => void this.#quietHandlers.delete(handler);
  }

  /** A write to `id` is about to be sent. @returns what is to be called when it was answered, after `note` */
  sending(id: string): () => void {
    const write = this.#underWay.get(id) ?? { count: 0, answered: undefined };
    this.#underWay.set(id, write);
    let isAnswered = false;
    write.count++;
    return () => {
      if (isAnswered) return;
      isAnswered = true;
      write.count--;
      if (write.count > 0) return;
      this.#underWay.delete(id);
      write.answered?.resolve();
      if (!this.isBusy) for (const handler of this.#quietHandlers) handler();
    };
  }

  /** @param version the resourceVersion that was written, or the uid of what was deleted. */
  note(id: string, version: string, span: SpanContext): void {
    this.#causes.set(`${id}@${version}`, span);
  }

  find({ query, key, before, after }: Change): SpanContext | undefined {
    const id = objectId(query.kind, key);
    return this.#causes.get(`${id}@${after?.metadata.resourceVersion ?? before?.metadata.uid}`);
  }

  /** As `find`, once the write that is under way is answered; undefined when none is. */
  findLater(change: Change): Promise<SpanContext | undefined> | undefined {
    const write = this.#underWay.get(objectId(change.query.kind, change.key));
    if (write === undefined) return undefined;
    write.answered ??= Promise.withResolvers<void>();
    return write.answered.promise.then(() => this.find(change));
  }
}

interface UnderWay {
  /** Two functions may write the same object. */
  count: number;
  /** There when somebody waits for it. */
  answered: PromiseWithResolvers<void> | undefined;
}
