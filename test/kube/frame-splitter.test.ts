/** However the network cuts the bytes, the frames are the same. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { EvenkeelError } from "../../runtime/kube/errors.ts";
import { FrameSplitter } from "../../runtime/kube/frame-splitter.ts";

function framed(content: Uint8Array): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(content.length);
  return Buffer.concat([length, content]);
}

function split(chunks: readonly Uint8Array[]): readonly string[] {
  const splitter = new FrameSplitter("watch");
  return chunks.flatMap((chunk) => Array.from(splitter.push(chunk), (frame) => frame.toString("hex")));
}

test("frames: the same for every way to cut the bytes", () => {
  const content = fc.uint8Array({ maxLength: 40 });
  fc.assert(
    fc.property(fc.array(content), fc.array(fc.nat()), fc.nat(), (contents, cuts, rest) => {
      const tail = framed(Buffer.alloc(9)).subarray(0, rest % 13);
      const bytes = Buffer.concat([...contents.map(framed), tail]);
      const at = [0, ...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length].toSorted((a, b) => a - b);
      const chunks = at.slice(1).map((end, i) => new Uint8Array(bytes.subarray(at[i], end)));
      assert.deepEqual(
        split(chunks),
        contents.map((one) => Buffer.from(one).toString("hex")),
      );
    }),
  );
});

test("frames: one that is announced too long is a bad response before it fills the memory", () => {
  assert.throws(
    () => split([Buffer.from("<html>")]),
    (error) =>
      error instanceof EvenkeelError && error.code === "API_BAD_RESPONSE" && /1013478509 bytes/.test(error.message),
  );
});
