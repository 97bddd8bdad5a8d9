/** However the network cuts the bytes, the lines are the same. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { EvenkeelError } from "../../runtime/kube/errors.ts";
import { LineSplitter } from "../../runtime/kube/line-splitter.ts";

const split = (chunks: readonly Uint8Array[]): readonly string[] => {
  const splitter = new LineSplitter("watch");
  return chunks.flatMap((chunk) => [...splitter.push(chunk)]);
};

test("lines: the same for every way to cut the bytes", () => {
  const line = fc.string({ unit: "binary" }).filter((text) => text.isWellFormed() && !text.includes("\n"));
  fc.assert(
    fc.property(fc.array(line), line, fc.array(fc.nat()), (lines, tail, cuts) => {
      const bytes = Buffer.from([...lines.map((text) => `${text}\n`), tail].join(""));
      const at = [0, ...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length].toSorted((a, b) => a - b);
      const chunks = at.slice(1).map((end, i) => new Uint8Array(bytes.subarray(at[i], end)));
      assert.deepEqual(
        split(chunks),
        lines.filter((text) => text !== ""),
      );
    }),
  );
});

test("lines: what has no newline yet is no line", () => {
  assert.deepEqual(split([Buffer.from("a\nb")]), ["a"]);
});

test("lines: a complete line that is not UTF-8 is a bad response", () => {
  assert.throws(
    () => split([Buffer.from([0x7b, 0xc3, 0x28, 0x7d, 0x0a])]),
    (error) => error instanceof EvenkeelError && error.code === "API_BAD_RESPONSE",
  );
});

test("lines: a line that never ends is a bad response before it fills the memory", () => {
  const splitter = new LineSplitter("watch");
  const chunk = Buffer.alloc(2 ** 20, "a");
  assert.throws(
    () => {
      for (let i = 0; i <= 64; i++) assert.deepEqual([...splitter.push(chunk)], []);
    },
    (error) => error instanceof EvenkeelError && error.code === "API_BAD_RESPONSE",
  );
});
