/** What of a kubeconfig is followed, what is refused, and how its mistakes are told. */
import assert from "node:assert/strict";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import type { Credentials } from "../../runtime/kube/credentials.ts";
import { EvenkeelError, type Code } from "../../runtime/kube/errors.ts";
import { kubeconfigCredentials } from "../../runtime/kube/kubeconfig.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { VirtualClock } from "../support/virtual-clock.ts";
import { until } from "../support/wait.ts";
import { selfSigned } from "./certificate.ts";
import { renewed } from "./renewed.ts";

const [ca1, ca2, ca3] = [selfSigned().cert, selfSigned().cert, selfSigned().cert];

const base64 = (text: string): string => Buffer.from(text).toString("base64");

interface Entries {
  readonly cluster?: object;
  readonly user?: object;
  readonly context?: object;
}

function kubeconfig({ cluster, user, context }: Entries, name = "dev"): string {
  return JSON.stringify({
    apiVersion: "v1",
    kind: "Config",
    "current-context": name,
    contexts: [{ name, context: { cluster: name, user: name, ...context } }],
    clusters: [{ name, cluster: { server: "https://k.example:6443", ...cluster } }],
    users: [{ name, user: user ?? {} }],
  });
}

async function folder(t: TestContext, files: Record<string, string>) {
  const { path: directory, write } = await tempFolder(t, files);
  const clock = new VirtualClock();
  const load = (names: readonly string[] = ["config"], context?: string): Promise<Credentials> =>
    kubeconfigCredentials({ clock, files: names.map((name) => join(directory, name)), context });
  return { directory, write, clock, load };
}

/** A credential plugin, run by this very Node: counts its runs and prints what it is given. */
const plugin = (print: string, more: object = {}): object => ({
  exec: {
    apiVersion: "client.authentication.k8s.io/v1",
    command: process.execPath,
    args: ["-e", `require("node:fs").appendFileSync(process.env.RUNS, "x"); ${print}`],
    ...more,
  },
});

const printed = (status: string): string => `console.log(JSON.stringify({kind: "ExecCredential", status: ${status}}))`;

test("kubeconfig: certificates inline, server name, namespace", async (t) => {
  const { cert, key } = selfSigned();
  const text = kubeconfig({
    cluster: { "certificate-authority-data": base64(ca1), "tls-server-name": "kube" },
    user: { "client-certificate-data": base64(cert), "client-key-data": base64(key) },
    context: { namespace: "team-a" },
  });
  const { load } = await folder(t, { config: text });
  const credentials = await load();
  assert.equal(credentials.server, "https://k.example:6443");
  assert.equal(credentials.namespace, "team-a");
  assert.deepEqual(await credentials.current(), {
    authorization: undefined,
    tls: { ca: ca1, cert, key, servername: "kube", rejectUnauthorized: true },
  });
});

test("kubeconfig: files are relative to it and read again after a minute", async (t) => {
  const text = kubeconfig({
    cluster: { "certificate-authority": "ca.crt" },
    user: { "client-certificate": "me.crt", "client-key": "me.key" },
  });
  const { cert, key } = selfSigned();
  const { load, write, clock } = await folder(t, { config: text, "ca.crt": ca1, "me.crt": cert, "me.key": key });
  const credentials = await load();
  assert.equal((await credentials.current()).tls.ca, ca1);
  await write("ca.crt", ca2);
  await clock.advance(60_000);
  assert.equal((await renewed(credentials)).tls.ca, ca2);
});

const rotations: readonly { readonly name: string; readonly cert?: (next: string) => string; readonly key?: string }[] =
  [
    { name: "the new certificate with the old key", cert: (next) => next },
    { name: "half a certificate", cert: (next) => next.slice(0, next.length / 2) },
    { name: "an empty certificate", cert: () => "" },
    { name: "half a key", key: "-----BEGIN PRIVATE KEY-----\nMIG" },
    { name: "an empty key", key: "" },
  ];

