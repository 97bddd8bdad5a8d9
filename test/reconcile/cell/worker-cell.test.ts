/** What a cell contains: whatever a function does, it hurts itself alone, and says so. */
import assert from "node:assert/strict";
import { suite, test, type TestContext } from "node:test";
import { runInNewContext } from "node:vm";
import { EvenkeelError } from "../../../runtime/kube/errors.ts";
import { systemClock } from "../../../runtime/clock/clock.ts";
import type { WorkerCell } from "../../../runtime/reconcile/cell/worker-cell.ts";
import type { Run } from "../../../runtime/reconcile/run.ts";
import { NearClock } from "../../support/near-clock.ts";
import { VirtualClock } from "../../support/virtual-clock.ts";
import { until } from "../../support/wait.ts";
import { answerOf, configMap, namespace } from "../builders.ts";
import { fileOf, misdeeds } from "./corpus.ts";
import { jobOf, opened, outcome, run, runAll, type Opened } from "./rig.ts";

/** The first failure of at most `limit` runs, or the last run. */
async function untilError(limit: number, once: () => Promise<Run>): Promise<Run> {
  let last = await once();
  for (let i = 1; i < limit && last.error === undefined; i++) last = await once();
  return last;
}

suite("in a cell, a function that", { concurrency: 2 }, () => {
  for (const { name, code, orCode = code, says, needsVerifying = false, runs = 1, ...file } of misdeeds) {
    test(`${name}: ${code}, and its innocent keys are served`, async (context) => {
      const { cell } = await opened(context, { "subject.js": fileOf(file) });
      const [before, guilty, after] = await Promise.all([
        run(cell, jobOf("default/innocent-1")),
        untilError(runs, () => run(cell, jobOf("default/guilty", { isVerifying: needsVerifying }))),
        run(cell, jobOf("default/innocent-2")),
      ]);
      assert.ok(guilty.error instanceof EvenkeelError, `${String(guilty.error)} ${JSON.stringify(guilty.effects)}`);
      assert.ok([code, orCode].includes(guilty.error.code), `${guilty.error.code}: ${guilty.error.message}`);
      assert.match(guilty.error.message, says);
      assert.doesNotMatch(guilty.error.message, /hunter2/);
      assert.equal(before.effects?.memo, "well", String(before.error));
      if (name !== "spoils the objects of the language") assert.equal(after.effects?.memo, "well", String(after.error));
    });
  }
});

/** Its keys tell how often their thread has run; the key `fault` ends it. */
const counting = `import { ConfigMap, defineFunction } from "#evenkeel";
let count = 0;
export default defineFunction({ watches: ConfigMap, reconcile({ metadata }) {
  if (metadata.name.startsWith("fault")) new Uint8Array(2 ** 30);
  return { memo: ++count };
} });
`;

/** Threads end in their own time. */
const THREAD_ENDS = { what: "the thread is gone", everyMs: 5 };

/** Its thread is gone afterwards. */
async function fault(cell: WorkerCell, clock: NearClock): Promise<void> {
  const before = clock.pendingCount;
  assert.equal(await outcome(run(cell, jobOf("default/fault"))), "FUNCTION_OUT_OF_MEMORY");
  await until(
    () => clock.pendingCount === before + (cell.threadFaults?.suspendedForMs === undefined ? 0 : 1),
    THREAD_ENDS,
  );
}

async function suspended(context: TestContext): Promise<Opened & { readonly clock: NearClock }> {
  const clock = new NearClock();
  const it = await opened(context, { "subject.js": counting }, clock);
  for (let i = 0; i < 3; i++) await fault(it.cell, clock);
  return { ...it, clock };
}

const many = Array.from({ length: 12 }, (_, i) => `a-${i}`);

