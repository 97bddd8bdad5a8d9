import assert from "node:assert/strict";
import { join, resolve } from "node:path";
import { suite, test } from "node:test";
import type { Given, GivenSettings } from "../../runtime/host/given-settings.ts";
import { settingsFrom, uniqueIdentity, type Settings } from "../../runtime/host/settings.ts";
import { SERVICE_ACCOUNT } from "../../runtime/kube/in-cluster.ts";
import { parseTraceLink } from "../../runtime/host/trace-link.ts";

const by = <T>(from: string, value: T): Given<T> => ({ from, value });

interface World {
  readonly given?: GivenSettings;
  readonly env?: Readonly<Record<string, string>>;
  readonly files?: readonly string[];
  readonly folders?: readonly string[];
}

const settings = ({ given = {}, env = {}, files = [], folders = [] }: World): Settings =>
  settingsFrom({
    given,
    env,
    cwd: "/home/me",
    files: { isFile: (path) => files.includes(path), isFolder: (path) => folders.includes(path) },
    identity: "me_1",
  });

const inPod: World = { env: { KUBERNETES_SERVICE_HOST: "10.0.0.1" }, files: [join(SERVICE_ACCOUNT, "token")] };

suite("defaults", () => {
  test("a plain start is the embedded API server, whatever kubeconfig the environment names", () => {
    assert.deepEqual(settings({ env: { KUBECONFIG: "/home/me/.kube/config" }, files: ["/home/me/.kube/config"] }), {
      target: { kind: "embedded" },
      configFile: "/home/me/evenkeel.yaml",
      isConfigOptional: true,
      functionsDir: resolve(import.meta.dirname, "../../functions"),
      address: { host: "127.0.0.1", port: 8080 },
      isAddressGiven: false,
      statusAddress: { host: "127.0.0.1", port: 8080 },
      isStatusAddressGiven: false,
      metricsAddress: { host: "127.0.0.1", port: 8080 },
      isMetricsAddressGiven: false,
      certificate: undefined,
      leaderElect: false,
      leaseNamespace: undefined,
      identity: "me_1",
      concurrency: 32,
      hasDemoWorld: true,
      traceLink: undefined,
      verbosity: 0,
    } satisfies Settings);
  });

  test("in a pod: its cluster, leader election, and an address that the kubelet reaches", () => {
    const { target, leaderElect, address, hasDemoWorld } = settings(inPod);
    assert.deepEqual([target, leaderElect, hasDemoWorld], [{ kind: "in-cluster" }, true, false]);
    assert.deepEqual(address, { host: "", port: 8080 });
  });

  test("an identity names the machine, and differs each time", () => {
    assert.match(uniqueIdentity(), /^[\x21-\x7e]+_[0-9a-f-]{36}$/);
    assert.notEqual(uniqueIdentity(), uniqueIdentity());
  });
});

suite("the API server", () => {
  const cases: readonly { name: string; world: World; target: Settings["target"] }[] = [
    {
      name: "--kubeconfig alone: that file",
      world: { given: { kubeconfig: by("--kubeconfig", "k") }, files: ["/home/me/k"] },
      target: { kind: "kubeconfig", file: "/home/me/k", context: undefined },
    },
    {
      name: "--context alone: the default kubeconfig",
      world: { given: { context: by("--context", "c") } },
      target: { kind: "kubeconfig", file: undefined, context: "c" },
    },
    {
      name: "both",
      world: { given: { kubeconfig: by("--kubeconfig", "/k"), context: by("--context", "c") }, files: ["/k"] },
      target: { kind: "kubeconfig", file: "/k", context: "c" },
    },
    {
      name: "--context in a pod: the kubeconfig, not the pod's cluster",
      world: { ...inPod, given: { context: by("--context", "c") } },
      target: { kind: "kubeconfig", file: undefined, context: "c" },
    },
    { name: "a pod without a token", world: { ...inPod, files: [] }, target: { kind: "embedded" } },
    { name: "a token outside a pod", world: { ...inPod, env: {} }, target: { kind: "embedded" } },
    {
      name: "an empty KUBERNETES_SERVICE_HOST",
      world: { ...inPod, env: { KUBERNETES_SERVICE_HOST: "" } },
      target: { kind: "embedded" },
    },
  ];
  for (const { name, world, target } of cases) {
    test(name, () => assert.deepEqual(settings(world).target, target));
  }

  test("leader election is on for a kubeconfig's cluster, and goes by what was given everywhere", () => {
    const context = by("--context", "c");
    assert.equal(settings({ given: { context } }).leaderElect, true);
    assert.equal(settings({ given: { context, leaderElect: by("--no-leader-elect", false) } }).leaderElect, false);
    assert.equal(settings({ given: { leaderElect: by("--leader-elect", true) } }).leaderElect, true);
  });

  test("outside a pod the address is loopback's, also against a cluster", () => {
    assert.equal(settings({ given: { context: by("--context", "c") } }).address.host, "127.0.0.1");
  });
});

