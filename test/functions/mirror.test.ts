/** What mirror wants in which world. Each row is a behaviour that a mirror tool in use has had wrong. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { fileURLToPath } from "node:url";
import { effectsOf as effectsIn } from "#evenkeel/testing";
import mirror from "../../functions/mirror.ts";
import { systemClock } from "../../runtime/clock/clock.ts";
import type { ConfigMap } from "../../runtime/kube/kind.ts";
import type { ObjectMeta, StoredObject } from "../../runtime/kube/object.ts";
import { formatQuery } from "../../runtime/kube/query.ts";
import { openWorker } from "../../runtime/reconcile/cell/worker-cell.ts";
import { readConfig } from "../../runtime/reconcile/define.ts";
import type { Effects } from "../../runtime/reconcile/effects.ts";
import { runTwice } from "../../runtime/reconcile/run.ts";
import { answerOf, childOf, configMap, namespace, planned, runnable, said } from "../reconcile/builders.ts";
import { jobOf, runAll } from "../reconcile/cell/rig.ts";

interface World {
  readonly source: ConfigMap & StoredObject;
  readonly namespaces?: readonly StoredObject[];
  /** Other ConfigMaps. */
  readonly others?: readonly StoredObject[];
  readonly config?: object;
}

const teams = [namespace("default"), namespace("team-a"), namespace("team-b"), namespace("other")];
const mirrored = { labels: { mirror: "true" } };
const source = configMap("default/settings", { ...mirrored, data: { a: "1" } });

function effectsOf({ source, namespaces = teams, others = [], config = { prefixes: ["team-"] } }: World): Effects {
  return effectsIn(mirror, { object: source, others: [...namespaces, ...others], config });
}

const targets = ({ children }: Effects): readonly (string | undefined)[] | undefined =>
  children?.map(({ metadata }) => metadata.namespace).toSorted();

interface Row extends World {
  readonly name: string;
  /** The namespaces of the copies; undefined: it says nothing about them. */
  readonly copies: readonly string[] | undefined;
  /** Reasons of the events. */
  readonly events?: readonly string[];
  readonly why?: string;
}

const terminating = { deletionTimestamp: "2026-01-02T00:00:00Z" };
const inTeamA = configMap("team-a/settings", { ...mirrored, data: { a: "1" } });
const copyInTeamA = childOf(source, "mirror", configMap("team-a/settings", { ...mirrored, data: { a: "1" } }));
const at = (key: string, time: string, meta: Partial<ObjectMeta> = {}): ConfigMap & StoredObject =>
  configMap(key, { ...mirrored, creationTimestamp: `2026-01-01T00:00:${time}Z`, ...meta });

