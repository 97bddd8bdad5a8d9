import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { mkdir, rename, symlink, unlink, utimes } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { suite, test, type TestContext } from "node:test";
import { sleep, systemClock } from "../../runtime/clock/clock.ts";
import { ConfigMap } from "../../runtime/kube/kind.ts";
import type { OpenCell } from "../../runtime/reconcile/cell/open-cell.ts";
import { InlineCell, openInline } from "../support/inline-cell.ts";
import { openWorker } from "../../runtime/reconcile/cell/worker-cell.ts";
import { defineFunction } from "../../runtime/reconcile/define.ts";
import { FunctionLoader, watchFunctions, type FunctionChanges } from "../../runtime/reconcile/loader.ts";
import type { Job } from "../../runtime/reconcile/cell/cell.ts";
import { Arrivals } from "../support/arrivals.ts";
import { NearClock } from "../support/near-clock.ts";
import { tempFolder, type TempFolder } from "../support/temp-folder.ts";
import { VirtualClock } from "../support/virtual-clock.ts";
import { configMap } from "./builders.ts";

/** A function whose runs return `memo`, so a test can tell its versions apart. */
const returning = (memo: string): string =>
  `import { ConfigMap, defineFunction } from "#evenkeel";
export default defineFunction({ watches: ConfigMap, reconcile: () => ({ memo: ${memo} }) });
`;

const job: Job = { object: configMap("default/a"), now: 0, memo: undefined, config: undefined, isVerifying: false };
const nothing: FunctionChanges = { loaded: [], removed: [], failed: [], mended: [] };

async function loaderOf(
  context: TestContext,
  files: Readonly<Record<string, string>>,
  open: OpenCell = openInline,
): Promise<{ folder: TempFolder; loader: FunctionLoader; clock: VirtualClock }> {
  const folder = await tempFolder(context, files);
  const clock = new VirtualClock();
  const loader = new FunctionLoader({ dir: folder.path, clock, open });
  return { folder, loader, clock };
}

/** What the functions of `changes` return, by name. */
function memos({ loaded }: FunctionChanges): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    loaded.map(({ name, cell }) => {
      const run = cell.attempt(job, new Map());
      assert.ok(!(run instanceof Promise) && "reads" in run);
      if (run.error !== undefined) throw run.error;
      return [name, run.effects?.memo];
    }),
  );
}

/** Code and message of each failure, the folder left out. */
const failures = ({ failed }: FunctionChanges, folder: TempFolder): readonly string[] =>
  failed.map(({ name, error }) => `${name} ${error.code} ${error.message.replaceAll(`${folder.path}/`, "")}`);