for (const { name, cert, key } of rotations)
  test(`kubeconfig: a rotation that shows ${name} changes nothing, and is looked at again after 10 s`, async (t) => {
    const user = { "client-certificate": "me.crt", "client-key": "me.key" };
    const [before, next] = [selfSigned(), selfSigned()];
    const files = { config: kubeconfig({ user }), "me.crt": before.cert, "me.key": before.key };
    const { directory, load, write, clock } = await folder(t, files);
    const credentials = await load();
    const former = await credentials.current();
    await write("me.crt", cert?.(next.cert) ?? before.cert);
    await write("me.key", key ?? before.key);
    await clock.advance(60_000);
    await assert.rejects(renewed(credentials), (error) => {
      assert.ok(error instanceof EvenkeelError && error.code === "KUBECONFIG_INVALID", String(error));
      const both = `client certificate ${join(directory, "me.crt")} and client key ${join(directory, "me.key")}`;
      assert.ok(error.message.includes(`context dev: ${both} are no pair`), error.message);
      return true;
    });
    assert.equal(await credentials.current(), former);
    await write("me.crt", next.cert);
    await write("me.key", next.key);
    await clock.advance(10_000);
    assert.deepEqual((await renewed(credentials)).tls.cert, next.cert);
  });

test("kubeconfig: a token, inline or by tokenFile, which counts first and rotates", async (t) => {
  const { load, write, clock } = await folder(t, {
    inline: kubeconfig({ user: { token: "t-0" } }),
    config: kubeconfig({ user: { token: "t-0", tokenFile: "token" } }),
    token: "t-1\n",
  });
  assert.equal((await (await load(["inline"])).current()).authorization, "Bearer t-0");
  const credentials = await load();
  assert.equal((await credentials.current()).authorization, "Bearer t-1");
  await write("token", "t-2");
  await clock.advance(60_000);
  assert.equal((await renewed(credentials)).authorization, "Bearer t-2");
});

test("kubeconfig: user and password, and insecure-skip-tls-verify", async (t) => {
  const text = kubeconfig({
    cluster: { "insecure-skip-tls-verify": true },
    user: { username: "me", password: "pw" },
  });
  const { load } = await folder(t, { config: text });
  const identity = await (await load()).current();
  assert.equal(identity.authorization, `Basic ${base64("me:pw")}`);
  assert.equal(identity.tls.rejectUnauthorized, false);
});

test("kubeconfig: the context asked for, from the file that has it; the first entry of a name counts", async (t) => {
  const { load } = await folder(t, {
    one: kubeconfig({ user: { token: "one" } }),
    two: kubeconfig({ user: { token: "two" } }, "prod"),
    three: kubeconfig({ user: { token: "three" } }, "prod"),
  });
  const all = ["one", "two", "three"];
  assert.equal((await (await load(all)).current()).authorization, "Bearer one");
  assert.equal((await (await load(all, "prod")).current()).authorization, "Bearer two");
});

test("kubeconfig: a plugin is run once for all, told of the cluster, and again at 90 % of its credential's life", async (t) => {
  const status = `{token: JSON.parse(process.env.KUBERNETES_EXEC_INFO).spec.cluster.server.length + process.env.X, expirationTimestamp: process.env.EXPIRES}`;
  const { directory, load, clock, write } = await folder(t, { runs: "" });
  const env = [
    { name: "RUNS", value: join(directory, "runs") },
    { name: "X", value: "-t" },
    { name: "EXPIRES", value: new Date(clock.wall() + 100_000).toISOString() },
  ];
  await write("config", kubeconfig({ user: plugin(printed(status), { env, provideClusterInfo: true }) }));
  const credentials = await load();
  const first = await credentials.current();
  assert.equal(first.authorization, "Bearer 22-t");
  await clock.advance(89_999);
  assert.equal(credentials.current(), first);
  await clock.advance(1);
  await Promise.all([renewed(credentials), renewed(credentials)]);
  assert.equal(await readFile(join(directory, "runs"), "utf8"), "xx");
  await clock.advance(10_000);
  assert.ok(credentials.current() instanceof Promise, "what the plugin printed has expired");
});

