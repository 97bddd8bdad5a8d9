/** The cache of builds, with a script in place of Go: what several builders at once and failed builds leave behind. */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, suite, test } from "node:test";

import { build, cachedBuild } from "./build.ts";

suite("a build", () => {
  let root: string;
  let env: { readonly PATH: string | undefined; readonly XDG_CACHE_HOME: string; readonly CALLS: string };

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "evenkeel-build-"));
    env = { PATH: process.env["PATH"], XDG_CACHE_HOME: join(root, "cache"), CALLS: join(root, "calls") };
  });
  afterEach(() => rmSync(root, { recursive: true }));

  /** Notes its arguments and environment, then does the rest; `$out` is what -o names. */
  const fakeGo = (rest: string): string => {
    const path = join(root, "go");
    const script = `#!/bin/sh\necho "CGO_ENABLED=$CGO_ENABLED $*" >> "$CALLS"\nwhile [ "$1" != -o ]; do shift; done\nout=$2\n`;
    writeFileSync(path, script + rest, { mode: 0o755 });
    return path;
  };
  const calls = (): readonly string[] => readFileSync(env.CALLS, "utf8").trimEnd().split("\n");
  const cache = (): readonly string[] => readdirSync(join(env.XDG_CACHE_HOME, "evenkeel", "controlplane"));

  test("holds the four programs under its own name, stamped with the release, and is found again", async () => {
    assert.equal(cachedBuild(env), undefined);
    const folder = await build(fakeGo(`echo binary > "$out"`), env);
    for (const program of ["etcd", "kube-apiserver", "kube-controller-manager", "kubectl"])
      assert.equal(readFileSync(join(folder, program), "utf8"), "binary\n");
    assert.equal(cachedBuild(env), folder);
    assert.match(calls()[0] ?? "", /^CGO_ENABLED=0 build .*-mod=readonly .*gitVersion=v1\.\d+\.\d+ .*gitMinor=\d+ /);
  });

  // Longer than the lock is polled: a lock taken from a living owner would show as a second call.
  test("is made once by those who want it at the same time", async () => {
    const go = fakeGo(`sleep 0.7; echo binary > "$out"`);
    const [one, two] = await Promise.all([build(go, env), build(go, env)]);
    assert.equal(one, two);
    assert.equal(calls().length, 1);
  });

  test("that fails says the compiler's words, leaves nothing, and can be tried again", async () => {
    await assert.rejects(build(fakeGo(`echo half > "$out"; echo "undefined: x" >&2; exit 1`), env), /undefined: x/);
    assert.deepEqual(cache(), []);
    assert.ok(existsSync(await build(fakeGo(`echo binary > "$out"`), env)));
  });

  test("does not wait for a builder that has died", async () => {
    const go = fakeGo(`echo binary > "$out"`);
    const folder = await build(go, env);
    rmSync(folder, { recursive: true });
    mkdirSync(join(folder, ".."), { recursive: true });
    writeFileSync(`${folder}.lock`, "999999999"); // above any pid
    assert.equal(await build(go, env), folder);
    assert.equal(calls().length, 2);
    assert.equal(cache().length, 1);
  });
});