suite("what is a function", () => {
  test("each .ts, .mts, .js and .mjs file directly in the folder, named like the file", async (context) => {
    const { loader } = await loaderOf(context, {
      "a.ts": returning("1 as number"),
      "b.mts": returning("2 as number"),
      "c.js": returning("3"),
      "d-4.mjs": returning("4"),
      "lib/e.ts": returning("5"),
      "f.d.ts": "export {};",
      "f.test.ts": "throw new Error('run');",
      ".#g.ts": "throw new Error('run');",
      ".h.ts": "throw new Error('run');",
      "i.ts~": "throw new Error('run');",
      "README.md": "# functions",
    });
    const changes = await loader.scan();
    assert.deepEqual(memos(changes), { a: 1, b: 2, c: 3, "d-4": 4 });
    assert.deepEqual(changes.failed, []);
  });

  const refused = [
    { name: "an upper-case name", file: "Mirror.ts", says: /Mirror\.ts: a function is called like its file/ },
    { name: "a name with a dot", file: "a.b.ts", says: /which "a\.b" is not/ },
    { name: "a name of 64 characters", file: `${"x".repeat(64)}.ts`, says: /at most 63/ },
    {
      name: "an ending in capitals",
      file: "view.TS",
      says: /view\.TS: a function is a \.ts, \.mts, \.js or \.mjs file/,
    },
    { name: "a .tsx file", file: "view.tsx", says: /view\.tsx: a function is a \.ts, \.mts, \.js or \.mjs file/ },
    { name: "a CommonJS file", file: "old.cjs", says: /old\.cjs: a function is a \.ts/ },
  ];
  for (const { name, file, says } of refused) {
    test(`refuses ${name}, once`, async (context) => {
      const { loader } = await loaderOf(context, { [file]: returning("1") });
      const changes = await loader.scan();
      assert.deepEqual(changes.loaded, []);
      assert.match(changes.failed[0]?.error.message ?? "", says);
      assert.deepEqual(await loader.scan(), nothing);
    });
  }

  test("a name of 63 characters is loaded", async (context) => {
    const name = "x".repeat(63);
    const { loader } = await loaderOf(context, { [`${name}.ts`]: returning("1") });
    assert.deepEqual(memos(await loader.scan()), { [name]: 1 });
  });

  test("two files of one name: neither replaces the other, and the survivor of a conflict is loaded", async (context) => {
    const { loader, folder } = await loaderOf(context, { "mirror.ts": returning("1") });
    await loader.scan();
    await folder.write("mirror.js", returning("2"));
    const conflict = await loader.scan();
    assert.deepEqual([conflict.loaded, conflict.removed], [[], []]);
    assert.match(conflict.failed[0]?.error.message ?? "", /mirror\.js and mirror\.ts both give the function mirror/);
    assert.deepEqual(await loader.scan(), nothing);
    await folder.remove("mirror.ts");
    assert.deepEqual(memos(await loader.scan()), { mirror: 2 });
  });

  test("a missing folder holds no function, until it is there", async (context) => {
    const { loader, folder } = await loaderOf(context, {});
    await folder.remove("");
    assert.deepEqual(await loader.scan(), nothing);
    await folder.write("a.ts", returning("1"));
    assert.deepEqual(memos(await loader.scan()), { a: 1 });
  });

  test("a folder that cannot be read takes no function away, and is told once, as is its end", async (context) => {
    const { loader, folder } = await loaderOf(context, { "a.ts": returning("1") });
    await loader.scan();
    await rename(folder.path, `${folder.path}-aside`);
    await symlink(folder.path, folder.path);
    const { failed, removed } = await loader.scan();
    assert.deepEqual([failed.map(({ name }) => name), removed], [[undefined], []]);
    assert.match(failed[0]?.error.message ?? "", /the folder cannot be read/);
    assert.equal(failed[0]?.error.code, "FUNCTION_FOLDER_UNUSABLE");
    assert.deepEqual(await loader.scan(), nothing);
    await unlink(folder.path);
    await rename(`${folder.path}-aside`, folder.path);
    assert.deepEqual(await loader.scan(), { ...nothing, mended: [undefined] });
  });

  const lost = [
    { name: "to nothing", to: "nowhere.ts" },
    { name: "to itself", to: "lost.ts" },
  ];
  for (const { name, to } of lost) {
    test(`a link ${name} is told once and by name, and holds up no other function`, async (context) => {
      const { loader, folder } = await loaderOf(context, { "a.ts": returning("1") });
      await symlink(to, join(folder.path, "lost.ts"));
      const changes = await loader.scan();
      assert.deepEqual(memos(changes), { a: 1 });
      assert.deepEqual(failures(changes, folder), [
        "lost FUNCTION_LOAD_FAILED lost.ts: the link cannot be followed; correct the file",
      ]);
      assert.deepEqual(await loader.scan(), nothing);
      await unlink(join(folder.path, "lost.ts"));
      await folder.write("elsewhere.txt", returning("2"));
      await symlink("elsewhere.txt", join(folder.path, "lost.ts"));
      const found = await loader.scan();
      assert.deepEqual([memos(found), found.mended], [{ lost: 2 }, ["lost"]]);
    });
  }

  test("functions of a mounted ConfigMap are loaded through its links, and again when they are swapped", async (context) => {
    const { loader, folder } = await loaderOf(context, { "..1/a.ts": returning("1"), "..2/a.ts": returning("2") });
    await symlink("..1", join(folder.path, "..data"));
    await symlink("..data/a.ts", join(folder.path, "a.ts"));
    assert.deepEqual(memos(await loader.scan()), { a: 1 });
    await symlink("..2", join(folder.path, "..data_tmp"));
    await rename(join(folder.path, "..data_tmp"), join(folder.path, "..data"));
    assert.deepEqual(memos(await loader.scan()), { a: 2 });
  });
});

