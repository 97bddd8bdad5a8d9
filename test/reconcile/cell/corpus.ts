/** Functions that misbehave, one in each way: what each does, and what a cell makes of it. */
import type { Code } from "../../../runtime/kube/errors.ts";

export interface Misdeed {
  readonly name: string;
  /** The whole file; or, when it does not begin with `import`, the body of `reconcile(object, cache, context)`. */
  readonly source: string;
  readonly code: Code;
  /** As good, where which of two limits is met first depends on the machine. */
  readonly orCode?: Code;
  readonly says: RegExp;
  /** What must stand before `export default`. */
  readonly before?: string;
  /** Found by comparing two runs. */
  readonly needsVerifying?: boolean;
  /** It takes so many runs until it is found, at most. @default 1 */
  readonly runs?: number;
}

/** The file of a function whose body is `source`. */
export function fileOf({ source, before = "" }: Pick<Misdeed, "source" | "before">): string {
  return `import { ConfigMap, defineFunction } from "#evenkeel";
${before}
export default defineFunction({
  watches: ConfigMap,
  reads: [ConfigMap],
  writes: [ConfigMap],
  reconcile(object, cache, context) {
    if (object.metadata.labels?.innocent === "true") return { memo: "well" };
    ${source}
    return { memo: "done" };
  },
});
`;
}

const child = `{ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "a", namespace: "b" } }`;

