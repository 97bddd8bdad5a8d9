/** The harness on the real thing: each guarantee that other tests build on, and that nothing is left behind. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { test } from "node:test";

import type { Cluster, KubectlResult } from "./cluster.ts";
import { startControlPlane } from "./control-plane.ts";
import { FaultyProxy } from "./faulty-proxy.ts";
import { describeOnControlPlane, describeWhereOneStarts } from "./on-control-plane.ts";
import { until } from "../support/wait.ts";
import { totalWrites } from "./write-requests.ts";
import type { WriteRequests, WriteVerb } from "./write-requests.ts";

const NEEDED = { controllers: ["namespace-controller", "garbage-collector-controller"] };

describeOnControlPlane("a control plane", NEEDED, (controlPlane) => {
  test("is the release that go.mod names", async () => {
    const version = JSON.parse(await succeeds(controlPlane(), ["version", "-o", "json"]));
    assert.match(version.serverVersion.gitVersion, /^v1\.\d+\.\d+$/);
    assert.equal(version.clientVersion.gitVersion, version.serverVersion.gitVersion);
  });

  test("keeps what kubectl creates", async () => {
    await succeeds(controlPlane(), ["create", "configmap", "settings", "--from-literal=colour=blue"]);
    const colour = await succeeds(controlPlane(), ["get", "configmap", "settings", "-o", "jsonpath={.data.colour}"]);
    assert.equal(colour, "blue");
  });

  test("lets a ServiceAccount do what its rules say, and answers 403 to the rest", async () => {
    const { kubeconfig, folder, user } = await controlPlane().serviceAccount({
      namespace: "reader-home",
      name: "reader",
      rules: [{ apiGroups: [""], resources: ["configmaps"], verbs: ["create", "list"] }],
      clusterRules: [{ apiGroups: [""], resources: ["namespaces"], verbs: ["list"] }],
    });
    await succeeds(controlPlane(), ["get", "namespaces"], kubeconfig);
    await succeeds(controlPlane(), ["create", "configmap", "mine"], kubeconfig);
    for (const args of [
      ["get", "configmaps", "-n", "default"],
      ["delete", "configmap", "mine"],
    ]) {
      const { code, stderr } = await controlPlane().kubectl(args, { kubeconfig });
      assert.notEqual(code, 0, args.join(" "));
      assert.match(stderr, new RegExp(`Forbidden.*${user}`));
    }
    assert.equal(await readFile(`${folder}/namespace`, "utf8"), "reader-home");
    assert.equal(await readFile(`${folder}/ca.crt`, "utf8"), await readFile(controlPlane().caFile, "utf8"));
  });

  test("finishes the deletion of a namespace and of what is in it", async () => {
    await succeeds(controlPlane(), ["create", "namespace", "doomed"]);
    await succeeds(controlPlane(), ["create", "configmap", "inside", "-n", "doomed"]);
    await succeeds(controlPlane(), ["delete", "namespace", "doomed", "--wait", "--timeout=60s"]);
    const { stderr } = await controlPlane().kubectl(["get", "namespace", "doomed"]);
    assert.match(stderr, /NotFound/);
  });

  test("counts exactly the writes that were made, by verb and code", async () => {
    const secrets = async (): Promise<readonly WriteRequests[]> =>
      controlPlane().writeRequests({ resource: "secrets" });
    const before = await secrets();
    for (const name of ["a", "b", "c"]) await succeeds(controlPlane(), ["create", "secret", "generic", name]);
    await controlPlane().kubectl(["create", "secret", "generic", "c"]);
    await succeeds(controlPlane(), ["delete", "secret", "a"]);
    await succeeds(controlPlane(), ["delete", "secrets", "--all"]);
    const after = await secrets();
    const made = (verb: WriteVerb, code: number): number => {
      const total = (rows: typeof after): number =>
        totalWrites(rows.filter((row) => row.verb === verb && row.code === code));
      return total(after) - total(before);
    };
    assert.deepEqual([made("POST", 201), made("POST", 409), made("DELETE", 200), made("PUT", 200)], [3, 1, 3, 0]);
    assert.equal(totalWrites(after) - totalWrites(before), 7);
  });

  test("names in its audit log who wrote what, and no reads", async () => {
    const { user, kubeconfig } = await controlPlane().serviceAccount({
      namespace: "writer-home",
      name: "writer",
      rules: [{ apiGroups: [""], resources: ["configmaps"], verbs: ["get", "create"] }],
    });
    await succeeds(controlPlane(), ["create", "configmap", "written"], kubeconfig);
    await succeeds(controlPlane(), ["get", "configmap", "written"], kubeconfig);
    await controlPlane().kubectl(["delete", "configmap", "written"], { kubeconfig });
    const rows = (await controlPlane().auditLog()).filter((row) => row.user === user);
    const what = { user, resource: "configmaps", subresource: "", namespace: "writer-home", name: "written" };
    assert.deepEqual(rows, [
      { ...what, verb: "create", code: 201, stage: "ResponseComplete" },
      { ...what, verb: "delete", code: 403, stage: "ResponseComplete" },
    ]);
  });

  test("answers nothing while its API server is paused, and goes on when resumed", async () => {
    const get = ["get", "namespace", "default", "--request-timeout=1s"];
    controlPlane().pause("apiServer");
    try {
      assert.notEqual((await controlPlane().kubectl(get)).code, 0);
    } finally {
      controlPlane().resume("apiServer");
    }
    await until(async () => (await controlPlane().kubectl(get)).code === 0, { what: "an answer" });
  });

  test("answers 410 to a list and a watch of a history that is gone", async () => {
    const configMaps = "/api/v1/namespaces/default/configmaps";
    for (const name of ["one", "two"]) await succeeds(controlPlane(), ["create", "configmap", name]);
    const page = JSON.parse(await succeeds(controlPlane(), ["get", "--raw", `${configMaps}?limit=1`]));
    const { resourceVersion, continue: next } = page.metadata;
    await succeeds(controlPlane(), ["create", "configmap", "later"]);

    await controlPlane().compactEtcd();
    await controlPlane().restartApiServer();

    const continued = await controlPlane().kubectl(["get", "--raw", `${configMaps}?limit=1&continue=${next}`]);
    assert.match(continued.stderr, /Expired|too old/);
    const watch = `${configMaps}?watch=1&timeoutSeconds=5&resourceVersion=${resourceVersion}`;
    const { object } = JSON.parse(await succeeds(controlPlane(), ["get", "--raw", watch]));
    assert.equal(object.code, 410);
    assert.equal(object.reason, "Expired");
  });

  test("is reached through a faulty proxy: its certificate is for 127.0.0.1", async () => {
    const proxy = await FaultyProxy.start(controlPlane().url);
    const { kubeconfig } = await controlPlane().serviceAccount({
      namespace: "behind-proxy",
      name: "client",
      server: proxy.url,
      clusterRules: [{ apiGroups: [""], resources: ["namespaces"], verbs: ["list"] }],
    });
    await succeeds(controlPlane(), ["get", "namespaces"], kubeconfig);
    proxy.refuse();
    assert.match((await controlPlane().kubectl(["get", "namespaces"], { kubeconfig })).stderr, /refused/);
    await proxy.heal();
    proxy.blackhole();
    const { code } = await controlPlane().kubectl(["get", "namespaces", "--request-timeout=1s"], { kubeconfig });
    assert.notEqual(code, 0);
    proxy.close();
  });

  test("keeps its data, certificate and tokens over a restart of the API server", async () => {
    const { kubeconfig } = await controlPlane().serviceAccount({ namespace: "lasting", name: "lasting" });
    await succeeds(controlPlane(), ["create", "configmap", "lasting"]);
    const before = controlPlane().pids;
    await controlPlane().restartApiServer({ flags: ["--max-requests-inflight=123"] });
    assert.notEqual(controlPlane().pids.apiServer, before.apiServer);
    assert.equal(controlPlane().pids.etcd, before.etcd);
    await succeeds(controlPlane(), ["get", "configmap", "lasting"]);
    await succeeds(controlPlane(), ["auth", "whoami"], kubeconfig);
  });
});

describeWhereOneStarts("the end of a control plane", {}, () => {
  test("leaves neither processes nor files", async () => {
    const controlPlane = await startControlPlane({ controllers: [] });
    const pids = Object.values(controlPlane.pids);
    const folder = dirname(controlPlane.adminKubeconfig);
    assert.deepEqual([pids.length, pids.every(isAlive), existsSync(folder)], [2, true, true]);
    await controlPlane.stop();
    assert.deepEqual([pids.some(isAlive), existsSync(folder)], [false, false]);
    await controlPlane.stop(); // an `after` hook may follow a test that stopped it
  });

  test("is loud when a server had ended by itself", async () => {
    const controlPlane = await startControlPlane({ controllers: [] });
    const { etcd } = controlPlane.pids;
    process.kill(etcd, "SIGKILL");
    await until(() => !isAlive(etcd), { what: "etcd is gone" });
    await assert.rejects(controlPlane.stop(), /etcd ended by itself \(SIGKILL\)/);
  });

  for (const signal of ["SIGTERM", "SIGKILL"] as const) {
    test(`comes with the end of the process that started it, by ${signal}`, async () => {
      const { parent, pids, folder } = await startInAnotherProcess();
      assert.deepEqual([pids.length, pids.every(isAlive), existsSync(folder)], [2, true, true]);
      parent.kill(signal);
      const isOver = (): boolean => !pids.some(isAlive) && !existsSync(folder);
      await until(() => isOver(), { what: "processes and files are gone" });
    });
  }

  test("comes at once, with the server's own words, when a flag is wrong", async () => {
    const flags = { apiServer: ["--no-such-flag"] };
    await assert.rejects(startControlPlane({ flags }), /apiServer ended by itself \(code 1\)[^]*no-such-flag/);
  });
});

/** up.ts, and what it prints. */
async function startInAnotherProcess(): Promise<{
  readonly parent: ChildProcess;
  readonly pids: readonly number[];
  readonly folder: string;
}> {
  const parent = spawn(process.execPath, [join(import.meta.dirname, "up.ts")], { stdio: ["ignore", "pipe", "ignore"] });
  let printed = "";
  parent.stdout.setEncoding("utf8").on("data", (text: string) => (printed += text));
  const [, kubeconfig = "", apiServer, etcd] = await until(
    () => /KUBECONFIG=(\S+)[^]*--apiserver-pid (\d+) --etcd-pid (\d+)/.exec(printed) ?? undefined,
    { what: "up.ts prints its pids", limitMs: 60_000 },
  );
  return { parent, pids: [Number(apiServer), Number(etcd)], folder: dirname(kubeconfig) };
}

async function succeeds(cluster: Cluster, args: readonly string[], kubeconfig?: string): Promise<string> {
  const result: KubectlResult = await cluster.kubectl(args, kubeconfig === undefined ? {} : { kubeconfig });
  assert.equal(result.code, 0, `kubectl ${args.join(" ")}: ${result.stderr}`);
  return result.stdout;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