suite("versions", () => {
  test("an unchanged folder reports nothing", async (context) => {
    const { loader, folder } = await loaderOf(context, { "a.ts": returning("1") });
    await loader.scan();
    assert.deepEqual(await loader.scan(), nothing);
    await utimes(join(folder.path, "a.ts"), 1, 1);
    assert.deepEqual(await loader.scan(), nothing, "a touched file holds what it held");
    await folder.replace("a.ts", returning("1"));
    assert.deepEqual(await loader.scan(), nothing, "a file replaced by an equal one holds what it held");
  });

  test("a changed file is a new version with a later generation, and the other functions stay", async (context) => {
    const { loader, folder } = await loaderOf(context, { "a.ts": returning("1"), "b.ts": returning("1") });
    const before = await loader.scan();
    await folder.write("a.ts", returning("2"));
    const after = await loader.scan();
    assert.deepEqual(memos(after), { a: 2 });
    assert.ok((after.loaded[0]?.generation ?? 0) > Math.max(...before.loaded.map(({ generation }) => generation)));
  });

  test("a changed helper is read again by the functions that import it, also through another, and by no other", async (context) => {
    const { loader, folder } = await loaderOf(context, {
      "near.ts": `import { memo } from "./lib/memo.ts";\n${returning("memo")}`,
      "far.ts": `import { memo } from "./lib/again.mjs";\n${returning("memo")}`,
      "other.ts": returning("0"),
      "lib/again.mjs": `export * from "../lib/memo.ts";`,
      "lib/memo.ts": `export const memo: number = 1;`,
    });
    assert.deepEqual(memos(await loader.scan()), { far: 1, near: 1, other: 0 });
    await folder.write("lib/memo.ts", `export const memo: number = 2;`);
    assert.deepEqual(memos(await loader.scan()), { far: 2, near: 2 });
  });

  test("a data file can be imported, and is read again", async (context) => {
    const { loader, folder } = await loaderOf(context, {
      "a.ts": `import data from "./lib/data.json" with { type: "json" };\n${returning("data.memo")}`,
      "lib/data.json": `{ "memo": 1 }`,
    });
    assert.deepEqual(memos(await loader.scan()), { a: 1 });
    await folder.write("lib/data.json", `{ "memo": 2 }`);
    assert.deepEqual(memos(await loader.scan()), { a: 2 });
  });

  test("a deleted file is removed, once", async (context) => {
    const { loader, folder } = await loaderOf(context, { "a.ts": returning("1") });
    await loader.scan();
    await folder.remove("a.ts");
    assert.deepEqual(await loader.scan(), { ...nothing, removed: ["a"] });
    assert.deepEqual(await loader.scan(), nothing);
  });

  test("a broken version is reported once and removes nothing; each further broken one is reported", async (context) => {
    const { loader, folder } = await loaderOf(context, { "a.ts": returning("1") });
    await loader.scan();
    for (const broken of ["throw 1;", "throw 2;"]) {
      await folder.write("a.ts", broken);
      const { loaded, removed, failed } = await loader.scan();
      assert.deepEqual([loaded, removed, failed.length], [[], [], 1], broken);
      assert.deepEqual(await loader.scan(), nothing);
    }
    await folder.write("a.ts", returning("1"));
    const repaired = await loader.scan();
    assert.deepEqual(memos(repaired), { a: 1 }, "the repair is a new version, so it can be told");
    assert.deepEqual(repaired.mended, ["a"]);
  });

  test("a file that never loaded and is gone is told as mended, once", async (context) => {
    const { loader, folder } = await loaderOf(context, { "a.ts": "export default {" });
    assert.deepEqual((await loader.scan()).mended, []);
    await folder.remove("a.ts");
    assert.deepEqual(await loader.scan(), { ...nothing, mended: ["a"] });
    assert.deepEqual(await loader.scan(), nothing);
  });

  test("a function that lacks a helper is loaded when the helper appears", async (context) => {
    const { loader, folder } = await loaderOf(context, {
      "a.ts": `import { memo } from "./lib/memo.ts";\n${returning("memo")}`,
    });
    assert.equal((await loader.scan()).failed.length, 1);
    await folder.write("lib/memo.ts", "export const memo = 1;");
    assert.deepEqual(memos(await loader.scan()), { a: 1 });
  });
});

