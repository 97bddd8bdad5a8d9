/** The other direction: records as an API server sends them in protobuf, zero values of Go written out. */
import { PROTOBUF, type Message, type MessageField } from "../../runtime/kube/protobuf.ts";

type Fields = Readonly<Record<string, unknown>>;

const TYPE_META: Message = { 1: { name: "apiVersion", type: "string" }, 2: { name: "kind", type: "string" } };

export const PROTOBUF_ANSWER = { "content-type": PROTOBUF };
export const PROTOBUF_WATCH = { "content-type": `${PROTOBUF};stream=watch` };

export function encoded(record: Fields, message: Message): Buffer {
  const parts = Object.entries(message).flatMap(([number, field]) => {
    const value = record[field.name];
    if (value === undefined) return [];
    if (field.many === "list") return listOf(value).map((item) => encodedField(Number(number), item, field));
    if (field.many !== "map") return [encodedField(Number(number), value, field)];
    return Object.entries(fieldsOf(value)).map(([key, item]) =>
      delimited(Number(number), Buffer.concat([delimited(1, Buffer.from(key)), encodedField(2, item, field)])),
    );
  });
  return Buffer.concat(parts);
}

export function inEnvelope(apiVersion: string, kind: string, raw: Buffer): Buffer {
  const typeMeta = encoded({ apiVersion, kind }, TYPE_META);
  return Buffer.concat([Buffer.from("k8s\0"), delimited(1, typeMeta), delimited(2, raw)]);
}

/** One frame of a watch; `object` in its envelope. */
export function frame(type: string, object: Buffer): Buffer {
  const event = Buffer.concat([delimited(1, Buffer.from(type)), delimited(2, delimited(1, object))]);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(event.length);
  return Buffer.concat([length, event]);
}

export function delimited(number: number, content: Buffer): Buffer {
  return Buffer.concat([varint(BigInt((number << 3) | 2)), varint(BigInt(content.length)), content]);
}

export function varint(value: bigint): Buffer {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, value);
  for (; rest > 0x7fn; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
  return Buffer.from([...bytes, Number(rest)]);
}

function encodedField(number: number, value: unknown, { type }: MessageField): Buffer {
  if (typeof type === "object") return delimited(number, encoded(fieldsOf(value), type.message));
  if (Buffer.isBuffer(value)) return delimited(number, value);
  if (typeof value === "number" || typeof value === "boolean")
    return Buffer.concat([varint(BigInt(number << 3)), varint(BigInt(value))]);
  const text = typeof value === "string" ? value : "";
  if (type !== "time") return delimited(number, Buffer.from(text, type === "bytes" ? "base64" : "utf8"));
  const seconds = Buffer.concat([varint(1n << 3n), varint(BigInt(Date.parse(text) / 1000))]);
  return delimited(number, Buffer.concat([seconds, varint(2n << 3n), varint(0n)]));
}

function fieldsOf(value: unknown): Fields {
  return typeof value === "object" && value !== null ? { ...value } : {};
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
