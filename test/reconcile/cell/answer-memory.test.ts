/** Whatever was asked before: what the thread receives is what the host sent. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import * as fc from "fast-check";
import { metadataAlone } from "../../../runtime/cache/content.ts";
import { EvenkeelError } from "../../../runtime/kube/errors.ts";
import { ConfigMap } from "../../../runtime/kube/kind.ts";
import type { StoredObject } from "../../../runtime/kube/object.ts";
import { formatQuery, select, type Query } from "../../../runtime/kube/query.ts";
import { AnswerReceiver, AnswerSender, type SentAnswer } from "../../../runtime/reconcile/cell/answer-memory.ts";
import type { Answer, Answers } from "../../../runtime/reconcile/cell/cell.ts";
import { configMap } from "../builders.ts";

const query = (n: number): Query => select(ConfigMap, { namespace: `n${n}` });
const object = (name: string, version = 1): StoredObject => configMap(`a/${name}`, { resourceVersion: `${version}` });

function answers(...given: readonly (readonly [number, Answer])[]): Answers {
  return new Map(given.map(([n, answer]) => [formatQuery(query(n)), { query: query(n), ...answer }]));
}

/** A host and a thread, with what lies between them. */
class Line {
  readonly #sender = new AnswerSender();
  readonly #receiver = new AnswerReceiver();
  #last: readonly SentAnswer[] = [];

  pass(given: Answers): Answers<Answer> {
    this.#last = structuredClone(this.#sender.send(given));
    return this.#receiver.receive(this.#last);
  }

  /** What crossed the line last, for each answer. */
  lastObjects(): readonly unknown[] {
    return this.#last.map((sent) => ("error" in sent ? sent.error : sent.objects));
  }
}

suite("answers: what the thread holds already is not sent again:", () => {
  const [a, b, c] = [object("a"), object("b"), object("c")];
  const rows: readonly {
    readonly name: string;
    readonly before: readonly StoredObject[];
    readonly now: readonly StoredObject[];
    readonly sent: unknown;
  }[] = [
    { name: "nothing new", before: [a, b], now: [a, b], sent: "same" },
    { name: "nothing at all, again", before: [], now: [], sent: "same" },
    { name: "one object more", before: [a, c], now: [a, b, c], sent: [0, b, 1] },
    { name: "one object less", before: [a, b, c], now: [a, c], sent: [0, 2] },
    { name: "one in another version", before: [a, b], now: [a, object("b", 2)], sent: [0, object("b", 2)] },
    { name: "another order", before: [a, b, c], now: [c, a, b], sent: [2, 0, 1] },
    { name: "equal, but not the same object", before: [a], now: [object("a")], sent: [a] },
  ];
  for (const { name, before, now, sent } of rows) {
    test(name, () => {
      const line = new Line();
      line.pass(answers([1, { objects: before }]));
      const received = line.pass(answers([1, { objects: now }]));
      assert.deepEqual(line.lastObjects(), [sent]);
      assert.deepEqual(received.get(formatQuery(query(1))), { objects: now });
    });
  }
});

test("answers: large objects are forgotten the sooner: 16 MiB are remembered, the latest", () => {
  const line = new Line();
  const data = { blob: "x".repeat(1024 * 1024) };
  const all = Array.from({ length: 200 }, (_, n) => answers([n, { objects: [configMap("a/big", { data })] }]));
  for (const given of all) line.pass(given);
  const held = all.toReversed().map((given) => {
    assert.deepEqual([...line.pass(given).values()].map(plain), [...given.values()].map(plain));
    return line.lastObjects()[0] === "same";
  });
  assert.equal(held.indexOf(false), 15);
});

test("answers: an object that was read in part is known again by its metadata", () => {
  const line = new Line();
  const whole = object("a");
  line.pass(answers([1, { objects: [metadataAlone(whole)] }]));
  line.pass(answers([1, { objects: [metadataAlone(whole)] }]));
  assert.deepEqual(line.lastObjects(), ["same"]);
});

test("answers: an error is sent as what it is, and what was held before it stays held", () => {
  const line = new Line();
  const objects = [object("a")];
  line.pass(answers([1, { objects }]));
  const error = new EvenkeelError("FUNCTION_READ_UNDECLARED", "no such read", { cause: new RangeError("r") });
  const received = line.pass(answers([1, { error }])).get(formatQuery(query(1)))?.error;
  assert.ok(received instanceof EvenkeelError);
  assert.deepEqual([received.code, received.what, received.cause], [error.code, error.what, error.cause]);
  line.pass(answers([1, { objects }]));
  assert.deepEqual(line.lastObjects(), ["same"]);
});

test("answers: whatever the sequence, with more queries than are remembered, received is what was sent", () => {
  const large = { blob: "x".repeat(1024 * 1024) };
  const objects = Array.from({ length: 6 }, (_, i) =>
    i < 4 ? object(`o${i}`) : configMap(`a/o${i}`, { data: { ...large } }),
  );
  const answer = fc.oneof(
    fc.record({ objects: fc.subarray(objects).chain((some) => fc.shuffledSubarray(some, { minLength: some.length })) }),
    fc.constant({ error: new EvenkeelError("API_UNREACHABLE", "down") }),
  );
  const batch = fc.uniqueArray(fc.tuple(fc.integer({ min: 0, max: 29 }), answer), {
    selector: ([n]) => n,
    maxLength: 8,
  });
  // Most of all, queries that are at the edge of being forgotten.
  const sweep = fc.constant(
    Array.from({ length: 20 }, (_, n) => [n, { objects: [objects[n % 10 === 0 ? 0 : 5] as StoredObject] }] as const),
  );
  fc.assert(
    fc.property(
      fc.array(fc.oneof({ weight: 4, arbitrary: batch }, { weight: 1, arbitrary: sweep }), { maxLength: 12 }),
      (sequence) => {
        const line = new Line();
        for (const given of sequence) {
          const sent = answers(...given);
          const received = line.pass(sent);
          assert.deepEqual(
            [...received].map(([id, each]) => [id, plain(each)]),
            [...sent].map(([id, each]) => [id, plain(each)]),
          );
        }
      },
    ),
  );
});

function plain(answer: Answer): unknown {
  return answer.error instanceof EvenkeelError ? answer.error.message : answer.objects;
}