suite("what stops a function from loading is named with file, line and column", () => {
  const helper = {
    "lib/broken.ts": "export const a = 1;\nexport const b = ;\n",
    "lib/bad.json": `{\n  "a": 1,\n}`,
  };
  const cases: readonly { name: string; source: string; file?: string; says: string }[] = [
    {
      name: "a syntax error of a TypeScript file",
      source: "const a = 1;\nexport default {\n  a: ,\n};\n",
      says: "a.ts:3:6: SyntaxError: Expression expected",
    },
    {
      name: "a syntax error of a JavaScript file",
      file: "a.mjs",
      source: "const a = 1;\nexport default {\n  a: ,\n};\n",
      says: "a.mjs:3:6: SyntaxError: Unexpected token ','",
    },
    {
      name: "TypeScript in a JavaScript file",
      file: "a.js",
      source: "\nconst a: number = 1;\n",
      says: "a.js:2:7: SyntaxError: Missing initializer in const declaration",
    },
    {
      name: "what only the engine finds in a TypeScript file",
      source: "const a: number = 1;\nconst a: number = 2;\n",
      says: "a.ts:2:7: SyntaxError: Identifier 'a' has already been declared",
    },
    {
      name: "a TypeScript file that ends too early",
      source: "const a = 1;\nexport default nonsense(\n",
      says: "a.ts:2:1: SyntaxError: Expression expected",
    },
    {
      name: "TypeScript that cannot be stripped",
      source: "\n  enum Colour { Red }\n",
      says: "a.ts:2:3: SyntaxError: TypeScript enum is not supported in strip-only mode",
    },
    {
      name: "a syntax error of a helper",
      source: `import { a } from "./lib/broken.ts";\n${returning("a")}`,
      says: "lib/broken.ts:2:18: SyntaxError: Expression expected",
    },
    {
      name: "an export that is not there",
      source: `\nimport { Kind } from "#evenkeel";\n${returning("Kind")}`,
      says: "a.ts:2:10: SyntaxError: The requested module '#evenkeel' does not provide an export named 'Kind' (is it a type? then `import type`)",
    },
    {
      name: "an error at the top level",
      source: `\n  null.a;`,
      says: "a.ts:2:8: TypeError: Cannot read properties of null (reading 'a')",
    },
    { name: "something else thrown", source: `throw { code: 1 };`, says: "a.ts: threw { code: 1 }, which is no Error" },
    {
      name: "no default export",
      source: "export const a = 1;\n",
      says: "a.ts:1:1: nothing is exported; end with `export default defineFunction({ … })`",
    },
    {
      name: "an empty file",
      source: "",
      says: "a.ts:1:1: nothing is exported; end with `export default defineFunction({ … })`",
    },
    {
      name: "a default export that is something else",
      source: "\nexport default { reconcile: () => ({}) };",
      says: "a.ts:2:1: the default export was not made by defineFunction",
    },
    {
      name: "a default export that is a promise",
      source: "export default Promise.reject(new Error('unseen'));",
      says: "a.ts:1:1: the default export is a promise; export what defineFunction returns, without async",
    },
    {
      name: "an import of a builtin module",
      source: `\nimport { readFileSync } from "node:fs";\n${returning("readFileSync")}`,
      says: `a.ts:2:30: import of "node:fs" refused: a function imports #evenkeel and files of its own folder, nothing else`,
    },
    {
      name: "an import of a builtin module without node:",
      source: `import "fs";`,
      says: `a.ts:1:8: import of "fs" refused: a function`,
    },
    { name: "an import of a package", source: `import "zod";`, says: `a.ts:1:8: import of "zod" refused: a function` },
    {
      name: "an import from the network",
      source: `import "https://a.example/a.js";`,
      says: `a.ts:1:8: import of "https://a.example/a.js" refused`,
    },
    {
      name: "an import of a data URL",
      source: `import "data:text/javascript,1";`,
      says: `a.ts:1:8: import of "data:text/javascript,1" refused`,
    },
    {
      name: "an import made while loading",
      source: `await import("node:fs");`,
      says: `a.ts:1:14: import of "node:fs" refused`,
    },
    {
      name: "an import from above the folder",
      source: `import "../a.ts";`,
      says: `a.ts:1:8: import of "../a.ts" refused: the file is outside`,
    },
    {
      name: "an import from above, encoded",
      source: `import "./%2e%2e/a.ts";`,
      says: `a.ts:1:8: import of "./%2e%2e/a.ts" refused: the file is outside`,
    },
    {
      name: "an import by absolute path",
      source: `import "/etc/a.js";`,
      says: `a.ts:1:8: import of "/etc/a.js" refused: the file is outside`,
    },
    {
      name: "an import by file URL",
      source: `import "file:///etc/a.js";`,
      says: `a.ts:1:8: import of "file:///etc/a.js" refused: the file is outside`,
    },
    {
      name: "an import with a name that no file can have",
      source: `import "./${"x".repeat(300)}.ts";`,
      says: `a.ts:1:8: import of "./${"x".repeat(300)}.ts" refused: there is no such file`,
    },
    {
      name: "an import with a character that no name can have",
      source: `import "./a%00b.ts";`,
      says: `a.ts:1:8: import of "./a%00b.ts" refused: there is no such file`,
    },
    {
      name: "two default exports",
      source: "export default 1;\nexport default 2;",
      says: "a.ts:2:8: SyntaxError: there are two `export default`",
    },
    {
      name: "data that is no JSON",
      source: `import data from "./lib/bad.json" with { type: "json" };\nexport default data;`,
      says: "lib/bad.json:3:1: SyntaxError: ",
    },
    {
      name: "an import of a missing file",
      source: `import "./lib/a.ts";`,
      says: `a.ts:1:8: import of "./lib/a.ts" refused: there is no such file`,
    },
    {
      name: "an import without its extension",
      source: `import "./lib/broken";`,
      says: `a.ts:1:8: import of "./lib/broken" refused: there is no such file; write "./lib/broken.ts"`,
    },
    {
      name: "an import of a TypeScript file as .js",
      source: `import "./lib/broken.js";`,
      says: `a.ts:1:8: import of "./lib/broken.js" refused: there is no such file; write "./lib/broken.ts"`,
    },
    {
      name: "CommonJS",
      file: "a.js",
      source: `\nmodule.exports = 1;`,
      says: "a.js:2:1: ReferenceError: module is not defined",
    },
  ];
  const cells: readonly (readonly [where: string, OpenCell])[] = [
    ["in this thread", openInline],
    ["in a thread of its own", openWorker(systemClock)],
  ];
  for (const [where, open] of cells) {
    for (const { name, source, file = "a.ts", says } of cases) {
      test(`${where}: ${name}`, async (context) => {
        const { loader, folder } = await loaderOf(context, { ...helper, [file]: source }, open);
        const [failure = ""] = failures(await loader.scan(), folder);
        assert.ok(failure.startsWith(`a FUNCTION_LOAD_FAILED ${says}`), failure);
        assert.ok(failure.endsWith("; correct the file"), failure);
      });
    }

    test(`${where}: an import from above the folder, by a URL that looks like one of its own`, async (context) => {
      const { loader, folder } = await loaderOf(context, { "a.js": "" }, open);
      const url = `${pathToFileURL(folder.path).href}/../a.js?evenkeel=1`;
      await folder.write("a.js", `import ${JSON.stringify(url)};`);
      const [failure = ""] = failures(await loader.scan(), folder);
      assert.match(failure, /^a FUNCTION_LOAD_FAILED a\.js:1:8: import of ".*" refused: the file is outside/);
    });

    test(`${where}: an argument that defineFunction refuses keeps its code`, async (context) => {
      const source = `import { defineFunction } from "#evenkeel";\n\nexport default defineFunction({ watch: 1 });`;
      const { loader, folder } = await loaderOf(context, { "a.js": source }, open);
      assert.deepEqual(failures(await loader.scan(), folder), [
        "a FUNCTION_INVALID a.js:3:16: defineFunction: watch is not a field of it; correct the argument of defineFunction",
      ]);
    });
  }

  test("a top level that never ends is given up after ten seconds, and holds back no other function", async (context) => {
    const { loader, folder, clock } = await loaderOf(context, {
      "a.ts": `await new Promise(() => {});\n${returning("1")}`,
      "b.ts": returning("2"),
    });
    const scan = loader.scan();
    await clock.advance(10_000);
    const changes = await scan;
    assert.match(failures(changes, folder)[0] ?? "", /^a FUNCTION_LOAD_FAILED a\.ts: did not finish loading/);
    assert.deepEqual(memos(changes), { b: 2 });
    assert.equal(clock.pendingCount, 0, "a load leaves no timer behind");
  });
});