test("what was given is taken, relative paths from the working directory", () => {
  const link = parseTraceLink("http://j/{traceId}", "--trace-link");
  const got = settings({
    given: {
      config: by("--config", "my.yaml"),
      functions: by("--functions", "../fn"),
      address: by("--address", { host: "", port: 0 }),
      leaseNamespace: by("--lease-namespace", "n"),
      identity: by("--identity", "i"),
      concurrency: by("--concurrency", 2),
      empty: by("--empty", true),
      traceLink: by("--trace-link", link),
      verbosity: by("-v", 4),
    },
    files: ["/home/me/my.yaml", "/home/me/evenkeel.yaml"],
    folders: ["/home/fn"],
  });
  assert.deepEqual(got, {
    target: { kind: "embedded" },
    configFile: "/home/me/my.yaml",
    isConfigOptional: false,
    functionsDir: "/home/fn",
    address: { host: "", port: 0 },
    isAddressGiven: true,
    statusAddress: { host: "127.0.0.1", port: 8081 },
    isStatusAddressGiven: false,
    metricsAddress: { host: "127.0.0.1", port: 8081 },
    isMetricsAddressGiven: false,
    certificate: undefined,
    leaderElect: false,
    leaseNamespace: "n",
    identity: "i",
    concurrency: 2,
    hasDemoWorld: false,
    traceLink: link,
    verbosity: 4,
  } satisfies Settings);
});

suite("what is refused", () => {
  const empty = by("--empty", true);
  const cases: readonly { name: string; world: World; code: string; says: RegExp }[] = [
    {
      name: "a named kubeconfig that is not there",
      world: { given: { kubeconfig: by("EVENKEEL_KUBECONFIG", "k") } },
      code: "FILE_NOT_FOUND",
      says: /^EVENKEEL_KUBECONFIG: there is no file \/home\/me\/k; check the path$/,
    },
    {
      name: "a named configuration that is not there",
      world: { given: { config: by("--config", "evenkeel.yaml") } },
      code: "FILE_NOT_FOUND",
      says: /^--config: there is no file \/home\/me\/evenkeel\.yaml;/,
    },
    {
      name: "a named functions folder that is a file",
      world: { given: { functions: by("--functions", "f") }, files: ["/home/me/f"] },
      code: "FILE_NOT_FOUND",
      says: /^--functions: there is no folder \/home\/me\/f;/,
    },
    {
      name: "--empty with a kubeconfig",
      world: { given: { empty, kubeconfig: by("--kubeconfig", "/k") }, files: ["/k"] },
      code: "FLAG_INVALID",
      says: /^--empty is about the embedded API server, and with --kubeconfig there is none/,
    },
    {
      name: "--empty with a context",
      world: { given: { empty, context: by("EVENKEEL_CONTEXT", "c") } },
      code: "FLAG_INVALID",
      says: /and with EVENKEEL_CONTEXT there is none/,
    },
    {
      name: "--empty in a pod",
      world: { ...inPod, given: { empty } },
      code: "FLAG_INVALID",
      says: /and in a pod there is none/,
    },
  ];
  for (const { name, world, code, says } of cases) {
    test(name, () => assert.throws(() => settings(world), { code, message: says }));
  }

  test("--empty=false is no clash", () => {
    assert.equal(
      settings({ given: { empty: by("--empty", false), context: by("--context", "c") } }).hasDemoWorld,
      false,
    );
  });
});
