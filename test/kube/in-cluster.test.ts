/** In a pod: the files and variables that Kubernetes gives, and their rotation. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { EvenkeelError } from "../../runtime/kube/errors.ts";
import { inClusterCredentials, isInCluster, SERVICE_ACCOUNT } from "../../runtime/kube/in-cluster.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { VirtualClock } from "../support/virtual-clock.ts";
import { selfSigned } from "./certificate.ts";
import { renewed } from "./renewed.ts";

const [ca1, ca2, ca3] = [selfSigned().cert, selfSigned().cert, selfSigned().cert];

const env = { KUBERNETES_SERVICE_HOST: "10.0.0.1", KUBERNETES_SERVICE_PORT: "443" };

async function pod(t: TestContext, files: Record<string, string>) {
  const { path: directory, write } = await tempFolder(t, files);
  return { directory, write };
}

const files = { token: "t-1\n", "ca.crt": ca1, namespace: "evenkeel-system" };

test("in cluster: token, CA, address and namespace", async (t) => {
  const { directory } = await pod(t, files);
  const credentials = await inClusterCredentials({ clock: new VirtualClock(), env, directory });
  assert.equal(credentials.server, "https://10.0.0.1:443");
  assert.equal(credentials.namespace, "evenkeel-system");
  assert.deepEqual(await credentials.current(), {
    authorization: "Bearer t-1",
    tls: { ca: ca1, rejectUnauthorized: true },
  });
});

test("in cluster: an IPv6 address is put in brackets", async (t) => {
  const { directory } = await pod(t, files);
  const v6 = { ...env, KUBERNETES_SERVICE_HOST: "fd00::1" };
  const credentials = await inClusterCredentials({ clock: new VirtualClock(), env: v6, directory });
  assert.equal(credentials.server, "https://[fd00::1]:443");
});

test("in cluster: rotated files are read within a minute, or when the token is refused or the server not trusted", async (t) => {
  const { directory, write } = await pod(t, files);
  const clock = new VirtualClock();
  const credentials = await inClusterCredentials({ clock, env, directory });
  const first = await credentials.current();
  await write("token", "t-2");
  await write("ca.crt", ca2);
  assert.equal(await credentials.current(), first);
  await clock.advance(60_000);
  const second = await renewed(credentials);
  assert.equal(second.authorization, "Bearer t-2");
  assert.equal(second.tls.ca, ca2);
  await write("token", "t-3");
  const third = await credentials.renew(second, "refused");
  assert.equal(third.authorization, "Bearer t-3");
  await write("ca.crt", ca3);
  await clock.advance(1_000);
  assert.equal((await credentials.renew(third, "untrusted")).tls.ca, ca3);
});

for (const [what, ca] of [
  ["empty", ""],
  ["cut short", ca2.slice(0, 100)],
] as const)
  test(`in cluster: a CA file that is ${what} is refused, for that would be to trust all; the former stays`, async (t) => {
    const { directory, write } = await pod(t, { ...files, "ca.crt": ca });
    const clock = new VirtualClock();
    const load = () => inClusterCredentials({ clock, env, directory });
    await assert.rejects(load(), { code: "API_UNTRUSTED", message: /ca\.crt: holds no certificate/ });
    await write("ca.crt", ca1);
    const credentials = await load();
    const first = await credentials.current();
    await write("ca.crt", ca);
    await clock.advance(60_000);
    await assert.rejects(renewed(credentials), { code: "API_UNTRUSTED" });
    assert.equal(await credentials.current(), first);
    await clock.advance(10_000);
    await write("ca.crt", ca2);
    assert.equal((await renewed(credentials)).tls.ca, ca2);
  });

test("in cluster: a pod without a service account is told which file is missing", async (t) => {
  const { directory } = await pod(t, { "ca.crt": "CA" });
  await assert.rejects(
    inClusterCredentials({ clock: new VirtualClock(), env, directory }),
    (error) =>
      error instanceof EvenkeelError &&
      error.code === "FILE_NOT_FOUND" &&
      error.message.includes(join(directory, "token")),
  );
});

const hasToken = (path: string): boolean => path === join(SERVICE_ACCOUNT, "token");

test("a pod has an address and an account: one alone is no pod", () => {
  assert.equal(isInCluster(env, hasToken), true);
  assert.equal(isInCluster({}, hasToken), false);
  assert.equal(
    isInCluster(env, () => false),
    false,
  );
});

test("in cluster: without the address of the API server there are no credentials", async () => {
  await assert.rejects(
    inClusterCredentials({ clock: new VirtualClock(), env: {} }),
    (error) => error instanceof EvenkeelError && error.code === "KUBECONFIG_INVALID",
  );
});
