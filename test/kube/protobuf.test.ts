/** Protobuf becomes the record that JSON would have been, or an error that says where it went wrong. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { messageOf } from "../../runtime/kube/protobuf-messages.ts";
import { openEnvelope, ProtobufError, readMessage, type Message } from "../../runtime/kube/protobuf.ts";
import { delimited, encoded, inEnvelope, varint } from "../support/protobuf.ts";

const CONFIG_MAP = messageOf("v1/ConfigMap") ?? {};

const NUMBERS: Message = {
  1: { name: "int", type: "int" },
  2: { name: "maybe", type: "int?" },
  3: { name: "flag", type: "bool" },
  4: { name: "maybeFlag", type: "bool?" },
  5: { name: "ints", type: "int", many: "list" },
  6: { name: "text", type: "string" },
  7: { name: "texts", type: "string", many: "list" },
  8: { name: "at", type: "time" },
  9: { name: "maybeText", type: "string?" },
  10: { name: "exactly", type: "microTime" },
  11: { name: "amount", type: "quantity" },
  12: { name: "port", type: "intOrString" },
  13: { name: "fields", type: "json" },
  14: { name: "", type: { message: { 2: { name: "inner", type: "string" } } }, many: "inline" },
};

function text(number: number, content: string): Buffer {
  return delimited(number, Buffer.from(content));
}

function count(number: number, value: bigint): Buffer {
  return Buffer.concat([varint(BigInt(number) << 3n), varint(value)]);
}

const read: readonly {
  readonly name: string;
  readonly sent: Buffer;
  readonly message?: Message;
  readonly is: object;
}[] = [
  {
    name: "a whole ConfigMap",
    sent: encoded(
      {
        metadata: {
          name: "a",
          generateName: "",
          namespace: "n",
          uid: "u",
          resourceVersion: "7",
          generation: 0,
          creationTimestamp: "2026-01-02T03:04:05Z",
          deletionGracePeriodSeconds: 0,
          labels: { mirror: "true", empty: "" },
          finalizers: ["f", ""],
          ownerReferences: [{ kind: "K", name: "o", uid: "w", apiVersion: "v1", controller: false }],
          managedFields: "skipped",
        },
        data: { key: "é\u0000", none: "" },
        binaryData: { key: "AP8=" },
        immutable: false,
      },
      CONFIG_MAP,
    ),
    is: {
      metadata: {
        name: "a",
        namespace: "n",
        uid: "u",
        resourceVersion: "7",
        creationTimestamp: "2026-01-02T03:04:05Z",
        deletionGracePeriodSeconds: 0,
        labels: { mirror: "true", empty: "" },
        finalizers: ["f", ""],
        ownerReferences: [{ kind: "K", name: "o", uid: "w", apiVersion: "v1", controller: false }],
      },
      data: { key: "é\u0000", none: "" },
      binaryData: { key: "AP8=" },
      immutable: false,
    },
  },
  { name: "nothing", sent: Buffer.alloc(0), is: {} },
  {
    name: "numbers: zero is a value where it is optional, or in a list",
    message: NUMBERS,
    sent: encoded({ int: 0, maybe: 0, flag: false, maybeFlag: false, ints: [0, 1] }, NUMBERS),
    is: { maybe: 0, maybeFlag: false, ints: [0, 1] },
  },
  {
    name: "numbers of one byte, of five, of seven, of eight and of ten",
    message: NUMBERS,
    sent: encoded({ int: 127, maybe: 2 ** 40, ints: [-1, -(2 ** 40), 128, 2 ** 28] }, NUMBERS),
    is: { int: 127, maybe: 2 ** 40, ints: [-1, -(2 ** 40), 128, 2 ** 28] },
  },
  {
    name: "texts: empty is a value in a list alone",
    message: NUMBERS,
    sent: encoded({ text: "", texts: ["", "a"] }, NUMBERS),
    is: { texts: ["", "a"] },
  },
  { name: "an optional text that is empty", message: NUMBERS, sent: text(9, ""), is: { maybeText: "" } },
  {
    name: "a time with its microseconds",
    message: NUMBERS,
    sent: delimited(10, Buffer.concat([count(1, 1n), count(2, 1_234_999n)])),
    is: { exactly: "1970-01-01T00:00:01.001234Z" },
  },
  { name: "a quantity", message: NUMBERS, sent: delimited(11, text(1, "1Gi")), is: { amount: "1Gi" } },
  {
    name: "a port that is a number",
    message: NUMBERS,
    sent: delimited(12, Buffer.concat([count(1, 0n), count(2, 80n), text(3, "")])),
    is: { port: 80 },
  },
  {
    name: "a port that has a name",
    message: NUMBERS,
    sent: delimited(12, Buffer.concat([count(1, 1n), count(2, 0n), text(3, "http")])),
    is: { port: "http" },
  },
  {
    name: "JSON in bytes",
    message: NUMBERS,
    sent: delimited(13, text(1, '{"f:data":{}}')),
    is: { fields: { "f:data": {} } },
  },
  { name: "an embedded struct", message: NUMBERS, sent: delimited(14, text(2, "a")), is: { inner: "a" } },
  { name: "a time that was never set", message: NUMBERS, sent: delimited(8, Buffer.alloc(0)), is: {} },
  {
    name: "an entry without a key or a value",
    sent: Buffer.concat([delimited(2, delimited(1, Buffer.from("k"))), delimited(2, Buffer.alloc(0))]),
    is: { data: { k: "", "": "" } },
  },
  {
    name: "the last of two fields that are one",
    message: NUMBERS,
    sent: Buffer.concat([encoded({ text: "a" }, NUMBERS), encoded({ text: "b" }, NUMBERS)]),
    is: { text: "b" },
  },
];

for (const { name, sent, message = CONFIG_MAP, is } of read)
  test(`protobuf: ${name}`, () => assert.deepEqual(readMessage(sent, message, "It"), is));

test("protobuf: a field that JSON has earlier is where JSON has it, or nowhere", () => {
  const message: Message = {
    1: { name: "a", type: "string" },
    2: { name: "b", type: "string" },
    3: { name: "c", type: "string", place: 1 },
  };
  const order = (sent: object): string =>
    Object.keys(readMessage(encoded({ ...sent }, message), message, "It")).join("");
  assert.deepEqual(
    [{ a: "x", b: "x", c: "x" }, { a: "x", c: "x" }, { c: "x" }, { a: "x", b: "x", c: "" }, { a: "x", b: "x" }].map(
      order,
    ),
    ["acb", "ac", "c", "ab", "ab"],
  );
});

test("protobuf: a key that is named like the prototype is a key", () => {
  const { data } = readMessage(
    encoded({ data: { ["__proto__"]: "x", constructor: "y" } }, CONFIG_MAP),
    CONFIG_MAP,
    "It",
  );
  assert.deepEqual(Object.entries(Object(data)), [
    ["__proto__", "x"],
    ["constructor", "y"],
  ]);
  assert.equal(Object.getPrototypeOf(data), Object.prototype);
});

/** What Go's encoding/json makes of the bytes: a replacement character for each byte that is in no character. */
const broken: readonly (readonly [string, string])[] = [
  ["35 20 e2 82", "5 \ufffd\ufffd"],
  ["f0 9f 98", "\ufffd\ufffd\ufffd"],
  ["f0 9f 98 80 ff c3", "\u{1f600}\ufffd\ufffd"],
  ["e2 82 61 c3 a9", "\ufffd\ufffda\u00e9"],
  ["ed a0 80 ed 9f bf", "\ufffd\ufffd\ufffd\ud7ff"],
  ["c0 af e0 80 af e0 a0 80", "\ufffd\ufffd\ufffd\ufffd\ufffd\u0800"],
  ["f4 90 80 80 f4 8f bf bf", "\ufffd\ufffd\ufffd\ufffd\u{10ffff}"],
  ["f5 f8 80 ef bf bd", "\ufffd\ufffd\ufffd\ufffd"],
  ["ef bf bd", "\ufffd"],
];