test("kubeconfig: a plugin is not run to look at the CA, and once in 10 s for a server that refuses all", async (t) => {
  const { directory, load, clock, write } = await folder(t, { runs: "", "ca.crt": ca1 });
  const env = [{ name: "RUNS", value: join(directory, "runs") }];
  const runs = (): Promise<string> => readFile(join(directory, "runs"), "utf8");
  const user = plugin(printed(`{token: "t"}`), { env });
  await write("config", kubeconfig({ cluster: { "certificate-authority": "ca.crt" }, user }));
  const credentials = await load();
  await write("ca.crt", ca2);
  const second = await credentials.renew(await credentials.current(), "untrusted");
  await write("ca.crt", ca3);
  await clock.advance(60_000);
  const third = await renewed(credentials);
  assert.deepEqual([second.tls.ca, third.tls.ca, await runs()], [ca2, ca3, "x"]);
  for (let second = 0; second < 11; second++) {
    await credentials.renew(third, "refused");
    await clock.advance(1_000);
  }
  assert.equal(await runs(), "xxx");
});

test("kubeconfig: a plugin is told all of its cluster, the CA as data though it is in a file, and its config", async (t) => {
  const { directory, load, write } = await folder(t, { runs: "", "ca.crt": ca1 });
  const env = [{ name: "RUNS", value: join(directory, "runs") }];
  const print = `const {cluster} = JSON.parse(process.env.KUBERNETES_EXEC_INFO).spec; ${printed("{token: Buffer.from(JSON.stringify(cluster)).toString('base64')}")}`;
  const cluster = {
    "certificate-authority": "ca.crt",
    "tls-server-name": "kube",
    extensions: [
      { name: "example.com/other", extension: "x" },
      { name: "client.authentication.k8s.io/exec", extension: { audience: "a-1" } },
    ],
  };
  await write("config", kubeconfig({ cluster, user: plugin(print, { env, provideClusterInfo: true }) }));
  const { authorization = "" } = await (await load()).current();
  assert.deepEqual(JSON.parse(Buffer.from(authorization.replace("Bearer ", ""), "base64").toString("utf8")), {
    server: "https://k.example:6443",
    "tls-server-name": "kube",
    "insecure-skip-tls-verify": false,
    "certificate-authority-data": base64(ca1),
    config: { audience: "a-1" },
  });
});

test("kubeconfig: a plugin may give a client certificate", async (t) => {
  const { directory, load, write } = await folder(t, { runs: "" });
  const env = [{ name: "RUNS", value: join(directory, "runs") }];
  const { cert, key } = selfSigned();
  const status = `{clientCertificateData: ${JSON.stringify(cert)}, clientKeyData: ${JSON.stringify(key)}}`;
  await write("config", kubeconfig({ user: plugin(printed(status), { env }) }));
  const { tls, authorization } = await (await load()).current();
  assert.deepEqual([tls.cert, tls.key, authorization], [cert, key, undefined]);
});

test("kubeconfig: a plugin that does not end, whatever it is told, is ended after a minute", async (t) => {
  const { directory, load, write, clock } = await folder(t, {});
  const file = join(directory, "pid");
  // It ends by itself, lest it outlive a test that fails.
  const script =
    'process.on("SIGTERM", () => {}); setTimeout(() => {}, 20_000); require("node:fs").writeFileSync(process.env.PID, `${process.pid} `)';
  const user = { exec: { command: process.execPath, args: ["-e", script], env: [{ name: "PID", value: file }] } };
  await write("config", kubeconfig({ user }));
  const refused = assert.rejects(load(), (error) => {
    assert.ok(error instanceof EvenkeelError && error.code === "API_UNAUTHORIZED", String(error));
    return /took too long/.test(error.message);
  });
  const written = (): Promise<string> => readFile(file, "utf8").catch(() => "");
  const pid = await until(async () => Number(await written()) || undefined, { what: "it runs" });
  await clock.advance(60_000);
  await refused;
  await until(() => !isAlive(pid), { what: "it is ended", limitMs: 10_000 });
  assert.equal(clock.pendingCount, 0);
});

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

interface Mistake {
  readonly name: string;
  readonly config: string;
  readonly code: Code;
  readonly says: RegExp;
}

