/**
 * Reads the protobuf bodies that kubectl sends for built-in kinds (`kubectl create configmap`). Answers are JSON, which
 * the same clients accept. A field that the descriptors do not name is refused: it must not get lost unseen.
 *
 *   "k8s\0" + Unknown { 1: TypeMeta { 1: apiVersion, 2: kind }, 2: raw message }
 */
import { type Json, type JsonObject, asObject, isList } from "./object.ts";
import { badRequest } from "./status.ts";

export const PROTOBUF = "application/vnd.kubernetes.protobuf";

/**
 * `string?` and the like are optional in Go: their zero is a value. Of the others zero means absent.
 * `time` is seconds since the epoch in a message; `bytes` become base64.
 */
type Scalar = "string" | "bytes" | "int" | "bool" | "int?" | "bool?" | "time";
export type FieldType = Scalar | { readonly message: Message };

export interface MessageField {
  readonly name: string;
  readonly type: FieldType;
  readonly many?: "list" | "map";
}

/** By field number. */
export type Message = Readonly<Record<number, MessageField>>;

const TYPE_META: Message = { 1: { name: "apiVersion", type: "string" }, 2: { name: "kind", type: "string" } };
const ENVELOPE: Message = {
  1: { name: "typeMeta", type: { message: TYPE_META } },
  2: { name: "raw", type: "bytes" },
  3: { name: "contentEncoding", type: "string" },
  4: { name: "contentType", type: "string" },
};
const MAGIC = Buffer.from("k8s\0");

/**
 * @param describe the message of a kind, by apiVersion and kind; undefined when it is not known.
 * @throws ApiError 400 for bytes that are not such a message, an unknown kind or an unknown field.
 */
export function parseProtobuf(
  body: Buffer,
  describe: (apiVersion: string, kind: string) => Message | undefined,
): JsonObject {
  if (!body.subarray(0, MAGIC.length).equals(MAGIC)) throw badRequest("the protobuf body has no k8s prefix");
  const { typeMeta, raw } = read(body.subarray(MAGIC.length), ENVELOPE, "Unknown");
  const { apiVersion, kind } = asObject(typeMeta);
  if (typeof apiVersion !== "string" || typeof kind !== "string") throw badRequest("the protobuf body names no kind");
  const message = describe(apiVersion, kind);
  if (message === undefined) throw badRequest(`${apiVersion} ${kind} is not understood as protobuf; send JSON`);
  const bytes = Buffer.from(typeof raw === "string" ? raw : "", "base64");
  return { apiVersion, kind, ...read(bytes, message, kind) };
}

/** Wire types: 0 = varint, 2 = length and bytes. The descriptors need no other. */
function read(bytes: Buffer, message: Message, what: string): JsonObject {
  const fields: Record<string, Json> = {};
  const reader = new Reader(bytes);
  while (!reader.isDone) {
    const tag = Number(reader.varint());
    const field = message[tag >>> 3];
    if (field === undefined) throw badRequest(`protobuf field ${tag >>> 3} of ${what} is not understood; send JSON`);
    const value = valueOf(reader, tag & 7, field);
    if (value === undefined) continue;
    if (field.many === "list") fields[field.name] = [...asList(fields[field.name]), value];
    else if (field.many === "map") fields[field.name] = { ...asObject(fields[field.name]), ...asObject(value) };
    else fields[field.name] = value;
  }
  return fields;
}

function asList(value: Json | undefined): readonly Json[] {
  return isList(value) ? value : [];
}

function valueOf(reader: Reader, wireType: number, field: MessageField): Json | undefined {
  if (wireType === 0) return integer(Number(reader.varint()), field);
  if (wireType !== 2) throw badRequest(`protobuf wire type ${wireType} of ${field.name} is not understood`);
  const bytes = reader.bytes();
  return field.many === "map" ? entry(bytes, field) : decoded(bytes, field);
}

/** An element of a list is a value even when it is zero. */
function integer(value: number, { type, many }: MessageField): Json | undefined {
  const isBoolean = type === "bool" || type === "bool?";
  if (value === 0 && (type === "int" || type === "bool") && many === undefined) return undefined;
  return isBoolean ? value !== 0 : value;
}

function decoded(bytes: Buffer, { name, type, many }: MessageField): Json | undefined {
  if (typeof type === "object") return read(bytes, type.message, name);
  if (type === "time") return time(bytes);
  if (bytes.length === 0 && many === undefined) return undefined;
  return type === "bytes" ? bytes.toString("base64") : bytes.toString("utf8");
}

function time(bytes: Buffer): string | undefined {
  const { seconds } = read(bytes, { 1: { name: "seconds", type: "int" }, 2: { name: "nanos", type: "int" } }, "Time");
  return typeof seconds === "number" ? `${new Date(seconds * 1000).toISOString().slice(0, 19)}Z` : undefined;
}

/** One entry of a map: a message of key and value. */
function entry(bytes: Buffer, { name, type }: MessageField): JsonObject {
  const list = { name: "value", type, many: "list" } as const;
  const { key = "", value } = read(bytes, { 1: { name: "key", type: "string" }, 2: list }, name);
  const empty = typeof type === "object" ? {} : "";
  return { [typeof key === "string" ? key : ""]: asList(value)[0] ?? empty };
}

class Reader {
  readonly #bytes: Buffer;
  #offset = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get isDone(): boolean {
    return this.#offset >= this.#bytes.length;
  }

  /** @throws ApiError 400 when the body ends inside. */
  varint(): bigint {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.#bytes[this.#offset++];
      if (byte === undefined) break;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asIntN(64, value);
    }
    throw badRequest("the protobuf body ends in the middle of a number");
  }

  bytes(): Buffer {
    const length = Number(this.varint());
    const end = this.#offset + length;
    if (length < 0 || end > this.#bytes.length) throw badRequest("the protobuf body ends in the middle of a field");
    const taken = this.#bytes.subarray(this.#offset, end);
    this.#offset = end;
    return taken;
  }
}
