/** The watches that are open, so that the server can end them when it stops. */
import type { WatchStream } from "./watch-stream.ts";

export class WatchSet {
  readonly #open = new Set<WatchStream>();

  get size(): number {
    return this.#open.size;
  }

  add(stream: WatchStream): void {
    this.#open.add(stream);
  }

  remove(stream: WatchStream): void {
    this.#open.delete(stream);
  }

  closeAll(): void {
    for (const stream of this.#open) stream.close();
  }
}
