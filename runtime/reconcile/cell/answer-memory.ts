/**
 * Answers repeat: keys of one function ask the same, and little changes between two runs. So both sides of a cell remember
 * the last answers in the same way, and what the thread holds already is sent as its place in what it holds.
 */
import { FleetingMap } from "../../collections/fleeting-map.ts";
import { tooDeep } from "../../cache/freeze.ts";
import { EvenkeelError } from "../../kube/errors.ts";
import { describe } from "../../kube/kind.ts";
import type { StoredObject } from "../../kube/object.ts";
import type { Answer, Answers } from "./cell.ts";
import { receivedError, sentError, type SentError } from "./sent-error.ts";
import { sizeOf } from "./size.ts";

/** `id` is the query as formatQuery prints it. A number is a place in the last answer to the same query. */
export type SentAnswer =
  | { readonly id: string; readonly objects: "same" }
  | { readonly id: string; readonly objects: readonly (StoredObject | number)[]; readonly bytes: number }
  | { readonly id: string; readonly error: SentError };

type Objects = readonly StoredObject[];

interface Held {
  readonly objects: Objects;
  /** Of memory, roughly. The host alone weighs: whatever a function makes of its thread, both sides forget the same. */
  readonly bytes: number;
}

/** What is remembered on each side. It counts as held by the function, whose thread has six times as much for everything. */
const MAX_BYTES = 16 * 1024 * 1024;
/** Beside its objects, an answer has its query and a place in the order. So many bytes mean at most 16 384 answers. */
const ANSWER_BYTES = 1024;

/** The least recently used answers go first, on both sides at the same time. */
class Memory<H extends Held> {
  readonly #answers = new FleetingMap<string, H>();
  #bytes = 0;

  get(id: string): H | undefined {
    return this.#answers.get(id);
  }

  set(id: string, held: H): void {
    this.#forget(id);
    this.#answers.set(id, held);
    this.#bytes += held.bytes;
    if (this.#bytes <= MAX_BYTES) return;
    for (const oldest of this.#answers.keys()) {
      this.#forget(oldest);
      if (this.#bytes <= MAX_BYTES) return;
    }
  }

  #forget(id: string): void {
    const held = this.#answers.get(id);
    if (held === undefined) return;
    this.#answers.delete(id);
    this.#bytes -= held.bytes;
  }
}

interface Weighed extends Held {
  /** Bytes of each object, in their order: none is weighed twice. */
  readonly sizes: readonly number[];
}

/** The host's side. */
export class AnswerSender {
  readonly #memory = new Memory<Weighed>();

  send(answers: Answers): readonly SentAnswer[] {
    return answers
      .entries()
      .map(([id, answer]) => this.#sent(id, answer))
      .toArray();
  }

  #sent(id: string, { objects, error }: Answer): SentAnswer {
    if (objects === undefined) return { id, error: sentError(error) };
    const held = this.#memory.get(id);
    if (held !== undefined && isSame(held.objects, objects)) {
      this.#memory.set(id, held);
      return { id, objects: "same" };
    }
    const places = placesOf(held?.objects ?? []);
    const sent = objects.map((object) => places.get(object.metadata) ?? object);
    const sizes = sent.map((each) => (typeof each === "number" ? (held?.sizes[each] ?? 0) : sizeOf(each)));
    const bytes = sizes.reduce((sum, size) => sum + size, ANSWER_BYTES);
    // Neither side remembers it. Only a run that makes this read fails.
    if (bytes === Infinity) return { id, error: sentError(tooDeepIn(objects)) };
    this.#memory.set(id, { objects, bytes, sizes });
    return { id, objects: sent, bytes };
  }
}

function tooDeepIn(objects: Objects): EvenkeelError {
  const deep = objects.find((object) => sizeOf(object) === Infinity);
  return tooDeep(deep === undefined ? "what it reads" : describe(deep));
}

type Metadata = StoredObject["metadata"];

/** What is read in part is made anew at each read, and has the metadata of the object that the cache holds. */
function isSame(a: Objects, b: Objects): boolean {
  return a.length === b.length && a.every(({ metadata }, place) => metadata === b[place]?.metadata);
}

function placesOf(objects: Objects): ReadonlyMap<Metadata, number> {
  return objects.length === 0 ? NOWHERE : new Map(objects.map(({ metadata }, place) => [metadata, place]));
}

const NOWHERE: ReadonlyMap<Metadata, number> = new Map();

/** The thread's side. */
export class AnswerReceiver {
  readonly #memory = new Memory();

  receive(sent: readonly SentAnswer[]): Answers<Answer> {
    return new Map(sent.map((each) => [each.id, this.#received(each)]));
  }

  #received(sent: SentAnswer): Answer {
    if ("error" in sent) return { error: receivedError(sent.error) };
    const { id } = sent;
    const held = this.#memory.get(id);
    const now = sent.objects === "same" ? held : { objects: restored(sent.objects, held), bytes: sent.bytes };
    if (now === undefined) throw lost(id);
    this.#memory.set(id, now);
    return { objects: now.objects };
  }
}

function restored(sent: readonly (StoredObject | number)[], held: Held | undefined): Objects {
  return sent.map((each) => {
    const object = typeof each === "number" ? held?.objects[each] : each;
    if (object === undefined) throw lost("one of its objects");
    return object;
  });
}

function lost(what: string): EvenkeelError {
  return new EvenkeelError("BUG", `an answer was sent as one that is remembered, and ${what} is not`);
}