/** A loader on a machine where the next load takes `loadMs`. */
async function slowLoader(
  context: TestContext,
  files: Readonly<Record<string, string>>,
  { loadMs }: { loadMs: number },
) {
  const folder = await tempFolder(context, files);
  const clock = new VirtualClock();
  const machine = { loadMs, loadCount: 0, atOnceCount: 0, mostAtOnceCount: 0 };
  const open: OpenCell = async ({ name, file, onRead, signal }) => {
    machine.loadCount++;
    machine.mostAtOnceCount = Math.max(machine.mostAtOnceCount, ++machine.atOnceCount);
    onRead(file, readFileSync(file, "utf8"));
    await sleep(clock, machine.loadMs, signal);
    machine.atOnceCount--;
    signal.throwIfAborted();
    return new InlineCell(name, defineFunction({ watches: ConfigMap, reconcile: () => ({}) }));
  };
  const loader = new FunctionLoader({ dir: folder.path, clock, open });
  /** One scan, for which time passes. */
  const scan = async (): Promise<FunctionChanges> => {
    const changes = loader.scan();
    await clock.advance(60_000);
    return changes;
  };
  return { folder, clock, machine, scan };
}

suite("on a busy machine", () => {
  test("no more functions are loaded at a time than there are processors, each in a time of its own", async (context) => {
    const names = Array.from({ length: 4 * availableParallelism() }, (_, i) => `f${i}`);
    const files = Object.fromEntries(names.map((name) => [`${name}.ts`, ""]));
    const { machine, scan } = await slowLoader(context, files, { loadMs: 9_000 });
    assert.equal((await scan()).loaded.length, names.length);
    assert.equal(machine.mostAtOnceCount, availableParallelism());
  });

  test("a load that took too long is told once and begun again, ever later, until it is done", async (context) => {
    const { machine, clock, scan } = await slowLoader(context, { "a.ts": "" }, { loadMs: 11_000 });
    const { failed } = await scan();
    assert.match(failed[0]?.error.message ?? "", /did not finish loading within 10 s and is tried again later/);
    const waits: number[] = [];
    for (let before = machine.loadCount, sinceMs = clock.now(); waits.length < 8;) {
      assert.deepEqual(await scan(), nothing);
      if (machine.loadCount === before) continue;
      waits.push(clock.now() - sinceMs);
      [before, sinceMs] = [machine.loadCount, clock.now()];
    }
    assert.deepEqual(
      waits,
      waits.toSorted((a, b) => a - b),
    );
    assert.ok((waits.at(-1) ?? 0) >= 300_000, "what never ends costs less than a thirtieth of a processor");
    machine.loadMs = 1_000;
    let changes = await scan();
    while (changes.loaded.length === 0) changes = await scan();
    assert.deepEqual(changes.mended, ["a"]);
  });

  test("a changed file is loaded at once, however often the one before took too long", async (context) => {
    const { folder, machine, scan } = await slowLoader(context, { "a.ts": "1" }, { loadMs: 11_000 });
    for (let i = 0; i < 20; i++) await scan();
    await folder.write("a.ts", "2");
    assert.equal((await scan()).failed.length, 1, "another version is told anew");
    await folder.write("a.ts", "3");
    machine.loadMs = 1_000;
    assert.equal((await scan()).loaded.length, 1);
  });
});

