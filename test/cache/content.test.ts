/** Digests: equal for equal contents, different for different ones, and seen by nobody else. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import {
  Digests,
  isContentKnown,
  isImmutable,
  isWhole,
  keptDigest,
  withDigestOnly,
  withoutContent,
} from "../../runtime/cache/content.ts";
import { deepFrozen } from "../../runtime/cache/freeze.ts";
import type { StoredObject } from "../../runtime/kube/object.ts";
import { object } from "./support/objects.ts";

const holding = (content: object): StoredObject => ({ ...object("n/a", 1), ...content });
const digest = (content: object): string => new Digests().of(holding(content));

const deep: unknown = JSON.parse(`${"[".repeat(9_990)}1${"]".repeat(9_990)}`);

suite("content: digests", () => {
  const a = { data: { x: "1", y: "2" } };
  const rows: readonly { readonly name: string; readonly a: object; readonly b: object; readonly isEqual: boolean }[] =
    [
      { name: "keys in another order", a, b: { data: { y: "2", x: "1" } }, isEqual: true },
      {
        name: "fields in another order",
        a: { ...a, binaryData: { z: "AA==" } },
        b: { binaryData: { z: "AA==" }, ...a },
        isEqual: true,
      },
      { name: "empty, false and absent fields", a, b: { ...a, binaryData: {}, immutable: false }, isEqual: true },
      { name: "a status", a, b: { ...a, status: { x: "1" } }, isEqual: true },
      { name: "another value", a, b: { data: { x: "1", y: "3" } }, isEqual: false },
      { name: "values exchanged", a, b: { data: { x: "2", y: "1" } }, isEqual: false },
      { name: "another field", a, b: { binaryData: a.data }, isEqual: false },
      { name: "a value that is empty text", a: {}, b: { data: { x: "" } }, isEqual: false },
      { name: "text that looks like what is digested", a, b: { data: { x: '1","y":"2' } }, isEqual: false },
      { name: "immutable", a, b: { ...a, immutable: true }, isEqual: false },
      { name: "a list in another order", a: { keys: [1, 2] }, b: { keys: [2, 1] }, isEqual: false },
      { name: "what nests as deep as an API server lets it", a, b: { spec: deep }, isEqual: false },
      { name: "a number and its text", a: { size: 1 }, b: { size: "1" }, isEqual: false },
    ];
  for (const { name, a, b, isEqual } of rows)
    test(`${name}: ${isEqual ? "the same" : "another"}`, () => assert.equal(digest(a) === digest(b), isEqual));

  test("metadata is no content", () => {
    const [one, other] = [object("n/a", 1), object("m/b", 2, { labels: { x: "1" } })];
    assert.equal(new Digests().of(one), new Digests().of(other));
  });

  test("a body that many wishes share is read once", () => {
    let reads = 0;
    const data = { x: "1" };
    const body = new Proxy(data, {
      ownKeys: (it) => {
        reads++;
        return Reflect.ownKeys(it);
      },
    });
    const digests = new Digests();
    const all = Array.from({ length: 3 }, () => digests.of(holding({ data: body })));
    assert.deepEqual([reads, new Set(all).size], [1, 1]);
    assert.equal(all[0], digest({ data }));
  });
});

suite("content: what is kept", () => {
  const whole = holding({ data: { x: "1" }, immutable: true });
  const reduced = withDigestOnly(whole, whole.metadata);
  const bare = withoutContent(whole, whole.metadata);

  test("of an object that is kept whole all is known", () => {
    assert.deepEqual([isWhole(whole), isContentKnown(whole), keptDigest(whole)], [true, true, undefined]);
  });

  test("beside a digest, whether the content can be changed", () => {
    assert.deepEqual([isWhole(reduced), isContentKnown(reduced), isImmutable(reduced)], [false, true, true]);
    const { immutable: _, ...mutable } = whole as StoredObject & { readonly immutable: true };
    assert.equal(isImmutable(withDigestOnly(mutable, mutable.metadata)), false);
  });

  test("of an object without content nothing is known", () => {
    assert.deepEqual([isWhole(bare), isContentKnown(bare), isImmutable(bare)], [false, false, false]);
  });

  test("a digest shows nowhere: not in fields, not in JSON, not in another thread", () => {
    const plain = { apiVersion: "v1", kind: "ConfigMap", metadata: whole.metadata };
    for (const kept of [reduced, bare]) {
      deepFrozen(kept);
      assert.deepEqual(Object.entries(kept), Object.entries(plain));
      assert.deepEqual(JSON.parse(JSON.stringify(kept)), plain);
      assert.deepEqual(structuredClone(kept), plain);
    }
  });
});