const rows: readonly Row[] = [
  { name: "B16 every matching namespace gets a copy", source, copies: ["team-a", "team-b"] },
  {
    name: "B16 no matching namespace: no copies, and those that were go",
    source,
    namespaces: [namespace("other")],
    copies: [],
  },
  { name: "B03 the source's own namespace gets none", source: inTeamA, copies: ["team-b"] },
  {
    name: "B11 a prefix is anchored at the start",
    source,
    namespaces: [namespace("xteam-a"), namespace("my-team-b")],
    copies: [],
  },
  {
    name: "B11 `team-` does not mean team, nor tea",
    source,
    namespaces: [namespace("team"), namespace("tea"), namespace("teams")],
    copies: [],
  },
  {
    name: "B11 `team` means team, team-a and teams",
    source,
    namespaces: [namespace("team"), namespace("team-a"), namespace("teams"), namespace("tea")],
    config: { prefixes: ["team"] },
    copies: ["team", "team-a", "teams"],
  },
  { name: "B11 a whole name is its own prefix", source, config: { prefixes: ["team-a"] }, copies: ["team-a"] },
  {
    name: "several prefixes mean what each of them means",
    source,
    config: { prefixes: ["team-", "oth"] },
    copies: ["other", "team-a", "team-b"],
  },
  {
    name: "overlapping prefixes make one copy",
    source,
    config: { prefixes: ["team-", "team-a", "t", "team-"] },
    copies: ["team-a", "team-b"],
  },
  {
    name: "the control plane's namespaces are nobody's target",
    source,
    namespaces: [
      namespace("kube-system"),
      namespace("kube-public"),
      namespace("kube-node-lease"),
      namespace("kube-mine"),
      namespace("kubernetes"),
    ],
    config: { prefixes: ["kube", "k"] },
    copies: ["kubernetes"],
  },
  {
    name: "B31 a namespace on its way out gets no copy",
    source,
    namespaces: [namespace("team-a", terminating), namespace("team-b")],
    copies: ["team-b"],
    why: "creates there are refused",
  },
  {
    name: "B24 a namespace that is there the next time gets its copy",
    source,
    namespaces: [...teams, namespace("team-new")],
    copies: ["team-a", "team-b", "team-new"],
  },
  ...["kube-root-ca.crt", "openshift-service-ca.crt", "istio-ca-root-cert"].map((name): Row => ({
    name: `B13 ${name} is refused`,
    source: configMap(`default/${name}`, mirrored),
    copies: [],
    events: ["Refused"],
  })),
  {
    name: "B15 a source in an allowed namespace is mirrored",
    source,
    config: { prefixes: ["team-"], sourceNamespaces: ["shared", "default"] },
    copies: ["team-a", "team-b"],
  },
  {
    name: "B15 a source elsewhere is refused, and its copies go",
    source,
    config: { prefixes: ["team-"], sourceNamespaces: ["shared"] },
    copies: [],
    events: ["Refused"],
  },
  {
    name: "B33 of two sources of one name the older is mirrored",
    source: at("default/settings", "01"),
    others: [at("another/settings", "02")],
    copies: ["team-a", "team-b"],
  },
  {
    name: "B33 the younger is told so",
    source: at("default/settings", "02"),
    others: [at("another/settings", "01")],
    copies: [],
    events: ["Conflict"],
  },
  {
    name: "B33 of the same age the first by namespace is mirrored",
    source: at("default/settings", "01"),
    others: [at("another/settings", "01")],
    copies: [],
    events: ["Conflict"],
  },
  {
    name: "B33 sources of other names do not matter",
    source: at("default/settings", "02"),
    others: [at("another/options", "01")],
    copies: ["team-a", "team-b"],
  },
  {
    name: "B33 an older ConfigMap of that name without the label does not matter",
    source: at("default/settings", "02"),
    others: [at("another/settings", "01", { labels: {} })],
    copies: ["team-a", "team-b"],
  },
  {
    name: "B33 an older source that is refused does not matter",
    source: at("default/settings", "02"),
    others: [at("another/settings", "01")],
    config: { prefixes: ["team-"], sourceNamespaces: ["default"] },
    copies: ["team-a", "team-b"],
  },
  {
    name: "B33 a copy that somebody labelled is no rival",
    source: at("default/settings", "02"),
    others: [childOf(source, "mirror", at("team-a/settings", "01"))],
    copies: ["team-a", "team-b"],
  },
  {
    name: "B35 a copy that somebody labelled has no copies, and says nothing of any",
    source: copyInTeamA,
    copies: undefined,
  },
  {
    name: "B35 nor does what has all marks of a child of mirror and an owner of another kind",
    source: childOf(namespace("team-a"), "mirror", configMap("team-a/settings", mirrored)),
    copies: undefined,
  },
  {
    name: "B35 which is no rival either",
    source: at("default/settings", "02"),
    others: [childOf(namespace("team-a"), "mirror", at("team-a/settings", "01"))],
    copies: ["team-a", "team-b"],
  },
  {
    name: "B35 a copy made by hand with all our marks is a source like any other",
    source: configMap("shared/settings", {
      ...mirrored,
      labels: { ...mirrored.labels, ...copyInTeamA.metadata.labels },
      annotations: copyInTeamA.metadata.annotations ?? {},
    }),
    copies: ["team-a", "team-b"],
  },
];