suite("blame", () => {
  const orders: readonly { readonly name: string; readonly keys: readonly string[] }[] = [
    { name: "first", keys: ["fault", "a", "b", "c"] },
    { name: "in the middle", keys: ["a", "b", "fault", "c", "d"] },
    { name: "last", keys: ["a", "b", "c", "fault"] },
    { name: "after more tasks than go into one message", keys: [...many, "fault", ...many] },
    { name: "more than once", keys: ["a", "fault", "b", "fault-2", "c"] },
  ];
  for (const { name, keys } of orders) {
    test(`is for the task that was under way alone, when it comes ${name}`, async (context) => {
      const { cell } = await opened(context, { "subject.js": counting });
      const outcomes = await Promise.all(keys.map((key) => outcome(run(cell, jobOf(`default/${key}`)))));
      assert.deepEqual(
        outcomes.map((each) => typeof each === "number"),
        keys.map((key) => !key.startsWith("fault")),
        String(outcomes),
      );
      assert.equal(cell.threadFaults?.faultCount, keys.filter((key) => key.startsWith("fault")).length);
    });
  }

  test("is for the task under way when the deadline passes, not for those behind it", async (context) => {
    const looping = counting.replace("new Uint8Array(2 ** 30)", "for (;;)");
    const { cell } = await opened(context, { "subject.js": looping });
    const outcomes = await Promise.all(
      ["a", "b", "fault", "c", "d"].map((key) => outcome(run(cell, jobOf(`default/${key}`)))),
    );
    assert.equal(outcomes[2], "FUNCTION_TIMED_OUT");
    // What was told together with nothing after it was lost with the thread: the next one begins to count anew.
    assert.deepEqual(outcomes.toSpliced(2, 1), [1, 2, 3, 4]);
  });
});

suite("the garbage of one task", () => {
  test("is not laid at the door of the next", async (context) => {
    const wasteful = counting.replace(
      "return {",
      "const all = []; for (let i = 0; i < 500_000; i++) all.push({ i, all });\nreturn {",
    );
    const { cell } = await opened(context, { "subject.js": wasteful });
    for (let i = 1; i <= 12; i++) assert.equal(await outcome(run(cell, jobOf("default/a"))), i);
    assert.equal(cell.threadFaults, undefined);
  });
});

test("a promise that fails only for want of an answer is no failure of the run that has it", async (context) => {
  const source = `const it = cache.get(ConfigMap, { namespace: "a", name: "b" });
    let name; (async () => { name = it.metadata.name; })(); return { memo: name };`;
  const { cell } = await opened(context, { "subject.js": fileOf({ source }) });
  const made = await run(cell, jobOf("default/a"), answerOf([configMap("a/b")]));
  assert.equal(made.effects?.memo, "b", String(made.error));
});

test("what its host sends and remembers for it is no function's fault", { timeout: 20_000 }, async (context) => {
  const source = "return { memo: cache.get(ConfigMap, { ...object.metadata, namespace: 'other' }).data.blob.length };";
  const { cell } = await opened(context, { "subject.js": fileOf({ source }) });
  // As much as an API server takes of one object.
  const blob = "x".repeat(1.4 * 1024 * 1024);
  const objects = Array.from({ length: 100 }, (_, i) => configMap(`other/s${i}`, { data: { blob } }));
  const jobs = objects.map((object) => jobOf("", { object }));
  const runs = await runAll(cell, jobs, answerOf(objects));
  assert.equal(cell.threadFaults, undefined);
  assert.deepEqual(new Set(runs.map(({ effects }) => effects?.memo)), new Set([blob.length]));
});

suite("an object that nests too deep for a thread", () => {
  const reading = `import { ConfigMap, Namespace, defineFunction } from "#evenkeel";
export default defineFunction({ watches: ConfigMap, reads: [Namespace], reconcile({ metadata }, cache) {
  if (metadata.name === "reader") cache.list(Namespace);
  return { memo: metadata.name };
} });
`;
  const jobs = ["a", "deep", "b", "reader", "c"];
  for (const depth of [600, 2_000, 4_000, 9_990]) {
    const spec: unknown = JSON.parse(`${'{"a":'.repeat(depth)}1${"}".repeat(depth)}`);
    for (const { what, deep, answer } of [
      { what: "is refused for its own key", deep: "deep", answer: {} },
      { what: "is refused for the key that reads it", deep: "reader", answer: { spec } },
    ])
      test(`(${depth}) ${what} alone, again and again`, async (context) => {
        const { cell } = await opened(context, { "subject.js": reading });
        for (const _ of [1, 2]) {
          const runs = await Promise.all(
            jobs.map((key) => {
              const object = { ...configMap(`default/${key}`), ...(key === "deep" && deep === "deep" && { spec }) };
              return run(cell, jobOf("", { object }), () => [{ ...namespace("team-a"), ...answer }]);
            }),
          );
          assert.deepEqual(
            runs.map(({ effects, error }) => effects?.memo ?? (error as EvenkeelError).code),
            jobs.map((key) => (key === deep ? "OBJECT_TOO_DEEP" : key)),
          );
        }
        assert.equal(cell.threadFaults, undefined);
      });
  }

  test("and anything else that cannot be sent is an error of its own key alone", async (context) => {
    const { cell } = await opened(context, { "subject.js": reading });
    const configs = [undefined, { call() {} }, undefined];
    const runs = configs.map((config) => outcome(run(cell, jobOf("default/a", { config }))));
    assert.deepEqual(await Promise.all(runs), ["a", "BUG", "a"]);
  });

  test("leaves no thread behind in a cell that rests", async (context) => {
    const clock = new NearClock();
    const { cell } = await opened(context, { "subject.js": reading }, clock);
    cell.rest();
    const spec: unknown = JSON.parse("[".repeat(4_000) + "]".repeat(4_000));
    const object = { ...configMap("default/deep"), spec };
    assert.equal(await outcome(run(cell, jobOf("", { object }))), "OBJECT_TOO_DEEP");
    await until(() => clock.pendingCount === 0, THREAD_ENDS);
  });
});