for (const [hex, text] of broken)
  test(`protobuf: ${hex} is read as the server's JSON shows it, as a value, as a key and in a list`, () => {
    const bytes = Buffer.from(hex.replaceAll(" ", ""), "hex");
    const entry = delimited(2, Buffer.concat([delimited(1, bytes), delimited(2, bytes)]));
    assert.deepEqual(readMessage(entry, CONFIG_MAP, "It"), { data: { [text]: text } });
    assert.deepEqual(readMessage(delimited(7, bytes), NUMBERS, "It"), { texts: [text] });
  });

const refused: readonly { readonly name: string; readonly sent: Buffer; readonly says: RegExp }[] = [
  { name: "a field that is not described", sent: delimited(15, Buffer.from("s3cret")), says: /field 15 of It is not/ },
  {
    name: "a number where a text belongs",
    sent: Buffer.concat([varint(2n << 3n), varint(7n)]),
    says: /data has the wire/,
  },
  { name: "a text where a flag belongs", sent: delimited(4, Buffer.from("s3cret")), says: /immutable is no number/ },
  { name: "a length beyond the end", sent: Buffer.from([0x12, 0x7f, 0x61]), says: /in the middle of data/ },
  { name: "a negative length", sent: Buffer.concat([Buffer.from([0x12]), varint(-1n)]), says: /in the middle of data/ },
  { name: "a number that does not end", sent: Buffer.alloc(12, 0x80), says: /in the middle of a number/ },
  {
    name: "a number of eleven bytes",
    sent: Buffer.concat([Buffer.alloc(10, 0x80), Buffer.from([1])]),
    says: /in the middle of a number/,
  },
  { name: "a number that is cut off", sent: Buffer.from([0x80]), says: /in the middle of a number/ },
  { name: "a wire type that nothing has", sent: Buffer.from([0x15, 1, 2, 3, 4]), says: /data has the wire type 5/ },
  {
    name: "a field whose number goes beyond what one can be, and begins like that of another",
    sent: Buffer.concat([varint(2n ** 32n + 18n), varint(5n), delimited(1, Buffer.from("s3cret"))]),
    says: /field 536870914 of It is not known/,
  },
  {
    name: "a negative field",
    sent: Buffer.concat([varint(-1n), varint(0n)]),
    says: /field -1 of It is not known/,
  },
  {
    name: "such a field of an entry",
    sent: delimited(2, Buffer.concat([varint(2n ** 32n + 10n), varint(1n), Buffer.from("s")])),
    says: /field 536870913 of an entry of data is not known/,
  },
  {
    name: "an entry with a third field",
    sent: delimited(2, delimited(3, Buffer.from("s3cret"))),
    says: /field 3 of an entry of data is not/,
  },
  {
    name: "a message whose field ends outside of it",
    sent: Buffer.concat([delimited(1, Buffer.from([0x0a, 3])), Buffer.from("abc")]),
    says: /in the middle of name/,
  },
];

