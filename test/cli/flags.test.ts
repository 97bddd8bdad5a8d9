import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { flags } from "../../runtime/cli/flag-table.ts";
import { parseFlags } from "../../runtime/cli/flags.ts";
import { helpText } from "../../runtime/cli/help.ts";
import { EvenkeelError } from "../../runtime/kube/errors.ts";

type Environment = Readonly<Record<string, string>>;

/** What was given, without what was not. */
function given(argv: readonly string[], env: Environment = {}): Readonly<Record<string, unknown>> {
  const entries = Object.entries(parseFlags(argv, env).given);
  return Object.fromEntries(entries.flatMap(([key, each]) => (each === undefined ? [] : [[key, each.value]])));
}

suite("what is accepted", () => {
  const cases: readonly {
    name: string;
    argv?: string[];
    env?: Environment;
    gives: Readonly<Record<string, unknown>>;
  }[] = [
    { name: "nothing", gives: {} },
    { name: "a value after the flag", argv: ["--config", "a.yaml"], gives: { config: "a.yaml" } },
    { name: "a value after an equals sign", argv: ["--config=a=b.yaml"], gives: { config: "a=b.yaml" } },
    {
      name: "a value that begins with a dash, after an equals sign",
      argv: ["--identity=-a"],
      gives: { identity: "-a" },
    },
    {
      name: "every flag",
      argv: [
        "--kubeconfig",
        "k",
        "--context",
        "c",
        "--config",
        "f",
        "--functions",
        "d",
        "--address",
        ":1",
        "--status-address",
        "0",
        "--metrics-address",
        "[::1]:2",
        "--metrics-cert",
        "tls.crt",
        "--metrics-key",
        "tls.key",
        "--leader-elect",
        "--lease-namespace",
        "n",
        "--identity",
        "i",
        "--concurrency",
        "2",
        "--empty",
        "--trace-link",
        "http://j/{traceId}",
        "-v",
        "4",
      ],
      gives: {
        kubeconfig: "k",
        context: "c",
        config: "f",
        functions: "d",
        address: { host: "", port: 1 },
        statusAddress: "off",
        metricsAddress: { host: "::1", port: 2 },
        metricsCert: "tls.crt",
        metricsKey: "tls.key",
        leaderElect: true,
        leaseNamespace: "n",
        identity: "i",
        concurrency: 2,
        empty: true,
        traceLink: "http://j/{traceId}",
        verbosity: 4,
      },
    },
    {
      name: "every variable",
      env: {
        EVENKEEL_KUBECONFIG: "k",
        EVENKEEL_CONTEXT: "c",
        EVENKEEL_CONFIG: "f",
        EVENKEEL_FUNCTIONS: "d",
        EVENKEEL_ADDRESS: ":1",
        EVENKEEL_LEADER_ELECT: "false",
        EVENKEEL_LEASE_NAMESPACE: "n",
        EVENKEEL_IDENTITY: "i",
        EVENKEEL_CONCURRENCY: "2",
        EVENKEEL_EMPTY: "true",
        EVENKEEL_TRACE_LINK: "http://j/{traceId}",
        EVENKEEL_V: "2",
      },
      gives: {
        kubeconfig: "k",
        context: "c",
        config: "f",
        functions: "d",
        address: { host: "", port: 1 },
        leaderElect: false,
        leaseNamespace: "n",
        identity: "i",
        concurrency: 2,
        empty: true,
        traceLink: "http://j/{traceId}",
        verbosity: 2,
      },
    },
    {
      name: "a flag over its variable, even over a bad one",
      argv: ["--concurrency", "3"],
      env: { EVENKEEL_CONCURRENCY: "many" },
      gives: { concurrency: 3 },
    },
    { name: "an empty variable as none", env: { EVENKEEL_CONFIG: "" }, gives: {} },
    { name: "the variables of others", env: { KUBECONFIG: "k", EVENKEELX: "1" }, gives: {} },
    {
      name: "what the kubelet sets for Services called evenkeel and evenkeel-metrics",
      env: {
        EVENKEEL_SERVICE_HOST: "10.0.0.1",
        EVENKEEL_SERVICE_PORT: "8080",
        EVENKEEL_SERVICE_PORT_HTTP: "8080",
        EVENKEEL_PORT: "tcp://10.0.0.1:8080",
        EVENKEEL_PORT_8080_TCP: "tcp://10.0.0.1:8080",
        EVENKEEL_PORT_8080_TCP_PROTO: "tcp",
        EVENKEEL_PORT_8080_TCP_PORT: "8080",
        EVENKEEL_PORT_8080_TCP_ADDR: "10.0.0.1",
        EVENKEEL_METRICS_SERVICE_HOST: "10.0.0.2",
        EVENKEEL_METRICS_PORT_9090_UDP_ADDR: "10.0.0.2",
      },
      gives: {},
    },
    { name: "--no-leader-elect", argv: ["--no-leader-elect"], gives: { leaderElect: false } },
    {
      name: "--leader-elect=false, as Go's flags are written",
      argv: ["--leader-elect=false"],
      gives: { leaderElect: false },
    },
    { name: "-v=8, as kubectl's flags are written", argv: ["-v=8"], gives: { verbosity: 8 } },
    { name: "--v=8", argv: ["--v=8"], gives: { verbosity: 8 } },
    { name: "a port alone after a colon", argv: ["--address", ":0"], gives: { address: { host: "", port: 0 } } },
    { name: "a host name", argv: ["--address", "localhost:80"], gives: { address: { host: "localhost", port: 80 } } },
    { name: "an IPv6 address", argv: ["--address", "[::1]:65535"], gives: { address: { host: "::1", port: 65_535 } } },
    { name: "concurrency at its limits", argv: ["--concurrency", "1000"], gives: { concurrency: 1000 } },
  ];
  for (const { name, argv = [], env = {}, gives } of cases) {
    test(name, () => assert.deepEqual(given(argv, env), gives));
  }

  test("a value knows the flag or variable it came from", () => {
    const parsed = parseFlags(["--config", "a"], { EVENKEEL_FUNCTIONS: "b" }).given;
    assert.deepEqual([parsed.config?.from, parsed.functions?.from], ["--config", "EVENKEEL_FUNCTIONS"]);
  });
});