suite("mirror", () => {
  for (const { name, copies, events = [], why, ...world } of rows) {
    test(name, () => {
      const effects = effectsOf(world);
      assert.deepEqual(targets(effects), copies, why ?? name);
      assert.deepEqual(effects.events?.map(({ reason }) => reason) ?? [], events);
    });
  }

  test("B33 two sources never both win, nor both lose", () => {
    const [a, b] = [at("default/settings", "01"), at("another/settings", "01")];
    const won = [effectsOf({ source: a, others: [b] }), effectsOf({ source: b, others: [a] })].map(targets);
    assert.deepEqual(won, [[], ["team-a", "team-b"]]);
  });

  test("B33 the loser is told who won, and no data", () => {
    const loser = at("default/settings", "02");
    const [event] =
      effectsOf({ source: { ...loser, data: { password: "hunter2" } }, others: [at("another/settings", "01")] })
        .events ?? [];
    assert.equal(
      event?.message,
      "another/settings has the same name and comes first, by age and then by namespace: only it is mirrored",
    );
  });
});

function copyOf(source: ConfigMap & StoredObject): unknown {
  return effectsOf({ source, config: { prefixes: ["team-a"] } }).children?.[0];
}

suite("mirror: a copy", () => {
  const bare = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "settings", namespace: "team-a" } };

  test("B16 has the same data, bytes and immutability", () => {
    const content = { data: { a: "1", "b.txt": "2\n" }, binaryData: { c: "AAEC" }, immutable: true };
    assert.deepEqual(copyOf(configMap("default/settings", { ...mirrored, ...content })), { ...bare, ...content });
  });

  test("B16 of an empty source is empty", () => {
    assert.deepEqual(copyOf(configMap("default/settings", mirrored)), bare);
  });

  test("B37 has nothing of the source's metadata, and B35 no label that makes it a source", () => {
    const annotations = {
      "kubectl.kubernetes.io/last-applied-configuration": "{}",
      "argocd.argoproj.io/tracking-id": "x",
      "meta.helm.sh/release-name": "x",
      "kopf.zalando.org/last-handled-configuration": "{}",
    };
    const labels = {
      mirror: "true",
      "app.kubernetes.io/instance": "x",
      "helm.sh/chart": "x",
      "kustomize.toolkit.fluxcd.io/name": "x",
    };
    const ownerReferences = [{ apiVersion: "v1", kind: "Pod", name: "p", uid: "u" }];
    const metadata = { labels, annotations, ownerReferences, finalizers: ["x/y"], generation: 3 };
    assert.deepEqual(copyOf(configMap("default/settings", metadata)), bare);
  });

  test("B50 of a source that is to be retained says so itself", () => {
    const retained = configMap("default/settings", { ...mirrored, annotations: { "evenkeel.dev/retain": "true" } });
    const annotations = { "evenkeel.dev/retain": "true" };
    assert.deepEqual(copyOf(retained), { ...bare, metadata: { ...bare.metadata, annotations } });
    const not = configMap("default/settings", { ...mirrored, annotations: { "evenkeel.dev/retain": "no" } });
    assert.deepEqual(copyOf(not), bare);
  });
});

/** What the host would send, with these ConfigMaps in place. */
function writes(world: World, stored: readonly StoredObject[]): readonly string[] {
  return planned(effectsOf({ ...world, others: stored }), world.source, stored).writes.map(said);
}

const stored = (
  key: string,
  owner: StoredObject = source,
  content: Parameters<typeof configMap>[1] = { data: { a: "1" } },
): StoredObject => childOf(owner, "mirror", configMap(key, content));

