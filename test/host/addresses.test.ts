import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { addressesFrom } from "../../runtime/host/addresses.ts";
import { isLoopbackHost } from "../../runtime/host/loopback.ts";
import type { Address, Given, GivenSettings, Target } from "../../runtime/host/given-settings.ts";

const embedded: Target = { kind: "embedded" };
const kubeconfig: Target = { kind: "kubeconfig", file: undefined, context: undefined };
const pod: Target = { kind: "in-cluster" };

const at = (text: string): Address => {
  const colon = text.lastIndexOf(":");
  return { host: text.slice(0, colon), port: Number(text.slice(colon + 1)) };
};
const show = (address: Address | undefined): string =>
  address === undefined ? "off" : `${address.host}:${address.port}`;

interface Asked {
  readonly address?: string;
  readonly status?: string;
  readonly metrics?: string;
  readonly cert?: string;
  readonly key?: string;
}

const by = <T>(from: string, value: T): Given<T> => ({ from, value });
const orOff = (text: string): Address | "off" => (text === "off" ? "off" : at(text));

const given = ({ address, status, metrics, cert, key }: Asked): GivenSettings => ({
  ...(address !== undefined && { address: by("--address", at(address)) }),
  ...(status !== undefined && { statusAddress: by("--status-address", orOff(status)) }),
  ...(metrics !== undefined && { metricsAddress: by("--metrics-address", orOff(metrics)) }),
  ...(cert !== undefined && { metricsCert: by("--metrics-cert", cert) }),
  ...(key !== undefined && { metricsKey: by("EVENKEEL_METRICS_KEY", key) }),
});
const addresses = (asked: Asked, target: Target) => addressesFrom(given(asked), target, ({ value }) => `/abs/${value}`);

for (const [target, asked, mayMove] of [
  [kubeconfig, {}, true],
  [kubeconfig, { address: "127.0.0.1:1", metrics: "127.0.0.1:2" }, false],
  [pod, {}, false],
] as const)
  test(`a port that is taken ${mayMove ? "gives way" : "is told"}: ${target.kind}, ${Object.keys(asked).join(" and ") || "by default"}`, () => {
    const { isAddressGiven, isMetricsAddressGiven } = addresses(asked, target);
    assert.deepEqual([isAddressGiven, isMetricsAddressGiven], [!mayMove, !mayMove]);
  });

suite("where everything listens", () => {
  const local = "127.0.0.1:8080";
  const cases: readonly { name: string; target: Target; asked?: Asked; gives: readonly [string, string, string] }[] = [
    { name: "by default, all on one loopback address", target: embedded, gives: [local, local, local] },
    { name: "against a cluster from outside: the same", target: kubeconfig, gives: [local, local, local] },
    {
      name: "in a pod: probes for the kubelet, the page on loopback, metrics with TLS",
      target: pod,
      gives: [":8080", "127.0.0.1:8081", ":8443"],
    },
    {
      name: "another loopback address takes everything along",
      target: embedded,
      asked: { address: "::1:0" },
      gives: ["::1:0", "::1:0", "::1:0"],
    },
    {
      name: "probes beyond loopback leave the rest on it",
      target: kubeconfig,
      asked: { address: "0.0.0.0:8080" },
      gives: ["0.0.0.0:8080", "127.0.0.1:8081", "127.0.0.1:8081"],
    },
    {
      name: "the page goes beyond loopback when it is asked to",
      target: pod,
      asked: { status: ":9000" },
      gives: [":8080", ":9000", ":8443"],
    },
    {
      name: "the page may share the address of the probes",
      target: pod,
      asked: { status: ":8080" },
      gives: [":8080", ":8080", ":8443"],
    },
    {
      name: "metrics go with the page to another address of loopback",
      target: kubeconfig,
      asked: { status: "127.0.0.1:9123" },
      gives: [local, "127.0.0.1:9123", "127.0.0.1:9123"],
    },
    {
      name: "metrics stay where they are when the page goes beyond loopback, where they would have TLS",
      target: embedded,
      asked: { status: ":9000" },
      gives: [local, ":9000", local],
    },
    {
      name: "metrics stay where they are when the page is off",
      target: kubeconfig,
      asked: { address: ":8080", status: "off" },
      gives: [":8080", "off", "127.0.0.1:8081"],
    },
    {
      name: "what is off is nowhere",
      target: pod,
      asked: { status: "off", metrics: "off" },
      gives: [":8080", "off", "off"],
    },
    {
      name: "metrics on loopback in a pod",
      target: pod,
      asked: { metrics: "127.0.0.1:9" },
      gives: [":8080", "127.0.0.1:8081", "127.0.0.1:9"],
    },
    {
      name: "metrics beyond loopback from outside the cluster",
      target: kubeconfig,
      asked: { metrics: ":8443" },
      gives: [local, local, ":8443"],
    },
  ];
  for (const { name, target, asked = {}, gives } of cases)
    test(name, () => {
      const { address, statusAddress, metricsAddress } = addresses(asked, target);
      assert.deepEqual([address, statusAddress, metricsAddress].map(show), gives);
    });

  test("a certificate is taken for metrics with TLS", () => {
    assert.deepEqual(addresses({ cert: "crt", key: "key" }, pod).certificate, {
      certFile: "/abs/crt",
      keyFile: "/abs/key",
    });
  });
});

suite("what does not go together", () => {
  const cases: readonly { name: string; target: Target; asked: Asked; says: RegExp }[] = [
    {
      name: "open metrics without a cluster to ask",
      target: embedded,
      asked: { metrics: ":8443" },
      says: /^--metrics-address: beyond loopback a cluster has to say/,
    },
    {
      name: "TLS on the port of the probes",
      target: pod,
      asked: { metrics: ":8080" },
      says: /needs a port of its own/,
    },
    {
      name: "TLS on the port of the page",
      target: pod,
      asked: { status: ":8443" },
      says: /^--metrics-address: .* needs a port of its own/,
    },
    {
      name: "a certificate without its key",
      target: pod,
      asked: { cert: "crt" },
      says: /^--metrics-cert alone: a certificate and its private key/,
    },
    { name: "a key without its certificate", target: pod, asked: { key: "key" }, says: /^EVENKEEL_METRICS_KEY alone/ },
    {
      name: "a certificate where nothing has TLS",
      target: embedded,
      asked: { cert: "crt", key: "key" },
      says: /^--metrics-cert: nothing is served with TLS/,
    },
  ];
  for (const { name, target, asked, says } of cases)
    test(name, () => assert.throws(() => addresses(asked, target), { code: "FLAG_INVALID", message: says }));
});

suite("loopback", () => {
  for (const [host, is] of [
    ["localhost", true],
    ["127.0.0.1", true],
    ["127.1.2.3", true],
    ["::1", true],
    ["0:0:0:0:0:0:0:1", true],
    ["", false],
    ["0.0.0.0", false],
    ["::", false],
    ["::ffff:127.0.0.1", true],
    ["10.0.0.1", false],
    ["example.com", false],
  ] as const)
    test(`${JSON.stringify(host)} is ${is ? "" : "not "}`, () => assert.equal(isLoopbackHost(host), is));
});
