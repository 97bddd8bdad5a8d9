import assert from "node:assert/strict";
import { test } from "node:test";
import { parseProtobuf } from "../../runtime/apiserver/protobuf.ts";
import { messageOf } from "../../runtime/apiserver/resources/messages.ts";
import { ApiError } from "../../runtime/apiserver/status.ts";

/** A field of wire type 2. */
function bytes(number: number, value: string | Buffer): Buffer {
  const content = Buffer.from(value);
  assert.ok(content.length < 128);
  return Buffer.concat([Buffer.from([(number << 3) | 2, content.length]), content]);
}

function envelope(kind: string, raw: Buffer): Buffer {
  const typeMeta = Buffer.concat([bytes(1, "v1"), bytes(2, kind)]);
  return Buffer.concat([Buffer.from("k8s\0"), bytes(1, typeMeta), bytes(2, raw)]);
}

const METADATA = bytes(
  1,
  Buffer.concat([bytes(1, "a"), bytes(2, ""), bytes(8, ""), bytes(11, Buffer.concat([bytes(1, "l"), bytes(2, "v")]))]),
);

test("a ConfigMap is read, zero values of Go left out", () => {
  const data = bytes(2, Buffer.concat([bytes(1, "k"), bytes(2, "value")]));
  const empty = bytes(2, bytes(1, "none"));
  const immutable = Buffer.from([4 << 3, 0]);
  assert.deepEqual(parseProtobuf(envelope("ConfigMap", Buffer.concat([METADATA, data, empty, immutable])), messageOf), {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "a", labels: { l: "v" } },
    data: { k: "value", none: "" },
    immutable: false,
  });
});

test("bytes of a Secret become base64", () => {
  const data = bytes(2, Buffer.concat([bytes(1, "k"), bytes(2, Buffer.from([0, 255]))]));
  assert.deepEqual(parseProtobuf(envelope("Secret", data), messageOf)["data"], { k: "AP8=" });
});

test("managedFields come back as they were given", () => {
  const entry = Buffer.concat([bytes(1, "go"), bytes(2, "Update"), bytes(6, "FieldsV1"), bytes(7, bytes(1, "{}"))]);
  const metadata = bytes(1, Buffer.concat([bytes(1, "a"), Buffer.from([0x8a, 1, entry.length]), entry]));
  assert.deepEqual(parseProtobuf(envelope("ConfigMap", metadata), messageOf)["metadata"], {
    name: "a",
    managedFields: [{ manager: "go", operation: "Update", fieldsType: "FieldsV1", fieldsV1: {} }],
  });
});

test("the options of a delete are read, of whatever version they are said to be", () => {
  const options = bytes(2, bytes(1, "u"));
  assert.deepEqual(parseProtobuf(envelope("DeleteOptions", options), messageOf)["preconditions"], { uid: "u" });
});

const REFUSED: readonly (readonly [string, Buffer])[] = [
  ["a body without the prefix", Buffer.from("nothing")],
  ["a kind that is not described", envelope("Pod", METADATA)],
  ["a field that is not described", envelope("ConfigMap", bytes(15, "x"))],
  ["a body that is cut off", envelope("ConfigMap", METADATA).subarray(0, -3)],
  ["a number that is cut off", Buffer.concat([Buffer.from("k8s\0"), Buffer.from([0x80])])],
];

for (const [name, body] of REFUSED)
  test(`${name} is 400`, () => {
    assert.throws(
      () => parseProtobuf(body, messageOf),
      (error) => error instanceof ApiError && error.status.code === 400,
    );
  });
