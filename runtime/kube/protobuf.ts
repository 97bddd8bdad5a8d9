/**
 * Protobuf as Kubernetes writes it, read into the records that the same objects are as JSON: what is empty and not optional
 * in Go is absent, bytes are base64, times are RFC 3339. A field that the message does not describe is an error: it must
 * not get lost unseen. A text that is not UTF-8, which only a client that writes protobuf can have stored, is read as the
 * server's JSON shows it: with replacement characters (go-text.ts).
 *
 * Source: k8s.io/apimachinery pkg/runtime/serializer/protobuf (the envelope), and protobuf.dev, Encoding.
 */
import { goText } from "./go-text.ts";
import { recordOf, setField, type JsonRecord } from "./json.ts";

export const PROTOBUF = "application/vnd.kubernetes.protobuf";

/**
 * `string?` and the like are optional in Go: their zero is a value. Of the others zero means absent.
 * `time` and `microTime` are messages of seconds since the epoch and of a rest; so are `quantity` and `intOrString`, and
 * `json`, of bytes. `raw` is a view of the bytes; `skipped` is left out.
 */
type Scalar =
  | "string"
  | "string?"
  | "bytes"
  | "raw"
  | "int"
  | "bool"
  | "int?"
  | "bool?"
  | "time"
  | "microTime"
  | "quantity"
  | "intOrString"
  | "json"
  | "skipped";
export type FieldType = Scalar | { readonly message: Message };

export interface MessageField {
  readonly name: string;
  readonly type: FieldType;
  /** `inline`: a struct that Go embeds, whose fields are those of the message around it. */
  readonly many?: "list" | "map" | "inline";
  /** Where JSON has it, counted from 0, if not where its number puts it. One of a message at the most. */
  readonly place?: number;
}

/** By field number. */
export type Message = Readonly<Record<number, MessageField>>;

/** The bytes are not what they should be. Its message quotes none of them. */
export class ProtobufError extends Error {}

/** An object in its envelope, which says what it is: `k8s\0` and a message. */
interface Enveloped {
  readonly apiVersion: string;
  readonly kind: string;
  readonly raw: Buffer;
}

const MAGIC = Buffer.from("k8s\0");
const ENVELOPE: Message = {
  1: {
    name: "typeMeta",
    type: { message: { 1: { name: "apiVersion", type: "string" }, 2: { name: "kind", type: "string" } } },
  },
  2: { name: "raw", type: "raw" },
  3: { name: "contentEncoding", type: "string" },
  4: { name: "contentType", type: "string" },
};
const NOTHING = Buffer.alloc(0);

/** The tags of the two fields of an entry. */
const ENTRY_KEY = (1 << 3) | 2;
const ENTRY_VALUE = (2 << 3) | 2;

/** Of the eighth byte of a number; with one less it has 49 bits at the most. */
const EXACT_WEIGHT = 2 ** 49;
/** Of the tenth. */
const LAST_WEIGHT = 2 ** 63;

/** @throws ProtobufError */
export function openEnvelope(bytes: Buffer): Enveloped {
  if (!bytes.subarray(0, MAGIC.length).equals(MAGIC)) throw new ProtobufError("there is no k8s prefix");
  const { typeMeta, raw = NOTHING } = readMessage(bytes.subarray(MAGIC.length), ENVELOPE, "Unknown");
  const { apiVersion, kind } = recordOf(typeMeta) ?? {};
  if (typeof apiVersion !== "string" || typeof kind !== "string" || !Buffer.isBuffer(raw))
    throw new ProtobufError("it names no kind");
  return { apiVersion, kind, raw };
}

/** @param what the message is called, for errors. @throws ProtobufError */
export function readMessage(bytes: Buffer, message: Message, what: string): Record<string, unknown> {
  return new Reader(bytes).message(message, bytes.length, what);
}

