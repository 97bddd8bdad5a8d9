/**
 * The body of a watch response: events as they happen, until the client leaves, time is up, or the client reads so
 * slowly that its backlog is full. Then the stream ends, and the client resumes from the last version it has seen.
 */
import { joined } from "./bytes.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** Events waiting are sent together, up to about this size. */
const CHUNK_BYTES = 64 * 1024;

export class WatchStream {
  readonly body: ReadableStream<Bytes>;
  readonly #maxBacklog: number;
  readonly #onEnd: () => void;
  /** Events from the past or the present state: made one by one as the client reads, so they need no room. */
  readonly #initial: Iterator<readonly Bytes[], undefined>;
  #initialDone = false;
  /** Events that happened since. Their pieces are shared with other watchers. */
  #backlog: (readonly Bytes[])[] = [];
  #controller: ReadableStreamDefaultController<Bytes> | undefined;
  #reading: (() => void) | undefined;
  #ended = false;

  /**
   * @param maxBacklog events that may wait for the client.
   * @param onEnd called once, whatever the reason.
   */
  constructor(initial: Iterable<readonly Bytes[], undefined>, maxBacklog: number, onEnd: () => void) {
    this.#initial = initial[Symbol.iterator]();
    this.#maxBacklog = maxBacklog;
    this.#onEnd = onEnd;
    this.body = new ReadableStream<Bytes>(
      {
        start: (controller) => {
          this.#controller = controller;
        },
        pull: () => this.#pull(),
        cancel: () => this.#end(),
      },
      // Nothing is made before it is asked for.
      { highWaterMark: 0 },
    );
  }

  /** Queues one event; a client that is too far behind is let go. */
  push(event: readonly Bytes[]): void {
    if (this.#ended) return;
    if (this.#backlog.length >= this.#maxBacklog) {
      this.#backlog = [];
      this.close();
      return;
    }
    this.#backlog.push(event);
    this.#reading?.();
  }

  /** Ends the stream; what is waiting is still delivered. */
  close(): void {
    if (this.#ended) return;
    const isRead = this.#reading !== undefined;
    this.#end();
    if (!isRead && this.#isDrained()) this.#closeBody();
  }

  #isDrained(): boolean {
    return this.#initialDone && this.#backlog.length === 0;
  }

  async #pull(): Promise<void> {
    let chunk = this.#take();
    while (chunk === undefined && !this.#ended) {
      await new Promise<void>((resolve) => {
        this.#reading = resolve;
      });
      this.#reading = undefined;
      chunk = this.#take();
    }
    if (chunk !== undefined) this.#controller?.enqueue(chunk);
    if (this.#ended && this.#isDrained()) this.#closeBody();
  }

  #closeBody(): void {
    try {
      this.#controller?.close();
    } catch {
      // Cancelled meanwhile: closed already.
    }
  }

  /** What is waiting, joined; undefined when nothing is. */
  #take(): Bytes | undefined {
    const chunk = new Chunk();
    while (!this.#initialDone && !chunk.isFull) {
      const next = this.#initial.next();
      if (next.done === true) this.#initialDone = true;
      else chunk.add(next.value);
    }
    const taken = this.#initialDone ? this.#backlog.findIndex((event) => !chunk.add(event)) : 0;
    this.#backlog = taken === -1 ? [] : this.#backlog.slice(taken);
    return chunk.bytes();
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#onEnd();
    this.#reading?.();
  }
}

/** Events on their way out together. */
class Chunk {
  readonly #pieces: Bytes[] = [];
  #size = 0;

  get isFull(): boolean {
    return this.#size >= CHUNK_BYTES;
  }

  /** @returns false, and takes nothing, when the chunk is full. */
  add(event: readonly Bytes[]): boolean {
    if (this.isFull) return false;
    for (const piece of event) {
      this.#pieces.push(piece);
      this.#size += piece.byteLength;
    }
    return true;
  }

  bytes(): Bytes | undefined {
    return this.#size === 0 ? undefined : joined(this.#pieces, this.#size);
  }
}
