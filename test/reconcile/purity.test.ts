/** The ambient world is out of a function's reach for as long as it runs, and back afterwards, whatever happened. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { suite, test } from "node:test";
import { Worker } from "node:worker_threads";
import { EvenkeelError, type Code } from "../../runtime/kube/errors.ts";
import { withoutAmbient } from "../../runtime/reconcile/purity.ts";

interface Access {
  readonly name: string;
  readonly use: () => unknown;
  readonly code: Code;
}

/** Found at run time as functions find it: each access looks the global up anew. */
const world = globalThis as unknown as Record<string, never>;

const accesses: readonly Access[] = [
  { name: "Date.now", use: () => Date.now(), code: "FUNCTION_READ_CLOCK" },
  { name: "new Date()", use: () => new Date(), code: "FUNCTION_READ_CLOCK" },
  { name: "Date()", use: () => (Date as unknown as () => string)(), code: "FUNCTION_READ_CLOCK" },
  { name: "a Date of a subclass", use: () => new (class extends Date {})(), code: "FUNCTION_READ_CLOCK" },
  { name: "Date.now taken aside", use: () => ((now) => now)(Date["now"]), code: "FUNCTION_READ_CLOCK" },
  { name: "performance.now", use: () => performance.now(), code: "FUNCTION_READ_CLOCK" },
  { name: "Temporal.Now", use: () => Temporal.Now.instant(), code: "FUNCTION_READ_CLOCK" },
  {
    name: "a format without a date",
    use: () => new Intl.DateTimeFormat("en").format(),
    code: "FUNCTION_READ_CLOCK",
  },
  {
    name: "the parts of a format without a date",
    use: () => new Intl.DateTimeFormat("en").formatToParts(),
    code: "FUNCTION_READ_CLOCK",
  },
  { name: "Math.random", use: () => Math.random(), code: "FUNCTION_USED_RANDOMNESS" },
  { name: "crypto.randomUUID", use: () => crypto.randomUUID(), code: "FUNCTION_USED_RANDOMNESS" },
  {
    name: "crypto.getRandomValues",
    use: () => crypto.getRandomValues(new Uint8Array(1)),
    code: "FUNCTION_USED_RANDOMNESS",
  },
  { name: "fetch", use: () => fetch("http://127.0.0.1:1"), code: "FUNCTION_REACHED_OUT" },
  { name: "WebSocket", use: () => new WebSocket("ws://127.0.0.1:1"), code: "FUNCTION_REACHED_OUT" },
  { name: "process.env", use: () => process.env, code: "FUNCTION_REACHED_OUT" },
  { name: "process.hrtime", use: () => process.hrtime.bigint(), code: "FUNCTION_REACHED_OUT" },
  { name: "a key of process", use: () => "env" in process, code: "FUNCTION_REACHED_OUT" },
  { name: "all of process", use: () => ({ ...process }), code: "FUNCTION_REACHED_OUT" },
  { name: "a write to process", use: () => Reflect.set(process, "exitCode", 1), code: "FUNCTION_REACHED_OUT" },
  { name: "setTimeout", use: () => setTimeout(() => {}, 0), code: "FUNCTION_REACHED_OUT" },
  { name: "setInterval", use: () => setInterval(() => {}, 1), code: "FUNCTION_REACHED_OUT" },
  { name: "setImmediate", use: () => setImmediate(() => {}), code: "FUNCTION_REACHED_OUT" },
  { name: "queueMicrotask", use: () => queueMicrotask(() => {}), code: "FUNCTION_REACHED_OUT" },
  { name: "navigator", use: () => navigator.hardwareConcurrency, code: "FUNCTION_REACHED_OUT" },
];

function thrownBy(run: () => unknown): unknown {
  try {
    withoutAmbient("mirror", run);
    return "nothing";
  } catch (error) {
    return error;
  }
}

suite("purity: refused is", () => {
  for (const { name, use, code } of accesses) {
    test(name, () => {
      const error = thrownBy(use);
      assert.ok(error instanceof EvenkeelError, String(error));
      assert.equal(error.code, code);
      assert.match(error.message, /^mirror used /);
    });
  }
});

suite("purity: swallowing the refusal gains nothing", () => {
  for (const { name, use, code } of accesses) {
    test(name, () => assert.equal((thrownBy(() => swallow(use)) as EvenkeelError).code, code));
  }

  test("nor does throwing something else instead", () => {
    const error = thrownBy(() => {
      swallow(() => Date.now());
      throw new Error("no time");
    });
    assert.equal((error as EvenkeelError).code, "FUNCTION_READ_CLOCK");
  });

  test("the first of several refusals is the one that is told", () => {
    const error = thrownBy(() => {
      swallow(() => Math.random());
      Date.now();
    });
    assert.equal((error as EvenkeelError).code, "FUNCTION_USED_RANDOMNESS");
  });

  test("and the next call starts without it", () => {
    thrownBy(() => Date.now());
    assert.equal(
      withoutAmbient("mirror", () => 1),
      1,
    );
  });
});