export const misdeeds: readonly Misdeed[] = [
  { name: "loops for ever", source: "for (;;);", code: "FUNCTION_TIMED_OUT", says: /did not return within 2 s/ },
  {
    name: "leaves microtasks that never end",
    source: "const again = () => { Promise.resolve().then(again); }; again();",
    code: "FUNCTION_TIMED_OUT",
    says: /did not return/,
  },
  {
    name: "awaits in a loop without end",
    source: "(async () => { for (;;) await undefined; })();",
    code: "FUNCTION_TIMED_OUT",
    says: /did not return/,
  },
  {
    name: "loops in a getter of its effects",
    source: "return { get children() { for (;;); } };",
    code: "FUNCTION_TIMED_OUT",
    says: /did not return/,
  },
  {
    name: "loops in a getter deep in its effects",
    source: `return { children: [{ ...${child}, data: { get a() { for (;;); } } }] };`,
    code: "FUNCTION_TIMED_OUT",
    says: /did not return/,
  },
  {
    name: "loops in the proxy that it returns",
    source: "return new Proxy({}, { ownKeys() { for (;;); } });",
    code: "FUNCTION_TIMED_OUT",
    says: /did not return/,
  },
  {
    name: "backtracks for ever in a regular expression",
    source: `/^(a+)+$/.test("a".repeat(60) + "b");`,
    code: "FUNCTION_TIMED_OUT",
    says: /did not return/,
  },
  {
    name: "waits for a memory cell that nobody writes",
    source: "Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);",
    code: "FUNCTION_REACHED_OUT",
    says: /used SharedArrayBuffer|used Atomics/,
  },
  {
    name: "fills the heap",
    source: "const all = []; for (;;) all.push({ all });",
    code: "FUNCTION_OUT_OF_MEMORY",
    orCode: "FUNCTION_TIMED_OUT",
    says: /came to hold \d+ MiB|did not return/,
  },
  {
    name: "grows a set until one step of its growth is too much",
    source: "const all = new Set(); for (let i = 0; ; i++) all.add(i);",
    code: "FUNCTION_OUT_OF_MEMORY",
    // Where there is little time for the thread, its time is up first.
    orCode: "FUNCTION_TIMED_OUT",
    says: /came to hold \d+ MiB|did not return/,
  },
  {
    name: "fills an array that is too long for one",
    source: "new Array(2 ** 27).fill(0);",
    code: "FUNCTION_OUT_OF_MEMORY",
    says: /asked for 1024 MiB/,
  },
  {
    name: "makes a text that is too long for V8",
    source: '"ab".repeat(2 ** 28).match(/b/g);',
    code: "FUNCTION_OUT_OF_MEMORY",
    says: /asked for 512 MiB/,
  },
  ...[
    { what: "splits", step: `text.split("")` },
    { what: "splits at each letter b", step: `text.split("b")` },
    { what: "looks everywhere in", step: "text.match(/b/g)" },
    { what: "replaces every letter of", step: `text.replace(/[ab]/g, "cc")` },
    { what: "replaces each letter b in", step: `text.replaceAll("b", "")` },
    { what: "quotes", step: `"".anchor(text)` },
    { what: "parses", step: "JSON.parse(text)" },
  ].map(({ what, step }): Misdeed => ({
    name: `${what} a text that it has put together`,
    source: `let text = "ab"; for (let i = 0; i < 27; i++) text += text; ${step};`,
    code: "FUNCTION_OUT_OF_MEMORY",
    says: /asked for 256 MiB/,
  })),
  {
    name: "pads a text to a length that is no number",
    source: `"a".padStart({ valueOf: () => 2 ** 29 - 25 });`,
    code: "FUNCTION_OUT_OF_MEMORY",
    says: /asked for 512 MiB/,
  },
  {
    name: "keeps more and more from run to run",
    before: "const kept = [];",
    source:
      "for (let i = 0; i < 200_000; i++) kept.push({ i });\nif (kept.length < 10_000_000) return { memo: 1, requeueAfterMs: 0 };",
    code: "FUNCTION_OUT_OF_MEMORY",
    says: /keeps \d+ MiB|came to hold \d+ MiB/,
    runs: 60,
  },
  {
    name: "asks for a gigabyte in one buffer",
    source: "new Uint8Array(2 ** 30).fill(1);",
    code: "FUNCTION_OUT_OF_MEMORY",
    says: /asked for 1024 MiB/,
  },
  {
    name: "asks for a gigabyte in one Buffer",
    source: "Buffer.alloc(2 ** 30, 1);",
    code: "FUNCTION_OUT_OF_MEMORY",
    says: /asked for 1024 MiB/,
  },
  {
    name: "asks for a gigabyte in many buffers",
    source: "const all = []; for (let i = 0; i < 1024; i++) all.push(new ArrayBuffer(2 ** 20));",
    code: "FUNCTION_OUT_OF_MEMORY",
    says: /asked for \d+ MiB/,
  },
  ...[
    { what: "a length that is a text", step: 'new Uint8Array("1073741824").fill(1);' },
    { what: "a list-like thing", step: "new Uint8Array({ length: 2 ** 30 });" },
    { what: "a buffer that grows", step: "new ArrayBuffer(8, { maxByteLength: 2 ** 30 }).resize(2 ** 30);" },
    { what: "a buffer that moves into a larger one", step: "new ArrayBuffer(8).transfer(2 ** 30);" },
    { what: "a buffer that moves for good", step: "new ArrayBuffer(8).transferToFixedLength(2 ** 30);" },
  ].map(({ what, step }): Misdeed => ({
    name: `asks for a gigabyte by ${what}`,
    source: step,
    code: "FUNCTION_OUT_OF_MEMORY",
    says: /asked for 102[45] MiB/,
  })),
  ...[
    { what: "splits", step: "RegExp.prototype[Symbol.split].call(/b/, text)" },
    { what: "looks everywhere in", step: "/b/g[Symbol.match](text)" },
    { what: "looks one by one in", step: "[.../b/g[Symbol.matchAll](text)]" },
    { what: "replaces each letter b in", step: '/b/g[Symbol.replace](text, "")' },
  ].map(({ what, step }): Misdeed => ({
    name: `${what} a text that it has put together, by a method of its expression`,
    source: `let text = "ab"; for (let i = 0; i < 27; i++) text += text; ${step};`,
    code: "FUNCTION_OUT_OF_MEMORY",
    says: /asked for 256 MiB/,
  })),
  ...["Object.keys", "Object.values", "Object.entries", "Object.getOwnPropertyNames", "Reflect.ownKeys"].map(
    (names): Misdeed => ({
      name: `takes the ${names} of a long buffer`,
      source: `${names}(new Uint8Array(2 ** 25));`,
      code: "FUNCTION_OUT_OF_MEMORY",
      says: /asked for 1056 MiB/,
    }),
  ),
  {
    name: "takes the keys of a long text",
    source: `let text = "ab"; for (let i = 0; i < 26; i++) text += text; Object.keys(text);`,
    code: "FUNCTION_OUT_OF_MEMORY",
    says: /asked for 4096 MiB/,
  },
  {
    name: "makes an object of a long text",
    source: `let text = "ab"; for (let i = 0; i < 26; i++) text += text; Object.assign({}, { a: 1 }, text);`,
    code: "FUNCTION_OUT_OF_MEMORY",
    says: /asked for \d{4} MiB/,
  },
  {
    name: "keeps WebAssembly from where it was loaded",
    before: "const { Module } = WebAssembly;",
    source: "new Module(new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0]));",
    code: "FUNCTION_REACHED_OUT",
    says: /used WebAssembly/,
  },
  {
    name: "asks when the garbage is collected",
    source: "new FinalizationRegistry(() => {});",
    code: "FUNCTION_REACHED_OUT",
    says: /used FinalizationRegistry/,
  },
  {
    name: "recurses without end",
    source: "const f = () => f() + 1; f();",
    code: "FUNCTION_THREW",
    says: /RangeError/,
  },
  { name: "exits the process", source: "process.exit(1);", code: "FUNCTION_REACHED_OUT", says: /used process/ },
  {
    name: "exits the process and swallows the refusal",
    source: "try { process.exit(1); } catch {}",
    code: "FUNCTION_REACHED_OUT",
    says: /used process/,
  },
  {
    name: "kills the process",
    source: "process.kill(process.pid);",
    code: "FUNCTION_REACHED_OUT",
    says: /used process/,
  },
  {
    name: "finds the process by an evaluated string",
    source: "new Function('process.exit(1)')();",
    code: "FUNCTION_REACHED_OUT",
    says: /used process/,
  },
  {
    name: "takes a builtin from the process",
    source: "process.getBuiltinModule('node:fs').rmSync('/');",
    code: "FUNCTION_REACHED_OUT",
    says: /used process/,
  },
  {
    name: "imports a builtin while it runs",
    source: `import("node:child_process");`,
    code: "FUNCTION_LOAD_FAILED",
    says: /import of "node:child_process" refused/,
  },
  {
    name: "opens a connection",
    source: `fetch("http://127.0.0.1:1/");`,
    code: "FUNCTION_REACHED_OUT",
    says: /used fetch/,
  },
  { name: "sets a timer", source: "setTimeout(() => {}, 1);", code: "FUNCTION_REACHED_OUT", says: /used setTimeout/ },
  {
    name: "talks to other threads",
    source: `new BroadcastChannel("a").postMessage(1);`,
    code: "FUNCTION_REACHED_OUT",
    says: /used BroadcastChannel/,
  },
  { name: "reads the clock", source: "Date.now();", code: "FUNCTION_READ_CLOCK", says: /used Date\.now/ },
  { name: "rolls dice", source: "Math.random();", code: "FUNCTION_USED_RANDOMNESS", says: /used Math\.random/ },
  { name: "throws text", source: `throw "hunter2";`, code: "FUNCTION_THREW", says: /threw a string/ },
  { name: "throws nothing", source: "throw undefined;", code: "FUNCTION_THREW", says: /threw undefined/ },
  { name: "throws a function", source: "throw () => 1;", code: "FUNCTION_THREW", says: /threw a function/ },
  {
    name: "throws what cannot be looked at",
    source: "throw new Proxy({}, { get() { throw 1; }, getPrototypeOf() { throw 2; } });",
    code: "FUNCTION_THREW",
    says: /threw/,
  },
  {
    name: "throws an error whose message loops",
    source: "const e = new Error(); Object.defineProperty(e, 'message', { get() { for (;;); } }); throw e;",
    code: "FUNCTION_TIMED_OUT",
    says: /did not return/,
  },
  {
    name: "leaves a promise behind that is rejected",
    source: "Promise.reject(new Error('later'));",
    code: "FUNCTION_THREW",
    says: /left behind a promise that was rejected/,
  },
  {
    name: "returns a promise",
    source: "return Promise.resolve({});",
    code: "FUNCTION_RETURNED_PROMISE",
    says: /promise/,
  },
  { name: "returns a function", source: "return () => {};", code: "EFFECT_INVALID", says: /returned a function/ },
  {
    name: "returns what holds itself",
    source: `const spec = {}; spec.self = spec; return { children: [{ ...${child}, spec }] };`,
    code: "EFFECT_INVALID",
    says: /holds itself/,
  },
  {
    name: "returns what cannot leave its thread",
    source: "return { memo: { call() {} } };",
    code: "EFFECT_INVALID",
    says: /call is a function/,
  },
  {
    name: "returns more than a host should take in",
    source: `return { memo: Array.from({ length: 40 }, (_, i) => "x".repeat(2 ** 20) + i) };`,
    code: "EFFECT_TOO_LARGE",
    says: /MiB/,
  },
  {
    name: "changes what it was given",
    source: "object.metadata.name = 'b';",
    code: "FUNCTION_MUTATED_INPUT",
    says: /changed what it was given/,
  },
  {
    name: "keeps count between its runs",
    before: "let count = 0;",
    source: "return { memo: ++count };",
    code: "FUNCTION_NOT_DETERMINISTIC",
    says: /other effects: memo/,
    needsVerifying: true,
  },
  {
    name: "asks for something else each time",
    before: "let count = 0;",
    source: `cache.get(ConfigMap, { namespace: "a", name: "n" + count++ });`,
    code: "FUNCTION_NOT_DETERMINISTIC",
    says: /never settle/,
  },
  {
    name: "spoils the objects of the language",
    source: `Array.isArray = () => true; Object.keys = () => []; JSON.stringify = () => "{}"; Map.prototype.get = () => 1;
      return { children: { length: 1 } };`,
    code: "FUNCTION_THREW",
    says: /threw TypeError/,
  },
  {
    name: "fills a list of four billion holes",
    source: "const all = []; all.length = 2 ** 32 - 1; all.fill(0);",
    code: "FUNCTION_OUT_OF_MEMORY",
    says: /asked for 32768 MiB/,
  },
  ...[
    "every((a) => a)",
    "filter((a) => a)",
    "flat()",
    "flatMap((a) => a)",
    "forEach((a) => a)",
    "indexOf(2)",
    'join("")',
    "lastIndexOf(2)",
    "map((a) => a)",
    "reduce((a) => a)",
    "reduceRight((a) => a)",
    "shift()",
    "slice(0)",
    "some((a) => a > 1)",
  ].map((walk): Misdeed => ({
    name: `goes through a list of holes by ${walk}`,
    source: `const bySecond = []; bySecond[1_767_225_600] = 1; bySecond.${walk};`,
    code: "FUNCTION_OUT_OF_MEMORY",
    says: /asked for 13483 MiB/,
  })),
  {
    name: "turns a list of holes round",
    source: "const all = []; all.length = 2 ** 28; all.toReversed();",
    code: "FUNCTION_OUT_OF_MEMORY",
    says: /asked for 2048 MiB/,
  },
  {
    name: "returns a list of four billion holes",
    source: `const spec = []; spec.length = 2 ** 32 - 1; return { children: [{ ...${child}, spec }] };`,
    code: "EFFECT_INVALID",
    says: /spec\.0 is a hole in a list/,
  },
  {
    name: "returns what nests without end",
    source: "let memo = {}; for (let i = 0; i < 5_000; i++) memo = { memo }; return { memo };",
    code: "EFFECT_INVALID",
    says: /memo…? nests deeper than 256/,
  },
  {
    name: "returns millions of nothings",
    source: "return { memo: Array.from({ length: 4_000_000 }, () => ({ a: 1, b: 2 })) };",
    code: "EFFECT_TOO_LARGE",
    orCode: "FUNCTION_OUT_OF_MEMORY",
    says: /MiB/,
  },
  {
    name: "returns something else each time it is looked at",
    source: "let looks = 0; return { memo: { get a() { return ++looks < 2 ? 1 : () => 1; } } };",
    code: "FUNCTION_THREW",
    orCode: "EFFECT_INVALID",
    says: /cannot leave its thread|a is a function/,
  },
  {
    name: "throws a message of ten million characters",
    source: `throw new Error("x".repeat(10_000_000));`,
    code: "FUNCTION_THREW",
    says: /^.{0,1200}$/,
  },
  {
    name: "throws a class of its own with a message that is no text",
    source: "throw Object.assign(new Error('a'), { message: { length: 7 }, name: 'Error' });",
    code: "FUNCTION_THREW",
    says: /threw/,
  },
  {
    name: "makes dates by the constructor of a date",
    source: "new (new Date(0).constructor)();",
    code: "FUNCTION_READ_CLOCK",
    says: /used new Date\(\)/,
  },
  {
    name: "formats no date in particular",
    source: "new Intl.DateTimeFormat().format();",
    code: "FUNCTION_READ_CLOCK",
    says: /used Intl\.DateTimeFormat without a date/,
  },
  {
    name: "formats the parts of no date in particular",
    source: "new Intl.DateTimeFormat().formatToParts();",
    code: "FUNCTION_READ_CLOCK",
    says: /used Intl\.DateTimeFormat without a date/,
  },
  {
    name: "asks Temporal for the time",
    source: "Temporal.Now.instant();",
    code: "FUNCTION_READ_CLOCK",
    says: /used Temporal\.Now/,
  },
  {
    name: "reads the time off an event",
    source: `new Event("a").timeStamp;`,
    code: "FUNCTION_READ_CLOCK",
    says: /used Event/,
  },
  {
    name: "reads the time off a mark",
    source: `new PerformanceMark("a").startTime;`,
    code: "FUNCTION_READ_CLOCK",
    says: /used PerformanceMark/,
  },
  {
    name: "reads the time off a file",
    source: `new File([], "a").lastModified;`,
    code: "FUNCTION_READ_CLOCK",
    says: /used File/,
  },
  {
    name: "sets a timer by a signal",
    source: "AbortSignal.timeout(1);",
    code: "FUNCTION_REACHED_OUT",
    says: /used AbortSignal/,
  },
  {
    name: "asks whether the garbage was collected",
    source: "new WeakRef({}).deref();",
    code: "FUNCTION_REACHED_OUT",
    says: /used WeakRef/,
  },
  {
    name: "looks for the port of its thread",
    source: "MessagePort.prototype.postMessage = function () {};",
    code: "FUNCTION_REACHED_OUT",
    says: /used MessagePort/,
  },
  {
    name: "looks for the memory that its thread shares",
    source: "Atomics.store = () => {};",
    code: "FUNCTION_REACHED_OUT",
    says: /used Atomics/,
  },
  {
    name: "keeps values in storage",
    source: `localStorage.setItem("a", "b");`,
    code: "FUNCTION_REACHED_OUT",
    says: /used localStorage/,
  },
  {
    name: "leaves work behind for the time after its run",
    source: `new Blob(["a"]).arrayBuffer().then(() => { for (;;); });`,
    code: "FUNCTION_REACHED_OUT",
    says: /used Blob/,
  },
  {
    name: "imports by an evaluated string",
    source: `new Function("return import('node:fs')")();`,
    code: "FUNCTION_LOAD_FAILED",
    says: /import of "node:fs" refused/,
  },
  {
    name: "imports by a string that nobody evaluates",
    source: `Promise.resolve("return import('node:fs')").then(Function).then((load) => load());`,
    code: "FUNCTION_THREW",
    says: /left behind a promise that was rejected/,
  },
  {
    name: "imports a helper while it runs",
    source: `import("./subject.js");`,
    code: "FUNCTION_THREW",
    orCode: "FUNCTION_LOAD_FAILED",
    says: /left behind a promise that was rejected|refused/,
  },
  {
    name: "takes the real constructors from the thread's own calls",
    source:
      "let real; const { construct } = Reflect; Reflect.construct = (target, ...more) => construct((real = target), ...more); new Date(0); Reflect.construct = construct; real.now();",
    code: "FUNCTION_THREW",
    says: /TypeError/,
  },
];