for (const { name, sent, says } of refused)
  test(`protobuf: ${name} is an error that quotes nothing`, () => {
    assert.throws(
      () => readMessage(sent, CONFIG_MAP, "It"),
      (error) => error instanceof ProtobufError && says.test(error.message) && !error.message.includes("s3cret"),
    );
  });

test("protobuf: JSON that is none is an error that quotes nothing", () => {
  assert.throws(
    () => readMessage(delimited(13, text(1, "s3cret")), NUMBERS, "It"),
    (error) => error instanceof ProtobufError && error.message === "fields is not JSON",
  );
});

const envelopes: readonly (readonly [string, Buffer])[] = [
  ["nothing", Buffer.alloc(0)],
  ["no prefix", Buffer.from("nothing")],
  ["no kind", Buffer.from("k8s\0")],
  ["cut off", inEnvelope("v1", "ConfigMap", Buffer.from("abc")).subarray(0, -1)],
];

for (const [name, bytes] of envelopes)
  test(`protobuf: an envelope with ${name} is an error`, () => {
    assert.throws(() => openEnvelope(bytes), ProtobufError);
  });

test("protobuf: what was written is what is read", () => {
  const text = fc.string({ unit: "grapheme", minLength: 1 });
  const texts = fc.dictionary(text, fc.string({ unit: "grapheme" }), { minKeys: 1, noNullPrototype: true });
  const anyConfigMap = fc.record(
    {
      metadata: fc.record(
        { name: text, namespace: text, labels: texts, annotations: texts, generation: fc.integer({ min: 1 }) },
        { requiredKeys: [] },
      ),
      data: texts,
      immutable: fc.boolean(),
    },
    { requiredKeys: ["metadata"] },
  );
  fc.assert(
    fc.property(anyConfigMap, (object) => {
      assert.deepEqual(readMessage(encoded(object, CONFIG_MAP), CONFIG_MAP, "It"), structuredClone(object));
    }),
  );
});

test("protobuf: whatever the bytes, there is a record or a ProtobufError", () => {
  const bytes = fc.uint8Array({ maxLength: 64 });
  fc.assert(
    fc.property(bytes, fc.nat(8), (sent, number) => {
      try {
        readMessage(Buffer.from(sent), CONFIG_MAP, "It");
        readMessage(delimited(number, Buffer.from(sent)), CONFIG_MAP, "It");
      } catch (error) {
        if (!(error instanceof ProtobufError)) throw error;
      }
    }),
  );
});