const names = [
  "Date",
  "performance",
  "crypto",
  "process",
  "fetch",
  "setTimeout",
  "queueMicrotask",
  "navigator",
] as const;
const globals = (): readonly unknown[] => [...names.map((name) => world[name]), Math.random];

suite("purity: everything is back", () => {
  const rows: readonly { readonly name: string; readonly run: () => unknown }[] = [
    { name: "after a call that returned", run: () => 1 },
    { name: "after a call that threw", run: () => assert.fail() },
    { name: "after a refusal", run: () => Date.now() },
    { name: "after a refusal that was swallowed", run: () => swallow(() => Math.random()) },
  ];
  for (const { name, run } of rows) {
    test(name, () => {
      const before = globals();
      thrownBy(run);
      assert.deepEqual(
        globals().map((value, i) => value === before[i]),
        before.map(() => true),
      );
      assert.ok(new Intl.DateTimeFormat("en").format().length > 0 && Temporal.Now.instant().epochMilliseconds > 0);
      assert.ok(Date.now() > 0 && performance.now() > 0 && Math.random() < 1 && process.pid > 0);
    });
  }
});

suite("purity: calculation is left alone:", () => {
  const rows: readonly { readonly name: string; readonly run: () => unknown; readonly gives: unknown }[] = [
    { name: "dates from text", run: () => new Date("2026-01-01T00:00:00Z").getTime(), gives: Date.UTC(2026, 0, 1) },
    { name: "dates from milliseconds", run: () => new Date(0).toISOString(), gives: "1970-01-01T00:00:00.000Z" },
    {
      name: "Date.parse and Date.UTC",
      run: () => Date.parse("1970-01-02T00:00:00Z") - Date.UTC(1970, 0, 1),
      gives: 86_400_000,
    },
    { name: "what a date is an instance of", run: () => new Date(0) instanceof Date, gives: true },
    {
      name: "a format of a date",
      run: () => new Intl.DateTimeFormat("en", { timeZone: "UTC" }).format(new Date(0)),
      gives: "1/1/1970",
    },
    {
      name: "Temporal as a calculation",
      run: () => Temporal.Instant.fromEpochMilliseconds(0).add({ hours: 24 }).toString(),
      gives: "1970-01-02T00:00:00Z",
    },
    { name: "a date that came from outside", run: () => outside instanceof Date, gives: true },
    { name: "all of Math but chance", run: () => Math.max(1, Math.floor(2.5)), gives: 2 },
    {
      name: "structuredClone, JSON and URL",
      run: () => structuredClone({ a: new URL("http://b/c").pathname }),
      gives: { a: "/c" },
    },
  ];
  const outside = new Date(0);
  for (const { name, run, gives } of rows) test(name, () => assert.deepEqual(withoutAmbient("mirror", run), gives));
});

test("an error of the function comes out as it is", () => {
  const error = new RangeError("mine");
  assert.equal(
    thrownBy(() => {
      throw error;
    }),
    error,
  );
});

test("each function is named in its own refusals", () => {
  for (const name of ["mirror", "quota", "mirror"]) {
    assert.throws(() => withoutAmbient(name, () => Date.now()), new RegExp(`^EvenkeelError: ${name} used Date.now`));
  }
});

/** The globals of a thread of its own: which modules sealing it loaded, and of what type they are afterwards. */
const SEALED = `
  import { parentPort, workerData } from "node:worker_threads";
  import { sealAmbient } from ${JSON.stringify(new URL("../../runtime/reconcile/purity.ts", import.meta.url).href)};
  const { moduleLoadList } = process;
  const before = new Set(moduleLoadList);
  sealAmbient("mirror");
  const loaded = moduleLoadList.filter((each) => !before.has(each));
  parentPort.postMessage({ loaded, types: workerData.map((name) => typeof globalThis[name]) });
`;

test("a thread is sealed without loading what nobody will use, and each global keeps its type", async () => {
  const used = accesses.map(({ name }) => /^[A-Za-z]+/.exec(name)?.[0] ?? "").filter((name) => name in world);
  const names = [...used, "WebAssembly", "BroadcastChannel", "MessageChannel"];
  const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(SEALED)}`), { workerData: names });
  const [told] = (await once(worker, "message")) as [{ loaded: string[]; types: string[] }];
  assert.deepEqual(told, { loaded: [], types: names.map((name) => typeof world[name]) });
});

/** What a function does that wants to go on regardless. */
function swallow(use: () => unknown): void {
  try {
    use();
  } catch {
    // Gone.
  }
}