const mistakes: readonly Mistake[] = [
  { name: "no YAML", config: "contexts: [\n  token: s3cret", code: "KUBECONFIG_INVALID", says: /config:2:16: / },
  { name: "not a kubeconfig", config: "42", code: "KUBECONFIG_INVALID", says: /there is none/ },
  { name: "no current context", config: "{}", code: "KUBECONFIG_INVALID", says: /no context was given/ },
  {
    name: "a cluster that is not there",
    config: kubeconfig({ context: { cluster: "x" } }),
    code: "KUBECONFIG_INVALID",
    says: /context dev: no cluster x/,
  },
  {
    name: "a user that is not there",
    config: kubeconfig({ context: { user: "x" } }),
    code: "KUBECONFIG_INVALID",
    says: /context dev: no user x/,
  },
  {
    name: "a server that is no URL",
    config: kubeconfig({ cluster: { server: "k:::" } }),
    code: "KUBECONFIG_INVALID",
    says: /no http\(s\) server URL/,
  },
  ...["https://me:s3cret@k:6443", "https://s3cret@k:6443", "https://:s3cret@k:6443"].map((server): Mistake => ({
    name: `a server URL with ${server.replace("s3cret", "…")}, which would be printed wherever the server is,`,
    config: kubeconfig({ cluster: { server } }),
    code: "KUBECONFIG_INVALID",
    says: /context dev: cluster dev has a user or a password in its server URL; put them into the entry of the user/,
  })),
  {
    name: "a proxy",
    config: kubeconfig({ cluster: { "proxy-url": "http://p" } }),
    code: "KUBECONFIG_INVALID",
    says: /proxy-url/,
  },
  ...["as", "as-groups", "as-uid", "as-user-extra"].map((field): Mistake => ({
    name: `impersonation by ${field}`,
    config: kubeconfig({ user: { token: "t", [field]: "x" } }),
    code: "KUBECONFIG_INVALID",
    says: new RegExp(`impersonation \\(${field}\\)`),
  })),
  {
    name: "a certificate without its key",
    config: kubeconfig({ user: { "client-certificate-data": base64("C") } }),
    code: "KUBECONFIG_INVALID",
    says: /come together/,
  },
  {
    name: "a certificate with the key of another",
    config: kubeconfig({
      user: {
        "client-certificate-data": base64(selfSigned().cert),
        "client-key-data": base64(selfSigned().key),
      },
    }),
    code: "KUBECONFIG_INVALID",
    says: /context dev: client certificate and client key are no pair \(ERR_OSSL_X509_KEY_VALUES_MISMATCH\)/,
  },
  {
    name: "a CA file that is not there",
    config: kubeconfig({ cluster: { "certificate-authority": "gone.crt" } }),
    code: "FILE_NOT_FOUND",
    says: /there is no file .*gone\.crt \(certificate-authority\)/,
  },
  ...["!!", "====", " ", base64("s3cret")].map((data): Mistake => ({
    name: `a CA of ${JSON.stringify(data)}, which is none,`,
    config: kubeconfig({ cluster: { "certificate-authority-data": data } }),
    code: "API_UNTRUSTED",
    says: /cluster dev, certificate-authority-data: holds no certificate/,
  })),
  {
    name: "a plugin that is not installed",
    config: kubeconfig({ user: { exec: { command: "no-such-plugin-x", installHint: "get it" } } }),
    code: "API_UNAUTHORIZED",
    says: /no-such-plugin-x failed \(ENOENT\): get it/,
  },
  {
    name: "a plugin without a command",
    config: kubeconfig({ user: { exec: {} } }),
    code: "KUBECONFIG_INVALID",
    says: /exec names no command/,
  },
  {
    name: "a plugin that wants a terminal",
    config: kubeconfig({ user: { exec: { command: "x", interactiveMode: "Always" } } }),
    code: "KUBECONFIG_INVALID",
    says: /interactiveMode/,
  },
  {
    name: "a plugin that fails",
    config: kubeconfig({
      user: {
        exec: {
          command: process.execPath,
          args: ["-e", "console.log('s3cret'); console.error('log in first'); process.exit(3)"],
        },
      },
    }),
    code: "API_UNAUTHORIZED",
    says: /failed \(3\): log in first/,
  },
  {
    name: "a plugin that prints nonsense",
    config: kubeconfig({ user: { exec: { command: process.execPath, args: ["-e", "console.log('s3cret')"] } } }),
    code: "API_UNAUTHORIZED",
    says: /no ExecCredential/,
  },
  {
    name: "a plugin that prints no certificate for one",
    config: kubeconfig({
      user: plugin(printed("{clientCertificateData: 's3cret', clientKeyData: 's3cret'}"), {
        env: [{ name: "RUNS", value: "/dev/null" }],
      }),
    }),
    code: "API_UNAUTHORIZED",
    says: /the exec plugin printed a certificate and a key that are no pair \(ERR_OSSL_PEM_NO_START_LINE\)/,
  },
];