suite("mirror: what is sent", () => {
  const both = [stored("team-a/settings"), stored("team-b/settings")];
  const more: readonly {
    readonly name: string;
    readonly world: World;
    readonly stored: readonly StoredObject[];
    readonly writes: readonly string[];
  }[] = [
    { name: "B39 copies in place: nothing", world: { source }, stored: both, writes: [] },
    {
      name: "B40 a touched source: nothing",
      world: {
        source: configMap("default/settings", {
          ...mirrored,
          data: { a: "1" },
          resourceVersion: "77",
          annotations: { leader: "x" },
        }),
      },
      stored: both,
      writes: [],
    },
    {
      name: "B10 another source's copies are left alone",
      world: { source, namespaces: [namespace("team-b")] },
      stored: [...both, stored("team-a/options", configMap("default/options"))],
      writes: ["delete v1/ConfigMap team-a/settings"],
    },
    {
      name: "B22 a new prefix: new copies first, then the old ones go",
      world: { source, namespaces: [...teams, namespace("squad-a")], config: { prefixes: ["squad-"] } },
      stored: both,
      writes: [
        "create v1/ConfigMap squad-a/settings",
        "delete v1/ConfigMap team-a/settings",
        "delete v1/ConfigMap team-b/settings",
      ],
    },
    {
      name: "B22 what is not ours stays when its prefix goes",
      world: { source, config: { prefixes: ["squad-"] } },
      stored: [configMap("team-a/settings")],
      writes: [],
    },
    {
      name: "B25 a key that is gone from the source goes from the copies",
      world: { source: configMap("default/settings", mirrored) },
      stored: both,
      writes: ["update v1/ConfigMap team-a/settings", "update v1/ConfigMap team-b/settings"],
    },
    {
      name: "B25 bytes that are gone from the source go from the copies",
      world: { source },
      stored: [
        stored("team-a/settings"),
        stored("team-b/settings", source, { data: { a: "1" }, binaryData: { b: "AA==" } }),
      ],
      writes: ["update v1/ConfigMap team-b/settings"],
    },
    {
      name: "B27 a copy that was edited is repaired, one that was deleted is made anew",
      world: { source },
      stored: [stored("team-a/settings", source, { data: { a: "2" } })],
      writes: ["update v1/ConfigMap team-a/settings", "create v1/ConfigMap team-b/settings"],
    },
    {
      name: "B01 what is not ours is never written, whatever it holds",
      world: { source },
      stored: [configMap("team-a/settings"), configMap("team-b/settings", { annotations: { a: "b" }, data: {} })],
      writes: [],
    },
    {
      name: "B31 copies in a namespace on its way out are left to go with it",
      world: { source, namespaces: [namespace("team-a", terminating), namespace("team-b")] },
      stored: both,
      writes: [],
    },
    {
      name: "B31 nor are those made again that went with it already",
      world: { source, namespaces: [namespace("team-a", terminating), namespace("team-b", terminating)] },
      stored: [stored("team-a/settings", source, { ...terminating, data: { a: "1" } })],
      writes: [],
    },
    {
      name: "B36 an immutable copy is replaced when the source's content is new",
      world: {
        source: configMap("default/settings", { ...mirrored, data: { a: "2" }, immutable: true }),
        namespaces: [namespace("team-a")],
      },
      stored: [stored("team-a/settings", source, { data: { a: "1" }, immutable: true })],
      writes: ["replace v1/ConfigMap team-a/settings"],
    },
    {
      name: "B36 an immutable stranger stays",
      world: {
        source: configMap("default/settings", { ...mirrored, data: { a: "2" }, immutable: true }),
        namespaces: [namespace("team-a")],
      },
      stored: [configMap("team-a/settings", { data: { a: "1" }, immutable: true })],
      writes: [],
    },
    {
      name: "B15 a source that is no longer allowed loses its copies",
      world: { source, config: { prefixes: ["team-"], sourceNamespaces: ["shared"] } },
      stored: both,
      writes: ["delete v1/ConfigMap team-a/settings", "delete v1/ConfigMap team-b/settings"],
    },
  ];
  for (const { name, world, stored, writes: expected } of more) {
    test(name, () => assert.deepEqual(writes(world, stored), expected));
  }
});