suite("what is refused, with FLAG_INVALID and exit code 2", () => {
  const cases: readonly { name: string; argv?: string[]; env?: Environment; says: string }[] = [
    {
      name: "an unknown flag, with the nearest one",
      argv: ["--confg", "a"],
      says: "there is no flag --confg; did you mean --config?",
    },
    { name: "an unknown flag like none", argv: ["--frobnicate"], says: "there is no flag --frobnicate; run" },
    { name: "an unknown negation", argv: ["--no-config"], says: "there is no flag --no-config" },
    { name: "an unknown one-letter flag", argv: ["-x"], says: "there is no flag -x" },
    {
      name: "an unknown variable, with the nearest one",
      env: { EVENKEEL_CONCURENCY: "1" },
      says: "there is no variable EVENKEEL_CONCURENCY; did you mean EVENKEEL_CONCURRENCY?",
    },
    {
      name: "an unknown variable that is empty",
      env: { EVENKEEL_CONFG: "" },
      says: "there is no variable EVENKEEL_CONFG",
    },
    { name: "an argument without a flag", argv: ["start"], says: `"start" belongs to no flag` },
    { name: "an argument after --", argv: ["--", "--empty"], says: `"--empty" belongs to no flag` },
    { name: "a missing value at the end", argv: ["--config"], says: "--config needs a value: --config FILE" },
    {
      name: "a missing value before another flag",
      argv: ["--config", "--empty"],
      says: "--config needs a value: --config FILE",
    },
    { name: "an empty value", argv: ["--config="], says: "--config needs a value: --config FILE" },
    { name: "a missing one-letter value", argv: ["-v"], says: "-v needs a value: -v LEVEL" },
    { name: "a flag given twice", argv: ["--config", "a", "--config", "a"], says: "--config is given twice" },
    {
      name: "a flag and its negation",
      argv: ["--leader-elect", "--no-leader-elect"],
      says: "--leader-elect is given twice",
    },
    { name: "a switch with another value", argv: ["--empty=1"], says: `--empty is true or false, not "1"` },
    { name: "a negation with a value", argv: ["--no-leader-elect=true"], says: "--no-leader-elect takes no value" },
    {
      name: "a bad variable, by its own name",
      env: { EVENKEEL_LEADER_ELECT: "yes" },
      says: `EVENKEEL_LEADER_ELECT is true or false, not "yes"`,
    },
    { name: "a bad verbosity", argv: ["-v", "debug"], says: `-v is a whole number from 0 to 10, not "debug"` },
    ...["0", "1001", "1.5", "+2", "two", "1e2", "0x10"].map((value) => ({
      name: `concurrency ${value}`,
      argv: ["--concurrency", value],
      says: `--concurrency is a whole number from 1 to 1000, not ${JSON.stringify(value)}`,
    })),
    ...["8080", "localhost", "localhost:", ":65536", "::1:80", "[::1]", "http://a:80", "a b:80", ":-1"].map(
      (value) => ({
        name: `address ${value}`,
        argv: ["--address", value],
        says: "--address is HOST:PORT, such as 127.0.0.1:8080",
      }),
    ),
    {
      name: "a trace link without a place for the id",
      env: { EVENKEEL_TRACE_LINK: "http://localhost:16686" },
      says: "EVENKEEL_TRACE_LINK has {traceId} in its path",
    },
    {
      name: "a Lease where only a namespace is asked for",
      argv: ["--lease-namespace", "platform/evenkeel"],
      says: `--lease-namespace is the name of a namespace, not "platform/evenkeel"`,
    },
    {
      name: "a namespace that no API server knows",
      argv: ["--lease-namespace=-x-"],
      says: '--lease-namespace is the name of a namespace, not "-x-"',
    },
    {
      name: "an identity with a space",
      argv: ["--identity", "a b"],
      says: "--identity is 1 to 253 printable characters",
    },
    {
      name: "an identity of 254 characters",
      argv: ["--identity", "a".repeat(254)],
      says: "--identity is 1 to 253 printable characters",
    },
    {
      name: "a flag that npm took, for want of a --",
      env: { npm_lifecycle_event: "start", npm_config_leader_elect: "" },
      says: "npm took --leader-elect for its own: put -- before it",
    },
  ];
  for (const { name, argv = [], env = {}, says } of cases) {
    test(name, () => {
      assert.throws(
        () => parseFlags(argv, env),
        (error) => {
          assert.ok(error instanceof EvenkeelError);
          assert.ok(error.message.startsWith(says), error.message);
          assert.ok(error.message.endsWith("; run `npm start -- --help` for the flags"));
          assert.equal(error.code, "FLAG_INVALID");
          return true;
        },
      );
    });
  }
});

suite("help", () => {
  test("is asked for by --help and by -h", () => {
    assert.deepEqual(
      [["--help"], ["-h"], []].map((argv) => parseFlags(argv, {}).help),
      [true, true, false],
    );
  });

  test("a version is asked for by --version", () => {
    assert.deepEqual(
      [["--version"], ["--help"], []].map((argv) => parseFlags(argv, {}).version),
      [true, false, false],
    );
  });

  test("names every flag, its value and its variable, aligned and within 120 columns", () => {
    const lines = helpText().split("\n");
    const starts = flags.map(({ flag, value = "", variable = "", says }) => {
      const line = lines.find((each) => each.endsWith(says)) ?? "";
      const name = flag.replace("--", "");
      assert.ok(line.includes(name) && line.includes(value) && line.includes(variable), flag);
      return line.length - says.length;
    });
    assert.equal(new Set(starts).size, 1);
    assert.ok(lines.every((line) => line.length <= 120));
  });

  test("shows only flags that exist", () => {
    const named = helpText().match(/(?<=\s)--[a-z][a-z-]*/g) ?? [];
    assert.ok(named.length > 5);
    for (const flag of named)
      assert.ok(
        flags.some((each) => each.flag === flag),
        flag,
      );
  });
});
