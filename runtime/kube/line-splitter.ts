/** Cuts a stream of bytes at newlines. A line is decoded once it is complete, so no character is ever cut in two. */
import { isUtf8 } from "node:buffer";
import { badResponse } from "./stored-object.ts";

const NEWLINE = 10;

/** No object is longer: etcd's own limit is 1.5 MiB. What is longer is no watch, and would fill the memory. */
export const MAX_EVENT_BYTES = 64 * 2 ** 20;

export class LineSplitter {
  readonly #what: string;
  /** The beginning of a line whose end has not arrived. */
  #parts: Buffer[] = [];
  #partBytes = 0;

  /** @param what the call, for messages */
  constructor(what: string) {
    this.#what = what;
  }

  /**
   * The lines that `bytes` completes, without empty ones; to be taken to the end.
   * @throws EvenkeelError API_BAD_RESPONSE, after those that come before
   */
  *push(bytes: Uint8Array): Generator<string, void, undefined> {
    const chunk = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    let from = 0;
    for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, from)) {
      const line = this.#complete(chunk.subarray(from, end));
      if (line.length > 0) yield this.#decode(line);
      from = end + 1;
    }
    if (from < chunk.length) this.#keep(chunk.subarray(from));
  }

  #complete(rest: Buffer): Buffer {
    if (this.#parts.length === 0) return rest;
    const line = Buffer.concat([...this.#parts, rest]);
    this.#parts = [];
    this.#partBytes = 0;
    return line;
  }

  #keep(part: Buffer): void {
    this.#parts.push(part);
    this.#partBytes += part.length;
    if (this.#partBytes > MAX_EVENT_BYTES) throw badResponse(this.#what, "a line does not end");
  }

  /** Broken UTF-8 is refused: decoded leniently it would be copied, altered, into other namespaces. */
  #decode(line: Buffer): string {
    if (!isUtf8(line)) throw badResponse(this.#what, "a line is not UTF-8");
    return line.toString("utf8");
  }
}
