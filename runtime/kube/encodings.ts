/**
 * How objects travel from the API server: as protobuf where their message is known, as JSON otherwise, and where a server
 * knows JSON alone. Whatever it was, out comes the record that the JSON would have been. Measured with 20 000 ConfigMaps of
 * a kilobyte: their initial events take kube-apiserver 0.3 s as protobuf, 0.7 s as JSON. Requests are JSON: written as
 * protobuf they are not answered faster.
 */
import { isUtf8 } from "node:buffer";
import type { ReadOptions } from "./api.ts";
import { EvenkeelError } from "./errors.ts";
import { FrameSplitter } from "./frame-splitter.ts";
import { parseJson, recordOf } from "./json.ts";
import { kindKey, type Kind } from "./kind.ts";
import { LineSplitter } from "./line-splitter.ts";
import { messageOf, WATCH_EVENT } from "./protobuf-messages.ts";
import { openEnvelope, PROTOBUF, ProtobufError, readMessage } from "./protobuf.ts";
import { badResponse } from "./stored-object.ts";

/** The Accept headers. A server that cannot leave the rest of an object out may send it: it is dropped when it is here. */
const JSON_WHOLE = "application/json";
const WHOLE = `${PROTOBUF},${JSON_WHOLE}`;
const JSON_METADATA = `application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,${JSON_WHOLE}`;
const METADATA = `${PROTOBUF};as=PartialObjectMetadata;g=meta.k8s.io;v=v1,${JSON_METADATA}`;

/** The events of a watch that a chunk of its bytes completes. @throws EvenkeelError as {@link Encodings.record} */
export type ReadChunk = (chunk: Uint8Array) => Iterable<unknown>;

export class Encodings {
  /** Kinds, by kindKey, of which something was sent as protobuf that cannot be read: a field from the future, say. */
  readonly #jsonOnly = new Set<string>();

  /** What to ask for. Source: Kubernetes API concepts, alternate representations and metadata-only fetches. */
  accept(kind: Kind, { part }: Pick<ReadOptions, "part">): string {
    const key = kindKey(kind);
    if (this.#jsonOnly.has(key)) return part === undefined ? JSON_WHOLE : JSON_METADATA;
    if (part !== undefined) return METADATA;
    return messageOf(key) === undefined ? JSON_WHOLE : WHOLE;
  }

  /**
   * @param what the call, for messages
   * @returns undefined for JSON that is none, or was cut off
   * @throws EvenkeelError API_BAD_RESPONSE when it is not UTF-8; API_UNAVAILABLE when it is protobuf that cannot be read, and
   *   will be JSON the next time
   */
  record(bytes: Buffer, contentType: string | undefined, kind: Kind | undefined, what: string): unknown {
    if (!isProtobuf(contentType)) return jsonRecord(bytes, what);
    return this.#readable(kind, what, () => enveloped(bytes));
  }

  /** As {@link record}, of a refusal: whoever that was, a body that is not UTF-8 says no more than none. */
  refusal(bytes: Buffer, contentType: string | undefined, kind: Kind | undefined, what: string): unknown {
    if (!isProtobuf(contentType)) return parseJson(bytes.toString("utf8"));
    return this.#readable(kind, what, () => enveloped(bytes));
  }

  /**
   * Of one watch, chunk after chunk.
   * @throws EvenkeelError API_BAD_RESPONSE when it says to be neither: the page of a proxy, which need not have a line to fail at
   */
  chunks(contentType: string | undefined, kind: Kind, what: string): ReadChunk {
    if (!isProtobuf(contentType)) {
      if (contentType && !/^application\/json\b/i.test(contentType)) {
        throw badResponse(what, `the answer is ${contentType.slice(0, 100)}, neither JSON nor protobuf`);
      }
      const lines = new LineSplitter(what);
      return (chunk) => each(lines.push(chunk), parseJson);
    }
    const frames = new FrameSplitter(what);
    const read = (frame: Buffer): unknown => this.#readable(kind, what, () => framedEvent(frame));
    return (chunk) => each(frames.push(chunk), read);
  }

  #readable(kind: Kind | undefined, what: string, read: () => unknown): unknown {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof ProtobufError)) throw error;
      const because = `protobuf that cannot be read: ${error.message}`;
      if (kind === undefined) throw badResponse(what, because);
      this.#jsonOnly.add(kindKey(kind));
      // Where it is a field from the future nobody has to mend anything, and a watch goes on from where it is.
      throw new EvenkeelError("API_UNAVAILABLE", `${what}: ${because}; it is asked for as JSON from now on`);
    }
  }
}

/** One after the other: what comes before one that cannot be read has been handed out by then. */
function* each<T>(parts: Iterable<T>, read: (part: T) => unknown): Generator<unknown, void, undefined> {
  for (const part of parts) yield read(part);
}

/** Broken UTF-8 is refused: decoded leniently it would be copied, altered, into other namespaces. */
function jsonRecord(bytes: Buffer, what: string): unknown {
  if (!isUtf8(bytes)) throw badResponse(what, "the answer is not UTF-8");
  return parseJson(bytes.toString("utf8"));
}

/** @throws ProtobufError */
function framedEvent(frame: Buffer): unknown {
  const { type, object } = readMessage(frame, WATCH_EVENT, "WatchEvent");
  const raw = recordOf(object)?.["raw"];
  return { type, object: Buffer.isBuffer(raw) ? enveloped(raw) : undefined };
}

/** @throws ProtobufError */
function enveloped(bytes: Buffer): unknown {
  const { apiVersion, kind, raw } = openEnvelope(bytes);
  const message = messageOf(`${apiVersion}/${kind}`);
  if (message === undefined) throw new ProtobufError(`${apiVersion}/${kind} is not known`);
  return { apiVersion, kind, ...readMessage(raw, message, kind) };
}

function isProtobuf(contentType: string | undefined): boolean {
  return contentType?.startsWith(PROTOBUF) === true;
}