class Reader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  /** Reads up to `end`. */
  message(message: Message, end: number, what: string): Record<string, unknown> {
    const fields: Record<string, unknown> = {};
    let early: MessageField | undefined;
    while (this.#at < end) {
      const tag = this.#varint(end);
      const field = message[tag >>> 3];
      // One beyond 32 bits would look like another.
      if (field === undefined || tag >>> 0 !== tag) throw unknown(tag, what);
      const { name, many } = field;
      if (many === "map") {
        const map = (fields[name] ??= {}) as Record<string, unknown>;
        this.#entry(map, field, this.#delimited(tag, end, name));
        continue;
      }
      const value = this.#value(tag, end, field);
      if (many === "inline") Object.assign(fields, value);
      else if (many === "list") {
        const list = (fields[name] ??= []) as unknown[];
        list.push(value);
      } else if (value !== undefined) {
        fields[name] = value;
        if (field.place !== undefined) early = field;
      }
    }
    return early === undefined ? fields : placed(fields, early);
  }

  /** Wire types: 0 = varint, 2 = length and bytes. The messages need no other. */
  #value(tag: number, end: number, field: MessageField): unknown {
    switch (field.type) {
      case "int":
      case "int?":
      case "bool":
      case "bool?":
        if ((tag & 7) !== 0) throw new ProtobufError(`${field.name} is no number`);
        return integer(this.#varint(end), field);
      default:
        return this.#content(this.#delimited(tag, end, field.name), field);
    }
  }

  /** An element of a list is a value even when it is empty. */
  #content(end: number, { name, type, many }: MessageField): unknown {
    if (typeof type === "object") return this.message(type.message, end, name);
    switch (type) {
      case "time":
        return time(this.message(TIME, end, name));
      case "microTime":
        return microTime(this.message(TIME, end, name));
      case "quantity":
        return this.message(QUANTITY, end, name)["text"] ?? "";
      case "intOrString": {
        const { isString, int = 0, text = "" } = this.message(INT_OR_STRING, end, name);
        return isString === true ? text : int;
      }
      case "json":
        return json(this.message(RAW, end, name), name);
      default:
        return this.#bytesOf(end, type, many);
    }
  }

  #bytesOf(end: number, type: Scalar, many: MessageField["many"]): unknown {
    const from = this.#at;
    this.#at = end;
    if (type === "raw") return this.#bytes.subarray(from, end);
    if (type === "skipped" || (from === end && many === undefined && type !== "string?")) return undefined;
    return type === "bytes" ? this.#bytes.toString("base64", from, end) : goText(this.#bytes, from, end);
  }

  /** One entry of a map: a message of key and value. */
  #entry(map: Record<string, unknown>, { name, type }: MessageField, end: number): void {
    let key = "";
    let value: unknown = typeof type === "object" ? {} : "";
    const described = { name, type, many: "list" } as const;
    while (this.#at < end) {
      const tag = this.#varint(end);
      const to = this.#delimited(tag, end, name);
      if (tag === ENTRY_VALUE) value = this.#content(to, described);
      else {
        if (tag !== ENTRY_KEY) throw unknown(tag, `an entry of ${name}`);
        key = goText(this.#bytes, this.#at, to);
        this.#at = to;
      }
    }
    setField(map, key, value);
  }

  /** @returns where a field of wire type 2 ends */
  #delimited(tag: number, end: number, name: string): number {
    if ((tag & 7) !== 2) throw new ProtobufError(`${name} has the wire type ${tag & 7}`);
    const length = this.#varint(end);
    if (length < 0 || length > end - this.#at) throw new ProtobufError(`it ends in the middle of ${name}`);
    return this.#at + length;
  }

  #varint(end: number): number {
    let value = 0;
    let weight = 1;
    for (const from = this.#at; this.#at < end && weight <= LAST_WEIGHT; weight *= 0x80) {
      const byte = this.#bytes[this.#at++] ?? 0;
      value += (byte & 0x7f) * weight;
      if (byte < 0x80) return weight < EXACT_WEIGHT ? value : this.#long(from);
    }
    throw new ProtobufError("it ends in the middle of a number");
  }

  /** The number that begins at `from` and ends here: 64 bits in two's complement, which a sum of Numbers does not show exactly. */
  #long(from: number): number {
    let value = 0n;
    for (let at = from, shift = 0n; at < this.#at; at++, shift += 7n)
      value |= BigInt((this.#bytes[at] ?? 0) & 0x7f) << shift;
    return Number(BigInt.asIntN(64, value));
  }
}

/** In the order of JSON: a function may see it, in JSON.stringify of what it got. */
function placed(fields: Readonly<Record<string, unknown>>, { name, place }: MessageField): Record<string, unknown> {
  const ordered: Record<string, unknown> = {};
  let at = 0;
  for (const other in fields) {
    if (at++ === place) ordered[name] = fields[name];
    ordered[other] = fields[other];
  }
  return ordered;
}

function unknown(tag: number, what: string): ProtobufError {
  return new ProtobufError(`field ${Math.floor(tag / 8)} of ${what} is not known`);
}

/** An element of a list is a value even when it is zero. */
function integer(value: number, { type, many }: MessageField): unknown {
  if (value === 0 && many === undefined && (type === "int" || type === "bool")) return undefined;
  return type === "bool" || type === "bool?" ? value !== 0 : value;
}

const TIME: Message = { 1: { name: "seconds", type: "int" }, 2: { name: "nanos", type: "int" } };
const QUANTITY: Message = { 1: { name: "text", type: "string" } };
const INT_OR_STRING: Message = {
  1: { name: "isString", type: "bool" },
  2: { name: "int", type: "int" },
  3: { name: "text", type: "string" },
};
const RAW: Message = { 1: { name: "raw", type: "raw" } };

function time({ seconds }: JsonRecord): string | undefined {
  if (typeof seconds !== "number") return undefined;
  const at = new Date(seconds * 1000);
  if (Number.isNaN(at.getTime())) throw new ProtobufError("a time is out of range");
  return `${at.toISOString().slice(0, 19)}Z`;
}

function microTime(fields: JsonRecord): string | undefined {
  const { nanos } = fields;
  const micros = typeof nanos === "number" ? Math.trunc(nanos / 1000) : 0;
  return time(fields)?.replace("Z", `.${String(micros).padStart(6, "0")}Z`);
}

function json({ raw }: JsonRecord, name: string): unknown {
  try {
    return Buffer.isBuffer(raw) ? JSON.parse(raw.toString("utf8")) : undefined;
  } catch {
    throw new ProtobufError(`${name} is not JSON`);
  }
}
