/** What `npm run manifests` writes: the same each time, what is committed, and a clear word where it cannot. */
import assert from "node:assert/strict";
import { cpSync, readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { suite, test, type TestContext } from "node:test";
import { ConfigMap, defineFunction, fields, kind, Namespace, scale, status } from "../../runtime/index.ts";
import { pluralOf } from "../../runtime/kube/kind.ts";
import { HOST_MARKS } from "../../runtime/reconcile/provenance.ts";
import type { DefinedFunction } from "../../runtime/reconcile/define.ts";
import { fence } from "../../runtime/manifests/fence.ts";
import type { Installation } from "../../runtime/manifests/installation.ts";
import { HEADER, renderFile } from "../../runtime/manifests/manifest.ts";
import { withPlurals } from "../../runtime/manifests/plurals.ts";
import { clusterRights } from "../../runtime/manifests/rights.ts";
import { deploymentManifest } from "../../runtime/manifests/workload.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { MANIFESTS } from "./deployed.ts";
import { generate, generateUnder } from "./generate.ts";

suite("npm run manifests", () => {
  test("would write what is committed", () => {
    assert.deepEqual(generate("--check"), { code: 0, said: "manifests: nothing to change\n" });
  });

  test("says which file is not as it would be written, and writes it", async (context) => {
    const dir = await copyOfManifests(context);
    await dir.write("base/clusterrole.yaml", `${HEADER}# edited\n`);
    const check = generate("--check", "--dir", dir.path);
    assert.equal(check.code, 1);
    assert.match(check.said, /not as they would be written: base\/clusterrole\.yaml;/);
    assert.equal(generate("--dir", dir.path).code, 0);
    assert.equal(readFileSync(join(dir.path, "base", "clusterrole.yaml"), "utf8"), committed("base/clusterrole.yaml"));
  });

  test("writes every file that is committed, but for the configurations", async (context) => {
    const dir = await tempFolder(context);
    const configurations = filesIn(MANIFESTS).filter((file) => file.endsWith("evenkeel.yaml"));
    for (const file of configurations) await dir.write(file, committed(file));
    assert.equal(generate("--dir", dir.path).code, 0);
    assert.deepEqual(filesIn(dir.path), filesIn(MANIFESTS));
  });

  test("draws the fence to a configuration that changed", async (context) => {
    const dir = await copyOfManifests(context);
    await dir.write("base/evenkeel.yaml", "functions: { mirror: { prefixes: [squad-, team-] } }\n");
    assert.equal(generate("--dir", dir.path, "--allow-prefix", "extra-").code, 0);
    assert.match(readFileSync(join(dir.path, "base", "fence.yaml"), "utf8"), /'\["extra-","squad-","team-"\]'/);
  });

  test("draws the fence to every overlay with a configuration, and to no other", async (context) => {
    const dir = await copyOfManifests(context);
    await dir.remove("overlays/one-prefix");
    for (const team of ["team-b", "jaeger"])
      await dir.write(`overlays/${team}/evenkeel.yaml`, `functions: { mirror: { prefixes: [${team}-] } }\n`);
    assert.equal(generate("--dir", dir.path).code, 0);
    const read = (overlay: string): string =>
      readFileSync(join(dir.path, "overlays", overlay, "kustomization.yaml"), "utf8");
    assert.match(read("team-b"), /'\["team-b-"\]'/);
    assert.match(read("jaeger"), /components\/jaeger[^]*'\["jaeger-"\]'/);
    assert.doesNotMatch(read("prometheus"), /prefixes/);
    assert.ok(!filesIn(dir.path).some((file) => file.includes("one-prefix")));
    await dir.write("overlays/team-b/evenkeel.yaml", "functions: { mirror: { prefixes: [team-c-] } }\n");
    const { said } = generate("--check", "--dir", dir.path);
    assert.match(said, /not as they would be written: overlays\/team-b\/kustomization\.yaml;/);
  });

  test("names another namespace wherever it is named", async (context) => {
    const dir = await copyOfManifests(context);
    assert.equal(generate("--dir", dir.path, "--namespace", "harbour").code, 0);
    for (const file of ["clusterrole", "role", "deployment", "flowschema", "networkpolicy", "kustomization"])
      assert.match(readFileSync(join(dir.path, `base/${file}.yaml`), "utf8"), /harbour/, file);
  });

  test("applies and deletes a namespace that is named after the host, and no other", async (context) => {
    const dir = await copyOfManifests(context);
    const read = (file: string): string => readFileSync(join(dir.path, "base", file), "utf8");
    const resource = "  - namespace.yaml\n";
    assert.ok(read("kustomization.yaml").includes(resource));
    assert.equal(generate("--dir", dir.path, "--namespace", "harbour").code, 0);
    assert.ok(!read("kustomization.yaml").includes(resource));
    assert.match(read("namespace.yaml"), /by itself[^]*name: harbour\n/, "where there is none yet, this makes it");
  });

  test("goes by what the flags said the last time, until they say something else", async (context) => {
    const dir = await copyOfManifests(context);
    const isAsWritten = (...flags: readonly string[]): boolean =>
      generate("--check", "--dir", dir.path, ...flags).code === 0;
    const given = ["--namespace", "harbour", "--allow-prefix", "b-", "--allow-prefix", "a-"];
    assert.equal(generate("--dir", dir.path, ...given).code, 0);
    assert.deepEqual([isAsWritten(), isAsWritten(...given)], [true, true]);
    assert.deepEqual([isAsWritten("--namespace", "evenkeel"), isAsWritten("--no-allow-prefix")], [false, false]);
    assert.equal(generate("--dir", dir.path, "--namespace", "evenkeel", "--no-allow-prefix").code, 0);
    for (const file of filesIn(MANIFESTS)) assert.equal(readFileSync(join(dir.path, file), "utf8"), committed(file));
  });

  const errors: readonly {
    readonly name: string;
    readonly args?: readonly string[];
    readonly env?: Readonly<Record<string, string>>;
    readonly files?: Readonly<Record<string, string>>;
    readonly says: RegExp;
  }[] = [
    {
      name: "a flag that is not there",
      args: ["--chek"],
      says: /^evenkeel: Unknown option '--chek'; run `npm run manifests -- --help` for the flags\n$/,
    },
    {
      name: "a flag that npm took, for want of a --",
      env: { npm_lifecycle_event: "manifests", npm_config_check: "true" },
      says: /npm took --check for its own: put -- before it, `npm run manifests -- --check`/,
    },
    {
      name: "a negated flag that npm took",
      env: { npm_lifecycle_event: "manifests", npm_config_allow_prefix: "" },
      says: /npm took --allow-prefix for its own/,
    },
    {
      name: "two namespaces",
      args: ["--namespace", "a", "--namespace", "b"],
      says: /--namespace is given twice/,
    },
    {
      name: "prefixes beside none",
      args: ["--allow-prefix", "b-", "--no-allow-prefix"],
      says: /--allow-prefix and --no-allow-prefix exclude each other/,
    },
    {
      name: "the control plane's namespace",
      args: ["--namespace", "kube-system"],
      says: /"kube-system" cannot be the namespace/,
    },
    {
      name: "a prefix that means everything",
      args: ["--allow-prefix", ""],
      says: /--allow-prefix: "" is not the beginning of a namespace's name; run `npm run manifests -- --help`/,
    },
    {
      name: "a folder without functions",
      args: ["--functions", "/nowhere"],
      says: /\/nowhere: there is no function in it/,
    },
    {
      name: "a configuration that the functions refuse",
      files: { "base/evenkeel.yaml": "functions:\n  mirror:\n    prefixes: []\n" },
      says: /evenkeel\.yaml:3:\d+: functions\.mirror\.prefixes/,
    },
    {
      name: "a configuration for a function that is not there",
      files: { "base/evenkeel.yaml": "functions:\n  miror: {}\n" },
      says: /evenkeel\.yaml:2:3: functions\.miror: there is no such function/,
    },
    {
      name: "to write over an overlay that somebody wrote by hand",
      files: {
        "overlays/own/evenkeel.yaml": "functions: { mirror: { prefixes: [own-] } }\n",
        "overlays/own/kustomization.yaml": "resources: [../../base]\n",
      },
      says: /overlays\/own\/kustomization\.yaml was not written by/,
    },
    {
      name: "a base that has lost what the flags said",
      files: { "base/kustomization.yaml": `${HEADER}kind: Kustomization\n` },
      says: /base\/kustomization\.yaml no longer says where the host lives/,
    },
  ];
  for (const { name, args = [], env = {}, files = {}, says } of errors) {
    test(`refuses ${name}, in one line and with nothing written`, async (context) => {
      const dir = await copyOfManifests(context);
      for (const [file, text] of Object.entries(files)) await dir.write(file, text);
      await dir.write("base/role.yaml", `${HEADER}# untouched\n`);
      const { code, said } = generateUnder(env, "--dir", dir.path, ...args);
      assert.notEqual(code, 0);
      assert.match(said, says);
      assert.doesNotMatch(said, /\n    at /);
      assert.equal(readFileSync(join(dir.path, "base", "role.yaml"), "utf8"), `${HEADER}# untouched\n`);
    });
  }
});

function committed(file: string): string {
  return readFileSync(join(MANIFESTS, file), "utf8");
}

function filesIn(folder: string): readonly string[] {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  return files.map(({ parentPath, name }) => relative(folder, join(parentPath, name))).toSorted();
}

async function copyOfManifests(context: TestContext): ReturnType<typeof tempFolder> {
  const dir = await tempFolder(context);
  cpSync(MANIFESTS, dir.path, { recursive: true });
  return dir;
}

const Deployment = kind("apps/v1", "Deployment");
const Widget = kind("example.dev/v1", "Widget");
const reconcile = (): object => ({});

suite("the rights of functions", () => {
  const rows: readonly {
    readonly name: string;
    readonly definition: DefinedFunction;
    readonly grants: readonly string[];
  }[] = [
    {
      name: "what is watched or read is read, and no more",
      definition: defineFunction({ watches: Widget, reads: [Namespace], reconcile }),
      grants: ["/namespaces: get list watch", "example.dev/widgets: get list watch"],
    },
    {
      name: "what is kept whole is created, updated, released and deleted",
      definition: defineFunction({ watches: Namespace, writes: [ConfigMap], reconcile }),
      grants: ["/configmaps: get list watch", "/configmaps: create update patch delete", "/namespaces: get list watch"],
    },
    {
      name: "what is kept by its fields is applied, and never updated",
      definition: defineFunction({ watches: Namespace, writes: [Deployment], reconcile }),
      grants: [
        "apps/deployments: get list watch",
        "apps/deployments: create patch delete",
        "/namespaces: get list watch",
      ],
    },
    {
      name: "a part of a kind is patched, and the kind itself is not",
      definition: defineFunction({
        watches: Widget,
        reads: [Deployment],
        writes: [status(Widget), scale(Deployment)],
        reconcile,
      }),
      grants: [
        "apps/deployments: get list watch",
        "apps/deployments/scale: patch",
        "example.dev/widgets: get list watch",
        "example.dev/widgets/status: patch",
      ],
    },
    {
      name: "fields of others' objects are patched, and the objects neither created nor deleted",
      definition: defineFunction({ watches: Deployment, writes: [fields(Deployment)], reconcile }),
      grants: ["apps/deployments: get list watch", "apps/deployments: patch"],
    },
    {
      name: "children and fields of one kind are one rule",
      definition: defineFunction({ watches: Deployment, writes: [fields(Deployment), Deployment], reconcile }),
      grants: ["apps/deployments: get list watch", "apps/deployments: create patch delete"],
    },
  ];
  for (const { name, definition, grants } of rows) {
    test(name, () => {
      const rights = clusterRights(new Map([["some", definition]]));
      const lines = rights.map(
        ({ rule }) => `${rule.apiGroups.join()}/${rule.resources.join()}: ${rule.verbs.join(" ")}`,
      );
      assert.deepEqual(lines, [...grants, "events.k8s.io/events: create"]);
      assert.ok(rights.every(({ because }) => because !== ""));
    });
  }

  test("two functions share a rule, which names both", () => {
    const definition = defineFunction({ watches: ConfigMap, reconcile });
    const rights = clusterRights(
      new Map([
        ["a", definition],
        ["b", definition],
      ]),
    );
    assert.deepEqual(rights.map(({ because }) => because)[0], "a watches it; b watches it");
  });

  test("plurals are those of the API", () => {
    const plurals = {
      Box: "boxes",
      Elasticsearch: "elasticsearches",
      Endpoints: "endpoints",
      Gateway: "gateways",
      Ingress: "ingresses",
      Mesh: "meshes",
      NetworkPolicy: "networkpolicies",
      Path: "paths",
      Pod: "pods",
    };
    for (const [name, plural] of Object.entries(plurals)) assert.equal(pluralOf(kind("v1", name)), plural);
    assert.equal(pluralOf(kind("example.com/v1", "Index", { plural: "indices" })), "indices");
  });

  test("a plural that one function says holds for the kind wherever it is named, in whatever version", () => {
    const says = defineFunction({ watches: kind("example.com/v1", "Index", { plural: "indices" }), reconcile });
    const Index = kind("example.com/v2", "Index");
    const others = [
      defineFunction({ watches: Index, writes: [status(Index)], reconcile }),
      defineFunction({ watches: Namespace, reads: [Index], writes: [fields(Index)], reconcile }),
      defineFunction({ watches: Namespace, writes: [Index, scale(Index)], reconcile }),
    ];
    for (const other of others) {
      const functions = withPlurals(
        new Map([
          ["a", says],
          ["b", other],
        ]),
      );
      const text = renderFile(fence({ functions, prefixes: [] }));
      const resources = clusterRights(functions).flatMap(({ rule }) => rule.resources);
      assert.ok(resources.includes("indices"));
      for (const word of [text, ...resources]) assert.doesNotMatch(word, /indexes|indexs/);
    }
  });

  test("two plurals of one kind are an error that names both functions", () => {
    const functions = new Map(
      Object.entries({ a: "indices", b: "indexes" }).map(([name, plural]) => [
        name,
        defineFunction({ watches: kind("example.com/v1", "Index", { plural }), reconcile }),
      ]),
    );
    assert.throws(() => withPlurals(functions), {
      code: "FUNCTION_INVALID",
      message: /^Index\.example\.com has the plural indices in a, and indexes in b; /,
    });
  });
});

/** `count` functions that write ConfigMaps. */
function installationOf(count: number): Installation {
  const definition = defineFunction({ watches: ConfigMap, writes: [ConfigMap], reconcile });
  const functions = new Map(Array.from({ length: count }, (_, index) => [`some-${index}`, definition]));
  return { namespace: "evenkeel", version: "1", functions, prefixes: ["team-"], allowedPrefixes: [] };
}

test("the fence knows all marks that the host sets and no child can do without", () => {
  const text = renderFile(fence(installationOf(1)));
  const optional = new Set(["evenkeel.dev/digest", "evenkeel.dev/metadata"]);
  for (const mark of HOST_MARKS.difference(optional)) assert.ok(text.includes(`"${mark}"`), mark);
});

test("a pod may use what its functions need: a thread each", () => {
  assert.deepEqual(memoryFor(2), ["160Mi", "512Mi"]);
  // 20 that did nothing took 690 MiB.
  assert.deepEqual(memoryFor(20), ["736Mi", "2240Mi"]);
});

/** What the pod requests, and its limit. */
function memoryFor(functionCount: number): readonly string[] {
  return renderFile([deploymentManifest(installationOf(functionCount))]).match(/(?<= memory: ).*/g) ?? [];
}
