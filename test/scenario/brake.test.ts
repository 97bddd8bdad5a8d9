/** What stops a fan-out that is under way: what was sent is answered, and nothing more is sent. */
import assert from "node:assert/strict";
import { suite, test, type TestContext } from "node:test";
import { source } from "./objects.ts";
import { world, type World, type WorldOptions } from "./world.ts";

/** Writes of one key at the same time. */
const IN_FLIGHT = 16;

/** 400 namespaces, 200 ms a write, and one source whose copies are being made. */
async function fanningOut(context: TestContext): Promise<World> {
  const made: World = await world(context, {
    namespaces: Array.from({ length: 400 }, (_, i) => `team-${i}`),
    rule: ({ method, resource }) =>
      method === "POST" && resource === "configmaps" ? { do: "delay", delayMs: 200, clock: made.clock } : undefined,
  });
  await made.create(source("default/settings"));
  await made.advance(1_000);
  const sent = made.writes().length;
  assert.ok(sent >= IN_FLIGHT && sent < 200, `${sent} sent`);
  return made;
}

suite("in the middle of a fan-out", () => {
  const brakes: readonly {
    readonly name: string;
    readonly change: Pick<WorldOptions, "dryRun" | "config" | "functions">;
    /** Whether what was made by then goes again. */
    readonly isUndone: boolean;
  }[] = [
    { name: "dryRun lets nothing more be written", change: { dryRun: true }, isUndone: false },
    {
      name: "a corrected prefix lets none of the wrong copies follow, and takes back those that are there",
      change: { config: { mirror: { prefixes: ["nothing-"] } } },
      isUndone: true,
    },
    {
      name: "a function that is taken away writes nothing more",
      change: { functions: {}, config: {} },
      isUndone: false,
    },
  ];
  for (const { name, change, isUndone } of brakes)
    test(name, async (context) => {
      const w = await fanningOut(context);
      const before = w.writes().length;
      await w.apply(change);
      await w.advance(60_000);
      const after = w.writes().slice(before);
      assert.deepEqual(
        after.filter((write) => write.startsWith("create")),
        [],
      );
      assert.equal(after.length, isUndone ? before : 0);
    });

  test("a stop waits for the writes that were sent, and for no other", async (context) => {
    const w = await fanningOut(context);
    const before = w.writes().length;
    const startedMs = w.clock.now();
    let stoppedMs: number | undefined;
    const stopped = w.machine.functions.stop().then(() => (stoppedMs = w.clock.now()));
    await w.advanceUntil(() => stoppedMs !== undefined);
    await stopped;
    assert.equal(w.writes().length, before);
    assert.ok((stoppedMs ?? Infinity) - startedMs <= 250, `${stoppedMs} - ${startedMs}`);
  });
});
