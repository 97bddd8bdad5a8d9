/**
 * What tasks came to, on its way out of the thread. Waking the host costs more than a small run does, so several outcomes go
 * together while further tasks wait. Whatever a function returned is copied in the time of its own task: no getter of it
 * runs when another task is under way.
 */
import type { Done, Outcome, Told } from "./thread-messages.ts";
import { setField } from "../../kube/json.ts";

export class Outcomes {
  readonly #tell: (told: Told) => void;
  readonly #perMessage: number;
  readonly #orElse: (done: Done) => Outcome;
  #held: Done[] = [];

  /** @param orElse what a task came to whose outcome cannot leave its thread */
  constructor({ tell, perMessage, orElse }: OutcomesOptions) {
    this.#tell = tell;
    this.#perMessage = perMessage;
    this.#orElse = orElse;
  }

  add(done: Done): void {
    this.#held.push(done);
    if (this.#held.length >= this.#perMessage) this.flush();
  }

  flush(): void {
    const outcomes = this.#held;
    if (outcomes.length === 0) return;
    this.#held = [];
    try {
      this.#tell({ type: "done", outcomes });
    } catch {
      for (const done of outcomes) this.#tellAlone(done);
    }
  }

  #tellAlone(done: Done): void {
    try {
      this.#tell({ type: "done", outcomes: [done] });
    } catch {
      this.#tell({ type: "done", outcomes: [{ id: done.id, outcome: this.#orElse(done) }] });
    }
  }
}

interface OutcomesOptions {
  readonly tell: (told: Told) => void;
  readonly perMessage: number;
  readonly orElse: (done: Done) => Outcome;
}

/** Plain data as it is now, without its getters; what is shared stays shared. Anything else keeps its fields alone. */
export function copied<T>(value: T, copies = new Map<object, object>()): T {
  if (typeof value !== "object" || value === null) return value;
  const known = copies.get(value);
  if (known !== undefined) return known as T;
  if (Array.isArray(value)) return listCopied(value, copies) as T;
  const copy: Record<string, unknown> = {};
  copies.set(value, copy);
  for (const key of Object.keys(value)) {
    setField(copy, key, copied((value as Readonly<Record<string, unknown>>)[key], copies));
  }
  return copy as T;
}

function listCopied(list: readonly unknown[], copies: Map<object, object>): readonly unknown[] {
  const copy: unknown[] = [];
  copies.set(list, copy);
  for (const item of list) copy.push(copied(item, copies));
  return copy;
}
