/** How long keys wait for the writes of this process that are under way, and in what order they go on. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Priority } from "../../runtime/queue/entry.ts";
import { PutOff } from "../../runtime/reconcile/put-off.ts";
import { WriteCauses } from "../../runtime/reconcile/write-causes.ts";
import { VirtualClock } from "../support/virtual-clock.ts";

interface Bench {
  readonly clock: VirtualClock;
  readonly putOff: PutOff;
  /** A write begins. @returns how it is answered */
  readonly sending: () => () => void;
  /** `KEY PRIORITY` of what went on, in order. */
  readonly resumed: string[];
}

const rows: readonly {
  readonly name: string;
  readonly why: string;
  readonly run: (bench: Bench) => Promise<void> | void;
}[] = [
  {
    name: "keys go on, in the order in which they came, when the last write under way is answered",
    why: "what follows the writes goes together",
    run({ putOff, sending, resumed }) {
      const [first, last] = [sending(), sending()];
      putOff.add("b", "high");
      first();
      putOff.add("a", "low");
      assert.deepEqual(resumed, []);
      last();
      assert.deepEqual(resumed, ["b high", "a low"]);
    },
  },
  {
    name: "a key that is put off twice goes on once, with the higher priority, in either order",
    why: "a relist must not push back what a change made urgent",
    run({ putOff, sending, resumed }) {
      const answered = sending();
      putOff.add("lowered", "high");
      putOff.add("lowered", "low");
      putOff.add("raised", "low");
      putOff.add("raised", "high");
      answered();
      assert.deepEqual(resumed, ["lowered high", "raised high"]);
    },
  },
  {
    name: "no key waits for more than 250 ms, however long there are writes under way",
    why: "a fan-out of minutes must not hold up what it wakes",
    async run({ clock, putOff, sending, resumed }) {
      sending();
      putOff.add("a", "high");
      await clock.advance(200);
      putOff.add("b", "high");
      await clock.advance(49);
      assert.deepEqual(resumed, []);
      await clock.advance(1);
      assert.deepEqual(resumed, ["a high", "b high"]);
      putOff.add("c", "high");
      await clock.advance(249);
      assert.equal(resumed.length, 2, "the next ones wait anew");
      await clock.advance(1);
      assert.equal(resumed.length, 3);
    },
  },
  {
    name: "a key that goes on for another reason does not go on twice",
    why: "that run has seen what this one would",
    run({ putOff, sending, resumed }) {
      const answered = sending();
      putOff.add("a", "high");
      putOff.add("b", "high");
      putOff.delete("a");
      answered();
      assert.deepEqual(resumed, ["b high"]);
    },
  },
  {
    name: "the writes that follow put off anew: nothing goes on twice, and one timer is enough",
    why: "each quiet moment ends the waits that there are",
    async run({ clock, putOff, sending, resumed }) {
      const answered = sending();
      for (const key of ["a", "b", "c"]) putOff.add(key, "high");
      assert.equal(clock.pendingCount, 1);
      answered();
      assert.equal(clock.pendingCount, 0);
      const again = sending();
      putOff.add("a", "low");
      again();
      await clock.advance(1_000);
      assert.deepEqual(resumed, ["a high", "b high", "c high", "a low"]);
    },
  },
  {
    name: "nothing goes on after the end, and no timer is left",
    why: "its queue is shut down",
    async run({ clock, putOff, sending, resumed }) {
      const answered = sending();
      putOff.add("a", "high");
      putOff.close();
      assert.equal(clock.pendingCount, 0);
      answered();
      await clock.advance(1_000);
      assert.deepEqual(resumed, []);
    },
  },
];

for (const { name, why, run } of rows)
  test(name, async () => {
    const clock = new VirtualClock();
    const causes = new WriteCauses();
    const resumed: string[] = [];
    const resume = (key: string, priority: Priority): void => void resumed.push(`${key} ${priority}`);
    let count = 0;
    const sending = (): (() => void) => causes.sending(`v1/ConfigMap default/${count++}`);
    try {
      await run({ clock, putOff: new PutOff(clock, causes, resume), sending, resumed });
    } catch (error) {
      if (error instanceof Error) error.message = `${why}: ${error.message}`;
      throw error;
    }
  });

test("what is put off while keys go on waits for the next quiet moment", () => {
  const causes = new WriteCauses();
  const resumed: string[] = [];
  const putOff: PutOff = new PutOff(new VirtualClock(), causes, (key) => {
    resumed.push(key);
    if (resumed.length < 3) putOff.add(key, "high");
  });
  const answered = causes.sending("v1/ConfigMap default/a");
  putOff.add("a", "high");
  answered();
  assert.deepEqual(resumed, ["a"]);
  causes.sending("v1/ConfigMap default/a")();
  assert.deepEqual(resumed, ["a", "a"]);
});