/** The poll never comes: what arrives was told by an event. */
async function watched(
  context: TestContext,
  files: Readonly<Record<string, string>>,
): Promise<{ folder: TempFolder; changes: Arrivals<FunctionChanges>; initial: FunctionChanges }> {
  const folder = await tempFolder(context, files);
  const changes = new Arrivals<FunctionChanges>();
  const dir = join(folder.path, "functions");
  const watch = await watchFunctions({ dir, clock: new NearClock(), open: openInline, onChange: changes.push });
  context.after(() => watch.close());
  return { folder, changes, initial: watch.initial };
}

suite("watching", () => {
  test("a file that is dropped in, renamed over, or deleted is told by the file system", async (context) => {
    const { folder, changes, initial } = await watched(context, { "functions/a.ts": returning("1") });
    assert.deepEqual(memos(initial), { a: 1 });
    await folder.replace("functions/b.ts", returning("1"));
    assert.deepEqual(memos(await changes.next()), { b: 1 });
    await folder.replace("functions/a.ts", returning("2"));
    assert.deepEqual(memos(await changes.next()), { a: 2 });
    await folder.remove("functions/a.ts");
    assert.deepEqual((await changes.next()).removed, ["a"]);
    assert.equal(changes.untakenCount, 0);
  });

  test("a file that is written in place is told, however the writing is cut up", async (context) => {
    const { folder, changes } = await watched(context, { "functions/a.ts": returning("1") });
    await folder.write("functions/a.ts", returning("2"));
    let last = await changes.next();
    while (last.loaded.length === 0) last = await changes.next();
    assert.deepEqual(memos(last), { a: 2 });
  });

  test("a helper in a folder that was made later is watched", async (context) => {
    const { folder, changes } = await watched(context, {
      "functions/a.ts": `import { memo } from "./lib/deep/memo.ts";\n${returning("memo")}`,
    });
    await folder.replace("functions/lib/deep/memo.ts", "export const memo = 1;");
    assert.deepEqual(memos(await changes.next()), { a: 1 });
    await folder.replace("functions/lib/deep/memo.ts", "export const memo = 2;");
    assert.deepEqual(memos(await changes.next()), { a: 2 });
  });

  test("a folder that is deleted and made again is watched again", async (context) => {
    const clock = new VirtualClock();
    const folder = await tempFolder(context, { "functions/a.ts": returning("1") });
    const changes = new Arrivals<FunctionChanges>();
    const watch = await watchFunctions({
      dir: join(folder.path, "functions"),
      clock,
      open: openInline,
      onChange: changes.push,
    });
    context.after(() => watch.close());
    await folder.remove("functions");
    await clock.advance(5000);
    assert.deepEqual((await changes.next()).removed, ["a"]);
    await mkdir(join(folder.path, "functions"));
    await folder.replace("functions/a.ts", returning("2"));
    await clock.advance(5000);
    assert.deepEqual(memos(await changes.next()), { a: 2 }, "found by the poll, without any event");
  });

  test("after close nothing is reported and no timer is left", async (context) => {
    const clock = new VirtualClock();
    const folder = await tempFolder(context, { "a.ts": returning("1") });
    const changes = new Arrivals<FunctionChanges>();
    const watch = await watchFunctions({ dir: folder.path, clock, open: openInline, onChange: changes.push });
    watch.close();
    await folder.replace("a.ts", returning("2"));
    await clock.advance(60_000);
    assert.deepEqual([changes.untakenCount, clock.pendingCount], [0, 0]);
  });

  test("a load that ends after close is not reported", async (context) => {
    const clock = new VirtualClock();
    const folder = await tempFolder(context, { "a.ts": returning("1") });
    const changes = new Arrivals<FunctionChanges>();
    let loadCount = 0;
    const open: OpenCell = (options) => {
      loadCount++;
      return openInline(options);
    };
    const watch = await watchFunctions({ dir: folder.path, clock, open, onChange: changes.push });
    await folder.replace("a.ts", "await new Promise(() => {});");
    await clock.advance(5000);
    assert.equal(loadCount, 2, "it is under way");
    watch.close();
    await clock.advance(10_000);
    assert.deepEqual([changes.untakenCount, clock.pendingCount], [0, 0]);
  });
});
