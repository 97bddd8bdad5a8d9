/** Equal values are one, and a pool forgets. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { Pool } from "../../runtime/cache/pool.ts";

const fill = (pool: Pool<object>, from: number, count: number): void => {
  for (let i = from; i < from + count; i++) pool.share(`filler ${i}`, {});
};

suite("pool", () => {
  test("the first value under a key is the one that all get", () => {
    const pool = new Pool<object>();
    const first = {};
    assert.equal(pool.share("a", first), first);
    assert.equal(pool.share("a", {}), first);
    assert.notEqual(pool.share("b", {}), first);
  });

  test("a value that is met now and again stays, however many others come between", () => {
    const pool = new Pool<object>();
    const first = pool.share("a", {});
    for (let i = 0; i < 20; i++) {
      fill(pool, i * 3_000, 3_000);
      assert.equal(pool.share("a", {}), first);
    }
  });

  test("a value that is not met for long is let go", () => {
    const pool = new Pool<object>();
    const first = pool.share("a", {});
    fill(pool, 0, 10_000);
    assert.notEqual(pool.share("a", {}), first);
  });
});