for (const { name, config, code, says } of mistakes) {
  test(`kubeconfig: ${name} is refused with a sentence, without secrets`, async (t) => {
    const { load } = await folder(t, { config });
    await assert.rejects(load(), (error) => {
      assert.ok(error instanceof EvenkeelError);
      assert.equal(error.code, code, error.message);
      assert.match(error.message, says);
      assert.ok(!error.message.includes("s3cret"), error.message);
      return true;
    });
  });
}

test("kubeconfig: a CA file without a certificate is refused, and the former stays while it is rotated", async (t) => {
  const config = kubeconfig({ cluster: { "certificate-authority": "ca.crt" } });
  const { load, write, clock } = await folder(t, { config, "ca.crt": "" });
  await assert.rejects(load(), { code: "API_UNTRUSTED", message: /ca\.crt: holds no certificate/ });
  await write("ca.crt", `# one of ours\n${ca1}`);
  const credentials = await load();
  const first = await credentials.current();
  await write("ca.crt", "");
  await clock.advance(60_000);
  await assert.rejects(renewed(credentials), { code: "API_UNTRUSTED" });
  assert.equal(await credentials.current(), first);
});

test("kubeconfig: an unknown context is told with those there are", async (t) => {
  const { load } = await folder(t, { config: kubeconfig({}), other: kubeconfig({}, "prod") });
  await assert.rejects(load(["config", "other"], "staging"), /no context staging; there are: dev, prod/);
});

test("kubeconfig: a missing file is told", async (t) => {
  const { load } = await folder(t, {});
  await assert.rejects(load(), (error) => error instanceof EvenkeelError && error.code === "FILE_NOT_FOUND");
});

test("kubeconfig: of several files those that are missing are passed over, unless all are", async (t) => {
  const { load } = await folder(t, { there: kubeconfig({ user: { token: "t" } }) });
  assert.equal((await (await load(["gone", "there", "gone, too"])).current()).authorization, "Bearer t");
  await assert.rejects(load(["gone", "gone, too"]), { code: "FILE_NOT_FOUND", message: /there is no file .*gone / });
});

test("kubeconfig: of several files one that cannot be read is told all the same", async (t) => {
  const { directory, load } = await folder(t, { there: kubeconfig({}) });
  await mkdir(join(directory, "folder"));
  for (const [file, code] of [
    ["folder", "EISDIR"],
    ["there/below", "ENOTDIR"],
  ] as const) {
    const message = new RegExp(`${file}: kubeconfig \\(${code}\\)`);
    await assert.rejects(load([file, "there"]), { code: "FILE_NOT_FOUND", message });
  }
});

test("kubeconfig: what is secret is not sent without TLS", async (t) => {
  const config = kubeconfig({ user: { token: "t" }, cluster: { server: "http://10.0.0.1:8080" } });
  const { load } = await folder(t, { config });
  assert.equal((await (await load()).current()).authorization, undefined);
});

for (const user of [undefined, ""])
  test(`kubeconfig: a context whose user is ${JSON.stringify(user)} is nobody's`, async (t) => {
    const config = kubeconfig({
      context: { user },
      user: { token: "t" },
      cluster: { "certificate-authority": "ca.crt" },
    });
    const { load } = await folder(t, { config, "ca.crt": ca1 });
    const tls = { ca: ca1, cert: undefined, key: undefined, servername: undefined, rejectUnauthorized: true };
    assert.deepEqual(await (await load()).current(), { authorization: undefined, tls });
  });