suite("mirror: its configuration", () => {
  const rows: readonly {
    readonly name: string;
    readonly config: unknown;
    readonly path: string;
    readonly says: RegExp;
  }[] = [
    { name: "B09 that is missing", config: undefined, path: "prefixes", says: /expected array/ },
    { name: "B09 without prefixes", config: { prefixes: [] }, path: "prefixes", says: />=1/ },
    {
      name: "B09 with an empty prefix, which would mean every namespace",
      config: { prefixes: ["team-", ""] },
      path: "prefixes.1",
      says: /must be the beginning of a namespace name/,
    },
    {
      name: "B11 with a pattern instead of a prefix",
      config: { prefixes: ["team-.*"] },
      path: "prefixes.0",
      says: /must be the beginning/,
    },
    { name: "B11 with a wildcard", config: { prefixes: ["*"] }, path: "prefixes.0", says: /must be the beginning/ },
    { name: "with capitals", config: { prefixes: ["Team-"] }, path: "prefixes.0", says: /lower-case/ },
    {
      name: "with a line end after the prefix",
      config: { prefixes: ["team-\n"] },
      path: "prefixes.0",
      says: /must be the beginning/,
    },
    {
      name: "with a prefix that means the control plane's namespaces alone",
      config: { prefixes: ["team-", "kube-"] },
      path: "prefixes.1",
      says: /kube-\* namespaces .* nothing is ever copied there/,
    },
    {
      name: "with a prefix that no name can have",
      config: { prefixes: ["a".repeat(64)] },
      path: "prefixes.0",
      says: /<=63/,
    },
    { name: "with one prefix outside a list", config: { prefixes: "team-" }, path: "prefixes", says: /expected array/ },
    { name: "with a misspelt field", config: { prefixes: ["team-"], prefix: "squad-" }, path: "", says: /"prefix"/ },
    {
      name: "B15 with an empty list of source namespaces",
      config: { prefixes: ["team-"], sourceNamespaces: [] },
      path: "sourceNamespaces",
      says: />=1/,
    },
    {
      name: "B15 with a prefix as a source namespace",
      config: { prefixes: ["team-"], sourceNamespaces: ["shared-"] },
      path: "sourceNamespaces.0",
      says: /name of a namespace/,
    },
  ];
  for (const { name, config, path, says } of rows) {
    test(`${name}: refused, with the place`, () => {
      const read = readConfig(mirror, config);
      assert.ok("issues" in read);
      assert.deepEqual(
        read.issues.map((issue) => issue.path.join(".")),
        [path],
      );
      assert.match(read.issues[0]?.message ?? "", says);
    });
  }
});

test("mirror reads what it must be woken by: rivals of its name, and namespaces by prefix; of neither the content", () => {
  const read = readConfig(mirror, { prefixes: ["team-", "squad-"] });
  const run = runTwice(runnable("mirror", mirror, "config" in read ? read.config : undefined), {
    object: source,
    now: 0,
    memo: undefined,
    answer: answerOf([source, ...teams]),
  });
  assert.deepEqual(
    run.reads.map(({ query }) => formatQuery(query)),
    [
      "v1/ConfigMap */settings [mirror=true] (metadata)",
      "v1/Namespace */team-* (metadata)",
      "v1/Namespace */squad-* (metadata)",
    ],
  );
});

test("mirror in its cell bears 115 sources of one name, 900 KiB each", { timeout: 20_000 }, async (context) => {
  const dir = fileURLToPath(new URL("../../functions/", import.meta.url));
  const { signal } = new AbortController();
  const birth = { name: "mirror", dir, file: `${dir}mirror.ts`, generation: 1, onRead: () => {}, signal };
  const cell = await openWorker(systemClock)(birth);
  context.after(() => cell.rest());
  const blob = "x".repeat(900 * 1024);
  const rivals = Array.from({ length: 115 }, (_, i) => configMap(`src-${i}/shared`, { ...mirrored, data: { blob } }));
  const config = { prefixes: ["team-"] };
  const jobs = rivals.map((object) => jobOf("", { object, config }));
  const runs = await runAll(cell, jobs, answerOf([...rivals, ...teams]));
  assert.equal(cell.threadFaults, undefined);
  assert.equal(runs.filter(({ effects }) => effects?.children?.length === 2).length, 1);
  assert.equal(runs.filter(({ effects }) => effects?.events?.[0]?.reason === "Conflict").length, 114);
});
