/** The entry, as Node starts it: a process each, because what it does is done before anything of ours is loaded. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, suite, test } from "node:test";

const ENTRY = join(import.meta.dirname, "..", "..", "runtime", "cli", "evenkeel.mjs");
const folder = mkdtempSync(join(tmpdir(), "evenkeel-entry-"));
after(() => rmSync(folder, { recursive: true }));

suite("the entry", () => {
  test("takes the types out of no file a second time", () => {
    const env = { TMPDIR: folder, NODE_DEBUG_NATIVE: "COMPILE_CACHE" };
    const stripped = (): readonly string[] =>
      [...help({ env }).stderr.matchAll(/saving transpilation cache for \S+ (\S+)/g)].map(([, file = ""]) => file);
    assert.match(stripped().join("\n"), /runtime\/cli\/main\.ts$/m);
    assert.deepEqual(stripped(), []);
  });

  test("says nothing where nothing can be written", () => {
    // Below a file there is no folder.
    const { status, stderr, stdout } = help({ env: { NODE_COMPILE_CACHE: join(ENTRY, "cache") } });
    assert.deepEqual({ status, stderr }, { status: 0, stderr: "" });
    assert.match(stdout, /^Usage: /);
  });

  test("tells an older Node in one line how to get the right one", () => {
    const older = `Object.defineProperty(process, "versions", { value: { node: "25.9.0" } })`;
    const { status, stderr, stdout } = help({ flags: ["--import", `data:text/javascript,${older}`] });
    assert.deepEqual({ status, stdout }, { status: 1, stdout: "" });
    assert.match(stderr, /^evenkeel needs Node 26 [^\n]+`npm start`[^\n]+\n$/);
  });
});

interface Options {
  readonly flags?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

function help({ flags = [], env = {} }: Options) {
  return spawnSync(process.execPath, [...flags, ENTRY, "--help"], { encoding: "utf8", env });
}