suite("a cell whose thread was ended starts the version that was loaded,", () => {
  const files = {
    "subject.js": `import { ConfigMap, defineFunction } from "#evenkeel";
import { helped } from "./lib/helper.js";
import data from "./lib/data.json" with { type: "json" };
export default defineFunction({ watches: ConfigMap, reconcile({ metadata }) {
  if (metadata.name === "fault") new Uint8Array(2 ** 30);
  return { memo: ["first", helped, data.value] };
} });
`,
    "lib/helper.js": "export const helped = 1;",
    "lib/data.json": `{ "value": 1 }`,
  };
  const changes: readonly { readonly name: string; readonly file: keyof typeof files; readonly text?: string }[] = [
    { name: "though its file changed", file: "subject.js", text: "throw new Error('changed');" },
    { name: "though its file is gone", file: "subject.js" },
    { name: "though a helper changed", file: "lib/helper.js", text: "export const helped = 2;" },
    { name: "though a helper is gone", file: "lib/helper.js" },
    { name: "though its data changed", file: "lib/data.json", text: `{ "value": 2 }` },
    { name: "though its data is gone", file: "lib/data.json" },
  ];
  for (const { name, file, text } of changes) {
    test(name, async (context) => {
      const { cell, folder } = await opened(context, files);
      await (text === undefined ? folder.remove(file) : folder.write(file, text));
      assert.equal(await outcome(run(cell, jobOf("default/fault"))), "FUNCTION_OUT_OF_MEMORY");
      assert.deepEqual(await outcome(run(cell, jobOf("default/a"))), ["first", 1, 1]);
    });
  }
});

