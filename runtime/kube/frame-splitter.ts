/** Cuts a stream of bytes into frames: four bytes of length, the highest first, and as many bytes. Source: apimachinery pkg/util/framer. */
import { MAX_EVENT_BYTES } from "./line-splitter.ts";
import { badResponse } from "./stored-object.ts";

const LENGTH_BYTES = 4;

export class FrameSplitter {
  readonly #what: string;
  /** What has arrived of a frame that is not complete. */
  #parts: Buffer[] = [];
  #partBytes = 0;
  /** So many bytes, at least, make it worth looking again. */
  #neededBytes = LENGTH_BYTES;

  /** @param what the call, for messages */
  constructor(what: string) {
    this.#what = what;
  }

  /**
   * The frames that `bytes` completes, as views; to be taken to the end.
   * @throws EvenkeelError API_BAD_RESPONSE, after those that come before
   */
  *push(bytes: Uint8Array): Generator<Buffer, void, undefined> {
    this.#parts.push(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
    this.#partBytes += bytes.byteLength;
    if (this.#partBytes < this.#neededBytes) return;
    const [first] = this.#parts;
    const all = first !== undefined && this.#parts.length === 1 ? first : Buffer.concat(this.#parts);
    let at = 0;
    for (let end = this.#end(all, at); end <= all.length; end = this.#end(all, at)) {
      yield all.subarray(at + LENGTH_BYTES, end);
      at = end;
    }
    this.#parts = at === all.length ? [] : [all.subarray(at)];
    this.#partBytes = all.length - at;
    this.#neededBytes = this.#end(all, at) - at;
  }

  /** Where the frame that begins at `at` ends; while its length is not there, as if it had none and were not complete. */
  #end(bytes: Buffer, at: number): number {
    if (bytes.length - at < LENGTH_BYTES) return at + LENGTH_BYTES;
    const length = bytes.readUInt32BE(at);
    if (length > MAX_EVENT_BYTES) throw badResponse(this.#what, `a frame of ${length} bytes is announced`);
    return at + LENGTH_BYTES + length;
  }
}
