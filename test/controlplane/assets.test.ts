/** Where the programs come from, by what the environment names. Nothing is built here. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";

import { findAssets } from "./assets.ts";
import { verdictOf } from "./on-control-plane.ts";

const root = mkdtempSync(join(tmpdir(), "evenkeel-assets-"));
after(() => rmSync(root, { recursive: true }));
const folders = {
  envtest: folderWith("etcd", "kube-apiserver", "kubectl"),
  whole: folderWith("etcd", "kube-apiserver", "kubectl", "kube-controller-manager"),
  partial: folderWith("etcd"),
  go: folderWith("go"),
  empty: folderWith(),
};
const nothing = { PATH: folders.empty, XDG_CACHE_HOME: folders.empty };

const found = [
  { name: "Go and no build yet: to be built", env: { ...nothing, PATH: folders.go }, kind: "to-build" },
  { name: "nothing at all: missing", env: nothing, kind: "missing" },
  { name: "an empty KUBEBUILDER_ASSETS is as none", env: { ...nothing, KUBEBUILDER_ASSETS: "" }, kind: "missing" },
  {
    name: "a folder without kube-controller-manager, as envtest has it, is enough",
    env: { ...nothing, KUBEBUILDER_ASSETS: folders.envtest },
    kind: "binaries",
    etcd: join(folders.envtest, "etcd"),
    controllerManager: undefined,
  },
  {
    name: "the folder's own kube-controller-manager is taken",
    env: { ...nothing, KUBEBUILDER_ASSETS: folders.whole },
    kind: "binaries",
    controllerManager: join(folders.whole, "kube-controller-manager"),
  },
  {
    name: "one named by itself goes before the folder's",
    env: { ...nothing, KUBEBUILDER_ASSETS: folders.envtest, TEST_ASSET_ETCD: join(folders.partial, "etcd") },
    kind: "binaries",
    etcd: join(folders.partial, "etcd"),
  },
  {
    name: "kube-controller-manager may be named beside the folder",
    env: {
      ...nothing,
      KUBEBUILDER_ASSETS: folders.envtest,
      TEST_ASSET_KUBE_CONTROLLER_MANAGER: join(folders.whole, "kube-controller-manager"),
    },
    kind: "binaries",
    controllerManager: join(folders.whole, "kube-controller-manager"),
  },
];

for (const { name, env, ...expected } of found) {
  test(name, () => {
    const assets = new Map<string, unknown>(Object.entries(findAssets(env)));
    for (const [field, value] of Object.entries(expected)) assert.equal(assets.get(field), value, field);
  });
}

const refused = [
  { name: "a folder with only some of the programs", env: { KUBEBUILDER_ASSETS: folders.partial }, says: /kubectl/ },
  { name: "a folder with none of them", env: { KUBEBUILDER_ASSETS: folders.empty }, says: /KUBEBUILDER_ASSETS/ },
  { name: "a file that is not there", env: { TEST_ASSET_KUBECTL: "/none" }, says: /TEST_ASSET_KUBECTL.*\/none/ },
];

for (const { name, env, says } of refused) {
  test(`${name}: refused, even where there is Go`, () => {
    assert.throws(() => findAssets({ ...nothing, PATH: folders.go, ...env }), says);
  });
}

const missing = { kind: "missing", why: "no Go" } as const;
const envtest = { kind: "binaries", etcd: "/e", apiServer: "/a", kubectl: "/k" } as const;
const whole = { ...envtest, controllerManager: "/m" } as const;
const toBuild = { kind: "to-build", go: "/go" } as const;
const gc = ["garbage-collector-controller"];

const verdicts = [
  { name: "missing programs skip", assets: missing, controllers: [], isCi: false, kind: "skip" },
  { name: "missing programs fail in CI", assets: missing, controllers: [], isCi: true, kind: "fail" },
  { name: "what can be built runs", assets: toBuild, controllers: gc, isCi: true, kind: "run" },
  { name: "no controllers needed: envtest's folder runs", assets: envtest, controllers: [], isCi: true, kind: "run" },
  { name: "controllers needed and absent skip", assets: envtest, controllers: gc, isCi: false, kind: "skip" },
  { name: "controllers needed and absent fail in CI", assets: envtest, controllers: gc, isCi: true, kind: "fail" },
  { name: "controllers needed and there run", assets: whole, controllers: gc, isCi: true, kind: "run" },
];

for (const { name, assets, controllers, isCi, kind } of verdicts) {
  test(`verdict: ${name}`, () => assert.equal(verdictOf(assets, { controllers }, isCi).kind, kind));
}

/** A folder with files that can be run. */
function folderWith(...programs: readonly string[]): string {
  const folder = mkdtempSync(join(root, "folder-"));
  for (const program of programs) symlinkSync(process.execPath, join(folder, program));
  return folder;
}
