/**
 * Answers repeat: keys of one function ask the same, and little changes between two runs. So both sides of a cell remember
 * the last answers in the same way, and what the thread holds already is sent as its place in what it holds.
 */
import { FleetingMap } from "../../collections/fleeting-map.ts";
import { EvenkeelError } from "../../kube/errors.ts";
import type { StoredObject } from "../../kube/object.ts";
import type { Answer, Answers } from "./cell.ts";
import { receivedError, sentError, type SentError } from "./sent-error.ts";

/** `id` is the query as formatQuery prints it. A number is a place in the last answer to the same query. */
export type SentAnswer =
  | { readonly id: string; readonly objects: "same" | readonly (StoredObject | number)[] }
  | { readonly id: string; readonly error: SentError };

type Objects = readonly StoredObject[];

/** Answers and objects that are remembered: the least recently used go first, on both sides at the same time. */
const MAX_WEIGHT = 16_384;

class Memory {
  readonly #answers = new FleetingMap<string, Objects>();
  #weight = 0;

  get(id: string): Objects | undefined {
    return this.#answers.get(id);
  }

  set(id: string, objects: Objects): void {
    this.#forget(id);
    this.#answers.set(id, objects);
    this.#weight += weightOf(objects);
    if (this.#weight <= MAX_WEIGHT) return;
    for (const oldest of this.#answers.keys()) {
      this.#forget(oldest);
      if (this.#weight <= MAX_WEIGHT) return;
    }
  }

  #forget(id: string): void {
    const objects = this.#answers.get(id);
    if (objects === undefined) return;
    this.#answers.delete(id);
    this.#weight -= weightOf(objects);
  }
}

function weightOf(objects: Objects): number {
  return 1 + objects.length;
}

/** The host's side. */
export class AnswerSender {
  readonly #memory = new Memory();

  send(answers: Answers): readonly SentAnswer[] {
    return answers
      .entries()
      .map(([id, answer]) => this.#sent(id, answer))
      .toArray();
  }

  #sent(id: string, { objects, error }: Answer): SentAnswer {
    if (objects === undefined) return { id, error: sentError(error) };
    const held = this.#memory.get(id);
    this.#memory.set(id, objects);
    if (held === undefined) return { id, objects };
    if (isSame(held, objects)) return { id, objects: "same" };
    const places = new Map(held.map((object, place) => [object, place]));
    return { id, objects: objects.map((object) => places.get(object) ?? object) };
  }
}

/** The thread's side. */
export class AnswerReceiver {
  readonly #memory = new Memory();

  receive(sent: readonly SentAnswer[]): Answers<Answer> {
    return new Map(sent.map((each) => [each.id, this.#received(each)]));
  }

  #received(sent: SentAnswer): Answer {
    if ("error" in sent) return { error: receivedError(sent.error) };
    const { id } = sent;
    const held = this.#memory.get(id) ?? [];
    const at = (place: number): StoredObject =>
      held[place] ?? fail(`the answer to ${id} has no object ${place} to go back to`);
    const objects =
      sent.objects === "same" ? held : sent.objects.map((each) => (typeof each === "number" ? at(each) : each));
    this.#memory.set(id, objects);
    return { objects };
  }
}

function fail(what: string): never {
  throw new EvenkeelError("BUG", what);
}

function isSame(a: Objects, b: Objects): boolean {
  return a.length === b.length && a.every((object, place) => object === b[place]);
}
