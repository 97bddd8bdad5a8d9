/** Who may write now: never more than so many, first come, first served. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import * as fc from "fast-check";
import { Slots } from "../../runtime/reconcile/slots.ts";
import { settle } from "../support/virtual-clock.ts";

/** Work that ends when the test says so. */
class Bench {
  readonly begun: number[] = [];
  readonly #slots: Slots;
  readonly #ends = new Map<number, PromiseWithResolvers<void>>();

  constructor(count: number) {
    this.#slots = new Slots(count);
  }

  ask(id: number): Promise<string> {
    const end = Promise.withResolvers<void>();
    return this.#slots.use(async () => {
      this.begun.push(id);
      this.#ends.set(id, end);
      await end.promise;
      return `result ${id}`;
    });
  }

  get underWay(): readonly number[] {
    return [...this.#ends.keys()];
  }

  async finish(id: number, error?: Error): Promise<void> {
    if (error === undefined) this.#ends.get(id)?.resolve();
    else this.#ends.get(id)?.reject(error);
    this.#ends.delete(id);
    await settle(1);
  }
}

suite("slots", () => {
  test("lets as many work as there are slots, and the next as soon as one is done", async () => {
    const bench = new Bench(2);
    for (const id of [1, 2, 3, 4]) void bench.ask(id);
    await settle(1);
    assert.deepEqual(bench.underWay, [1, 2]);
    await bench.finish(2);
    assert.deepEqual(bench.underWay, [1, 3]);
  });

  test("serves whoever waits longest", async () => {
    const bench = new Bench(1);
    for (const id of [1, 2, 3, 4]) void bench.ask(id);
    for (const id of [1, 2, 3]) {
      await settle(1);
      await bench.finish(id);
    }
    assert.deepEqual(bench.begun, [1, 2, 3, 4]);
  });

  test("a late asker does not overtake one that was promised the slot", async () => {
    const bench = new Bench(1);
    void bench.ask(1);
    void bench.ask(2);
    await settle(1);
    const finished = bench.finish(1);
    void bench.ask(3);
    await finished;
    assert.deepEqual(bench.begun, [1, 2]);
  });

  test("a slot comes back when its work fails, and the failure reaches whoever asked", async () => {
    const bench = new Bench(1);
    const failing = bench.ask(1);
    void bench.ask(2);
    await settle(1);
    const rejected = assert.rejects(failing, /no/);
    await bench.finish(1, new Error("no"));
    await rejected;
    assert.deepEqual(bench.underWay, [2]);
  });

  test("hands over what the work came to", async () => {
    const bench = new Bench(1);
    const result = bench.ask(1);
    await settle(1);
    await bench.finish(1);
    assert.equal(await result, "result 1");
  });

  test("a long line is served in order", async () => {
    const bench = new Bench(1);
    const count = 2_500;
    const all = Array.from({ length: count }, (_, id) => bench.ask(id));
    await settle(1);
    for (let id = 0; id < count; id++) {
      assert.deepEqual(bench.underWay, [id]);
      await bench.finish(id);
    }
    await Promise.all(all);
    assert.deepEqual(bench.begun, [...bench.begun.keys()]);
  });

  test("never more at once than slots, none lost, whatever the order of askers and ends", async () => {
    const steps = fc.array(fc.oneof(fc.constant("ask" as const), fc.nat({ max: 9 })), { maxLength: 40 });
    const property = fc.asyncProperty(fc.integer({ min: 1, max: 4 }), steps, async (count, steps) => {
      const bench = new Bench(count);
      let asked = 0;
      for (const step of steps) {
        if (step === "ask") void bench.ask(asked++);
        else await bench.finish(bench.underWay[step % Math.max(1, bench.underWay.length)] ?? -1);
        assert.ok(bench.underWay.length <= count);
      }
      // So many rounds are enough; a line that stands still must fail, not wait.
      for (let round = 0; round <= asked; round++) {
        await settle(1);
        await bench.finish(bench.underWay[0] ?? -1);
      }
      assert.deepEqual(bench.begun, [...Array(asked).keys()]);
    });
    await fc.assert(property, { numRuns: 50 });
  });
});
