/** What the host does when the network, the API server or its own process fails, on a real control plane. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { systemClock } from "../../runtime/clock/clock.ts";
import type { AuditRow } from "../controlplane/audit-log.ts";
import type { ControlPlane } from "../controlplane/control-plane.ts";
import { FaultyProxy } from "../controlplane/faulty-proxy.ts";
import { describeOnControlPlane } from "../controlplane/on-control-plane.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { becomes } from "../support/wait.ts";
import { HostProcess } from "./host-process.ts";
import { hostRights } from "./rights.ts";
import { CONFIG, LEADING, World } from "./scenario.ts";

/** A watch without a byte for 90 s is taken for dead; bookmarks come once a minute. Behaviours allow 5 s more. */
const HALF_OPEN_MS = 95_000;
/** The lease runs for 15 s from when the standby last saw it renewed; it looks every 2 to 4.4 s. */
const TAKEOVER_MS = 30_000;

/** A function of its own: two hosts that run the same one would be rivals. */
const ECHO = `import { ConfigMap, defineFunction, select } from "#evenkeel";
export default defineFunction({
  watches: select(ConfigMap, { labels: { echo: "true" } }),
  writes: [ConfigMap],
  reconcile: ({ metadata: { name, namespace }, data }) => ({
    children: [{ apiVersion: "v1", kind: "ConfigMap", metadata: { name: \`\${name}-echo\`, namespace }, data }],
  }),
});
`;

describeOnControlPlane("the host survives", {}, (controlPlane) => {
  test("an API server that forgets its history while the host is cut off", async (context) => {
    const { world, proxy, start } = await stand(context, controlPlane(), "restarted");
    const host = start("--no-leader-elect", "-v", "4");
    for (const namespace of ["team-a", "team-b"]) await world.do("create", "namespace", namespace);
    for (const name of ["stays", "goes"]) {
      await world.do("create", "configmap", name, "--from-literal=colour=blue");
      await world.do("label", "configmap", name, "mirror=true");
    }
    await host.waitForLine(/"message":"reconciled".*"key":"default\/goes","created":2/);

    proxy.refuse();
    proxy.dropConnections();
    await world.do("delete", "configmap", "goes");
    await controlPlane().compactEtcd();
    await controlPlane().restartApiServer();
    await proxy.heal();

    await host.waitForLine(/"message":"the watch cannot go on from so long ago; taking a new list"/);
    await world.copyNamesAre(["team-a/stays", "team-b/stays"]);
    await host.stop();
    await world.do("delete", "configmap", "stays");
  });

  // The first waits, for the most part; the second works meanwhile.
  test(
    "a connection that dies in silence and, beside it, being stopped and replaced",
    { concurrency: true },
    async (context) => {
      await Promise.all([
        context.test("a connection that is dead without a word", halfOpen),
        context.test("a leader that is stopped, replaced and awakened", stoppedLeader),
      ]);
    },
  );

  async function halfOpen(context: TestContext): Promise<void> {
    const { world, proxy, start } = await stand(context, controlPlane(), "half-open");
    const host = start("--no-leader-elect", "--functions", "functions", "--config", "none.yaml", "-v", "4");
    await world.do("create", "configmap", "source", "--from-literal=colour=blue");
    await world.do("label", "configmap", "source", "echo=true");
    const colour = async (): Promise<string> =>
      world.do("get", "configmap", "source-echo", "--ignore-not-found", "-o", "jsonpath={.data.colour}");
    await becomes(colour, "blue");

    proxy.stallOpen();
    const startMs = systemClock.now();
    await world.do("patch", "configmap", "source", "--type=merge", "-p", '{"data":{"colour":"green"}}');
    await host.waitForNewLine(/"function":"echo","key":"default\/source","updated":1/, HALF_OPEN_MS);
    context.diagnostic(`seen ${Math.round((systemClock.now() - startMs) / 1000)} s after the connection died`);
    await becomes(colour, "green");
    assert.match(host.stdout, /"message":"watch ended".*"code":"API_TIMEOUT"/, "it was seen by silence, not by an end");
    await host.stop();
  }

  async function stoppedLeader(context: TestContext): Promise<void> {
    const first = await stand(context, controlPlane(), "leases", "first");
    const second = await stand(context, controlPlane(), "leases", "second");
    const { world } = first;
    const former = first.start();
    await former.waitForLine(LEADING);
    await world.do("create", "configmap", "settings", "--from-literal=colour=blue");
    await world.do("label", "configmap", "settings", "mirror=true");
    await world.copiesInclude({ "team-a": { colour: "blue" } });
    const successor = second.start();
    await successor.waitForLine(/"message":"new leader"/);

    // While it has something to write, and with more that it learns of when it wakes up.
    await world.do("patch", "configmap", "settings", "--type=merge", "-p", '{"data":{"colour":"red"}}');
    former.signal("SIGSTOP");
    await successor.waitForLine(LEADING, TAKEOVER_MS);
    await world.do("patch", "configmap", "settings", "--type=merge", "-p", '{"data":{"colour":"green"}}');
    former.signal("SIGCONT");

    const { code } = await former.exited();
    assert.equal(code, 1, former.output);
    assert.match(
      former.stderr,
      /^evenkeel: lease leases\/evenkeel: not renewed for 10 s .*; start it again, where nothing else does/,
    );
    await world.copiesInclude({ "team-a": { colour: "green" }, "team-b": { colour: "green" } });
    const rows = await controlPlane().auditLog();
    const isAcquire = (row: AuditRow): boolean =>
      row.user === second.user && row.resource === "leases" && row.code < 300;
    const acquired = rows.findIndex(isAcquire);
    assert.notEqual(acquired, -1, "the audit log shows who took the lease");
    assert.ok(
      rows.slice(0, acquired).some(({ user }) => user === first.user),
      "and that the former had written",
    );
    assert.deepEqual(
      // What was half sent when it stopped is given up by the server in the end (504).
      rows.slice(acquired).filter(({ user, code }) => user === first.user && code !== 504),
      [],
    );
    await successor.stop();
  }
});

/** A ServiceAccount behind a proxy of its own, and the folder that its hosts run in. */
async function stand(context: TestContext, controlPlane: ControlPlane, namespace: string, name = "host") {
  const proxy = await FaultyProxy.start(controlPlane.url);
  context.after(() => proxy.close());
  const account = await controlPlane.serviceAccount({ ...hostRights(), namespace, name, server: proxy.url });
  const { path } = await tempFolder(context, {
    "evenkeel.yaml": CONFIG,
    "none.yaml": "",
    [join("functions", "echo.ts")]: ECHO,
  });
  const start = (...args: readonly string[]): HostProcess =>
    new HostProcess(context, { args: ["--kubeconfig", account.kubeconfig, ...args], cwd: path });
  return { world: new World(controlPlane), proxy, user: account.user, start };
}
