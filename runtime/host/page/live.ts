/**
 * The page kept up to date by server-sent events. While nobody looks nothing is computed; while somebody does, the status is
 * read twice a second and the sections whose text changed are sent. A viewer that reads slowly misses intermediate states,
 * never the last one: what waits for it is one text per section, and the next replaces it.
 */
import type { Clock, Timer } from "../../clock/clock.ts";
import type { StatusSource } from "../status.ts";
import { keySection, type Question } from "./key.ts";
import { sharedSections } from "./sections.ts";

interface LiveOptions {
  readonly source: StatusSource;
  readonly clock: Clock;
}

/** Each costs a connection and a text per section. A browser opens one per tab. */
export const MAX_STREAMS = 16;
const EVERY_MS = 500;
/** So that a connection that died is noticed on both sides, and none in between takes it for idle. */
const HEARTBEAT_MS = 15_000;
/** What the browser waits before it connects again. */
const RECONNECT_MS = 2_000;

export class Live {
  readonly #source: StatusSource;
  readonly #clock: Clock;
  readonly #streams = new Set<Stream>();
  #timer: Timer | undefined;
  #isClosed = false;

  constructor({ source, clock }: LiveOptions) {
    this.#source = source;
    this.#clock = clock;
  }

  /** The body of an answer of type text/event-stream; undefined when there are too many viewers. */
  open(question: Question): ReadableStream<Uint8Array> | undefined {
    if (this.#isClosed || this.#streams.size >= MAX_STREAMS) return undefined;
    const stream = new Stream(question, this.#clock, () => this.#streams.delete(stream));
    this.#streams.add(stream);
    this.#show();
    return stream.body;
  }

  /** Ends all streams, for good. */
  close(): void {
    this.#isClosed = true;
    this.#timer?.cancel();
    for (const stream of this.#streams) stream.end();
    this.#streams.clear();
  }

  readonly #show = (): void => {
    this.#timer?.cancel();
    if (this.#streams.size === 0) return;
    const shared = sharedSections(this.#source.read());
    for (const stream of this.#streams) {
      for (const [name, text] of shared) stream.put(name, String(text));
      stream.put("key", String(keySection(this.#source, stream.question)));
      stream.flush();
    }
    this.#timer = this.#clock.after(EVERY_MS, this.#show);
  };
}

class Stream {
  readonly question: Question;
  readonly body: ReadableStream<Uint8Array>;
  readonly #clock: Clock;
  readonly #encoder = new TextEncoder();
  /** What the viewer has been sent of each section. */
  readonly #sent = new Map<string, string>();
  /** What it is yet to be sent. */
  readonly #waiting = new Map<string, string>();
  #controller!: ReadableStreamDefaultController<Uint8Array>;
  #spokeMs: number;

  constructor(question: Question, clock: Clock, onGone: () => void) {
    this.question = question;
    this.#clock = clock;
    this.#spokeMs = clock.now();
    this.body = new ReadableStream({
      start: (controller) => {
        this.#controller = controller;
      },
      pull: () => this.flush(),
      cancel: onGone,
    });
    this.#say(`retry: ${RECONNECT_MS}\n\n`);
  }

  put(name: string, text: string): void {
    if (this.#sent.get(name) === text) this.#waiting.delete(name);
    else this.#waiting.set(name, text);
  }

  /** Sends what waits, unless the viewer has not taken what was sent before. */
  flush(): void {
    if ((this.#controller.desiredSize ?? 0) <= 0) return;
    if (this.#waiting.size > 0) {
      this.#say(`data: ${JSON.stringify(Object.fromEntries(this.#waiting))}\n\n`);
      for (const [name, text] of this.#waiting) this.#sent.set(name, text);
      this.#waiting.clear();
    } else if (this.#clock.now() - this.#spokeMs >= HEARTBEAT_MS) this.#say(": still here\n\n");
  }

  end(): void {
    this.#controller.close();
  }

  #say(text: string): void {
    this.#spokeMs = this.#clock.now();
    this.#controller.enqueue(this.#encoder.encode(text));
  }
}