suite("a function that ends three threads in a row", () => {
  test("is suspended, tried again after one to two seconds, and well again when a run succeeds", async (context) => {
    const clock = new NearClock();
    const { cell, news } = await opened(context, { "subject.js": counting }, clock);
    for (const _ of [1, 2]) await fault(cell, clock);
    assert.equal(cell.threadFaults?.suspendedForMs, undefined);
    await fault(cell, clock);
    const forMs = cell.threadFaults?.suspendedForMs ?? 0;
    assert.ok(forMs >= 1_000 && forMs <= 2_000, `${forMs}`);
    const served = Promise.all(["a", "b", "c"].map((key) => outcome(run(cell, jobOf(`default/${key}`)))));
    await clock.advance(forMs);
    assert.deepEqual(await served, [1, 2, 3]);
    assert.equal(cell.threadFaults?.suspendedForMs, undefined);
    assert.deepEqual(news, ["subject FUNCTION_OUT_OF_MEMORY", "subject is well"]);
  });

  test("and fails again is suspended for longer each time, and what waits behind the failure waits on", async (context) => {
    const { cell, clock } = await suspended(context);
    for (const leastMs of [2_000, 4_000, 8_000]) {
      const trial = outcome(run(cell, jobOf("default/fault")));
      const behind = outcome(run(cell, jobOf("default/a")));
      await clock.advance(cell.threadFaults?.suspendedForMs ?? 0);
      assert.equal(await trial, "FUNCTION_OUT_OF_MEMORY");
      await until(() => clock.pendingCount === 1, THREAD_ENDS);
      const forMs = cell.threadFaults?.suspendedForMs ?? 0;
      assert.ok(forMs >= leastMs && forMs <= 2 * leastMs, `${forMs}`);
      cell.rest();
      assert.equal(await behind, "FUNCTION_SUSPENDED");
      cell.wake();
    }
  });

  test("refuses at once what waits for it when it is to rest, and what comes later", async (context) => {
    const { cell } = await suspended(context);
    const parked = outcome(run(cell, jobOf("default/a")));
    cell.rest();
    assert.equal(await parked, "FUNCTION_SUSPENDED");
    assert.equal(await outcome(run(cell, jobOf("default/b"))), "FUNCTION_SUSPENDED");
  });

  test("is forgiven when nobody has asked for it by the end of the pause", async (context) => {
    const { cell, clock, news } = await suspended(context);
    await clock.advance(cell.threadFaults?.suspendedForMs ?? 0);
    assert.equal(cell.threadFaults?.suspendedForMs, undefined, "the key at fault may be gone");
    assert.deepEqual(news, ["subject FUNCTION_OUT_OF_MEMORY", "subject is well"]);
    for (const _ of [1, 2]) await fault(cell, clock);
    assert.equal(cell.threadFaults?.suspendedForMs, undefined, "it begins anew");
  });

  test("says nothing more when it rests by the end of the pause: nobody has this function any more", async (context) => {
    const { cell, clock, news } = await suspended(context);
    cell.rest();
    await clock.advance(cell.threadFaults?.suspendedForMs ?? 0);
    assert.deepEqual(news, ["subject FUNCTION_OUT_OF_MEMORY"]);
  });

  test("still reads its configuration: a better one may be all that it needs", async (context) => {
    const { cell } = await suspended(context);
    assert.deepEqual(await cell.readConfig(undefined), { config: undefined });
    assert.ok(cell.threadFaults?.suspendedForMs !== undefined, "which is no proof that it is well");
  });
});

suite("rest", () => {
  test("ends an idle thread; the next task begins another", async (context) => {
    const { cell } = await opened(context, { "subject.js": counting });
    assert.deepEqual(
      [await outcome(run(cell, jobOf("default/a"))), await outcome(run(cell, jobOf("default/a")))],
      [1, 2],
    );
    cell.rest();
    assert.equal(await outcome(run(cell, jobOf("default/a"))), 1);
    assert.equal(await outcome(run(cell, jobOf("default/a"))), 1, "resting, it keeps no thread for later");
    cell.wake();
    assert.deepEqual(
      [await outcome(run(cell, jobOf("default/a"))), await outcome(run(cell, jobOf("default/a")))],
      [1, 2],
    );
  });

  test("lets what is in hand be answered", async (context) => {
    const { cell } = await opened(context, { "subject.js": counting });
    const running = ["a", "b", "c"].map((key) => outcome(run(cell, jobOf(`default/${key}`))));
    cell.rest();
    assert.deepEqual(await Promise.all(running), [1, 2, 3]);
  });
});

/** One step of V8's own, that nothing interrupts: it flattens a list of holes. That one is inside another hides it. */
function step(holeCount: number): string {
  return `const all = []; all[${holeCount}] = 1; [all].flat();`;
}

/** So many that the step takes this long on this machine, and longer where other work is done. */
function holesFor(ms: number): number {
  const sample = 2 ** 24;
  const tookMs = Array.from({ length: 3 }, () => {
    const startedMs = systemClock.now();
    runInNewContext(step(sample));
    return systemClock.now() - startedMs;
  });
  // No list has room for more.
  return Math.min(Math.ceil((sample * ms) / Math.min(...tookMs)), 2 ** 32 - 2);
}

test("a thread that cannot be ended is not joined by a second: tasks are refused until it is gone", async (context) => {
  const clock = new NearClock();
  const { cell } = await opened(context, { "subject.js": fileOf({ source: step(holesFor(6_000)) }) }, clock);
  const first = await outcome(run(cell, jobOf("default/guilty")));
  assert.equal(first, "FUNCTION_TIMED_OUT");
  const waiting = outcome(run(cell, jobOf("default/innocent-1")));
  await clock.advance(2_000);
  assert.equal(await waiting, "FUNCTION_SUSPENDED");
  let again: unknown;
  await until(
    async () => {
      again = await outcome(run(cell, jobOf("default/innocent-2")));
      return again !== "FUNCTION_SUSPENDED";
    },
    { ...THREAD_ENDS, limitMs: 120_000 },
  );
  assert.equal(again, "well");
});

