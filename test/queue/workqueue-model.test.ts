/**
 * The workqueue against a model so plain that it is right by inspection: arrays that are searched from one end to the
 * other. A million random operations; each answer must agree.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock } from "../../runtime/clock/clock.ts";
import type { Priority } from "../../runtime/queue/entry.ts";
import { HIGH_PER_LOW, Workqueue } from "../../runtime/queue/workqueue.ts";
import { VirtualClock } from "../support/virtual-clock.ts";
import { keptBytes } from "./kept-bytes.ts";

const OPERATIONS = 1_000_000;

interface Wish {
  priority: Priority;
  /** Absent: as soon as possible. */
  dueMs?: number;
}

class Model {
  readonly wishes = new Map<string, Wish>();
  readonly processing = new Set<string>();
  readonly ready: { key: string; priority: Priority }[] = [];
  streak = 0;

  wish(key: string, priority: Priority, dueMs?: number): void {
    const old = this.wishes.get(key);
    const isRaised = old?.priority === "low" && priority === "high";
    const earliest = old !== undefined && (old.dueMs === undefined || dueMs === undefined || old.dueMs <= dueMs);
    const wishedMs = dueMs === undefined ? undefined : earliest ? old.dueMs : dueMs;
    const wish: Wish = { priority: old?.priority === "high" ? "high" : priority };
    if (wishedMs !== undefined) wish.dueMs = wishedMs;
    if (old !== undefined && wish.dueMs !== undefined) Object.assign(old, wish);
    else this.wishes.set(key, wish);
    if (wish.dueMs !== undefined || this.processing.has(key)) return;
    const index = this.ready.findIndex((item) => item.key === key);
    if (index !== -1 && !isRaised) return;
    if (index !== -1) this.ready.splice(index, 1);
    this.ready.push({ key, priority: wish.priority });
  }

  due(nowMs: number): void {
    const due = [...this.wishes].filter(([, { dueMs }]) => dueMs !== undefined && dueMs <= nowMs);
    due.sort(([, a], [, b]) => (a.dueMs ?? 0) - (b.dueMs ?? 0));
    for (const [key, { priority }] of due) this.wish(key, priority);
  }

  take(): { key: string; priority: Priority } | undefined {
    const firstLow = this.ready.findIndex(({ priority }) => priority === "low");
    const firstHigh = this.ready.findIndex(({ priority }) => priority === "high");
    const isLow = firstHigh === -1 || (firstLow !== -1 && this.streak >= HIGH_PER_LOW);
    this.streak = isLow || firstLow === -1 ? 0 : this.streak + 1;
    const [item] = this.ready.splice(isLow ? firstLow : firstHigh, isLow && firstLow === -1 ? 0 : 1);
    if (item === undefined) return undefined;
    this.wishes.delete(item.key);
    this.processing.add(item.key);
    return item;
  }

  done(key: string): void {
    this.processing.delete(key);
    const wish = this.wishes.get(key);
    if (wish !== undefined && wish.dueMs === undefined) this.ready.push({ key, priority: wish.priority });
  }
}

const seed = Number(process.env["SEED"] ?? Math.floor(systemClock.random() * 2 ** 32));

test(`agrees with a plain model over ${OPERATIONS} random operations (seed ${seed})`, () => {
  const dice = new VirtualClock({ seed });
  const pick = (count: number): number => Math.floor(dice.random() * count);
  const clock = new VirtualClock();
  const queue = new Workqueue({ clock });
  const model = new Model();
  const seen = new Map<string, number>();

  for (let i = 0; i < OPERATIONS; i++) {
    const key = `k${pick(24)}`;
    const priority = pick(2) === 0 ? "high" : "low";
    const roll = pick(100);
    if (roll < 25) {
      queue.add(key, { priority });
      model.wish(key, priority);
    } else if (roll < 40) {
      // A due time of its own for each operation: which of two equal ones goes first is a row of the other file.
      const delayMs = pick(20) + i / OPERATIONS;
      queue.addAfter(key, delayMs, { priority });
      model.wish(key, priority, delayMs > 0 ? clock.now() + delayMs : undefined);
    } else if (roll < 65) {
      const item = queue.take();
      const expected = model.take();
      assert.deepEqual(item && { key: item.key, priority: item.priority }, expected, `operation ${i}`);
      if (item !== undefined) seen.set(item.key, (seen.get(item.key) ?? 0) + 1);
    } else if (roll < 90) {
      const processed = [...model.processing][pick(model.processing.size)];
      if (processed === undefined) continue;
      queue.done(processed);
      model.done(processed);
    } else {
      clock.step(pick(4));
      model.due(clock.now());
    }
    assert.equal(queue.length, model.ready.length, `ready after operation ${i}`);
    assert.equal(queue.isProcessing(key), model.processing.has(key));
  }
  assert.equal(seen.size, 24, "every key ran");
  finish(queue, clock);
});

/** All that is left runs, and then nothing is left. */
function finish(queue: Workqueue, clock: VirtualClock): void {
  for (let i = 0; i < 24; i++) if (queue.isProcessing(`k${i}`)) queue.done(`k${i}`);
  clock.step(1000);
  for (let item = queue.take(); item !== undefined; item = queue.take()) queue.done(item.key);
  assert.deepEqual([queue.length, queue.delayedCount, queue.processingCount], [0, 0, 0]);
}

test("holds nothing of the keys it had when it is empty", () => {
  let kept = keptBytes();
  // Some of it is code that was compiled meanwhile; a forgotten array alone would be 8 bytes a key, each time.
  for (let i = 1; i < 3 && kept.emptyBytes >= 3 * kept.keyCount; i++) kept = keptBytes();
  assert.ok(kept.fullBytes > 50 * kept.keyCount, "the keys were there");
  assert.ok(kept.emptyBytes < 3 * kept.keyCount, `${kept.emptyBytes} bytes kept of ${kept.keyCount} keys`);
});