suite("loading", () => {
  test("that loops is ended after ten seconds", async (context) => {
    const clock = new VirtualClock();
    const loading = opened(context, { "subject.js": `for (;;);` }, clock);
    const refused = assert.rejects(loading, { code: "FUNCTION_TIMED_OUT", message: /^subject did not finish loading/ });
    await until(() => clock.pendingCount > 0, { what: "the load has begun" });
    await clock.advance(10_100);
    await refused;
    await until(() => clock.pendingCount === 0, THREAD_ENDS);
  });

  test("that awaits what never comes is told", async (context) => {
    await assert.rejects(opened(context, { "subject.js": "await new Promise(() => {});" }), {
      code: "FUNCTION_LOAD_FAILED",
      message: /^subject did not finish loading: its top level awaits what never comes/,
    });
  });

  for (const { name, source, says } of [
    { name: "asks for too much", source: "for (;;) all.push(new Array(1000).fill({}));", says: /asked for \d+ MiB/ },
    { name: "fills the heap", source: "for (;;) all.push({ all });", says: /came to hold \d+ MiB/ },
  ])
    test(`that ${name} is ended and told`, async (context) => {
      await assert.rejects(opened(context, { "subject.js": `const all = []; ${source}` }), {
        code: "FUNCTION_OUT_OF_MEMORY",
        message: says,
      });
    });
});

function fileWith(schema: string): string {
  return `import { ConfigMap, defineFunction, z } from "#evenkeel";
const standard = (validate) => ({ "~standard": { version: 1, vendor: "test", validate } });
export default defineFunction({ watches: ConfigMap, config: ${schema}, reconcile: () => ({}) });
`;
}

const endless: Record<string, unknown> = {};
endless["prefixes"] = endless;

suite("the configuration, read in the cell:", () => {
  const rows: readonly {
    readonly name: string;
    readonly schema: string;
    readonly given?: unknown;
    readonly reads: RegExp;
  }[] = [
    { name: "fits", schema: "z.object({ a: z.number() })", given: { a: 1 }, reads: /^{"config":{"a":1}}$/ },
    { name: "gets its defaults", schema: "z.object({ a: z.number().default(2) })", reads: /^{"config":{"a":2}}$/ },
    {
      name: "does not fit: path and message",
      schema: "z.object({ a: z.object({ b: z.number() }) })",
      given: { a: { b: "x" } },
      reads: /"Invalid input: expected number, received string","path":\["a","b"\]/,
    },
    {
      name: "a schema that throws",
      schema: "standard(() => { throw new Error('hunter2'); })",
      reads: /schema threw Error"/,
    },
    { name: "a schema that loops", schema: "standard(() => { for (;;); })", reads: /did not return within 2 s/ },
    { name: "a schema that is asynchronous", schema: "standard(async () => ({ value: 1 }))", reads: /is asynchronous/ },
    {
      name: "a schema that gives a Date",
      schema: "standard(() => ({ value: { at: new Date(0) } }))",
      reads: /at is a Date/,
    },
    { name: "a schema that gives a function", schema: "standard(() => ({ value: () => 1 }))", reads: /is a function/ },
    {
      name: "a schema that reads the clock",
      schema: "standard(() => ({ value: Date.now() }))",
      reads: /schema threw EvenkeelError"/,
    },
    {
      name: "what is given holds itself, as a YAML alias can",
      schema: "z.any()",
      given: endless,
      reads: /its configuration nests more than 512 deep/,
    },
    {
      name: "issues with a path that cannot leave the thread",
      schema: "standard(() => ({ issues: [{ message: 'no', path: [Symbol('a')] }] }))",
      reads: /cannot leave its thread/,
    },
    {
      name: "issues that are no issues",
      schema: "standard(() => ({ issues: [{ message: 7 }] }))",
      reads: /makes no sense/,
    },
  ];
  for (const { name, schema, given, reads } of rows) {
    test(name, async (context) => {
      const { cell } = await opened(context, { "subject.js": fileWith(schema) });
      const said = JSON.stringify(await cell.readConfig(given));
      assert.match(said, reads);
      assert.doesNotMatch(said, /hunter2/);
    });
  }
});
