/** What the host follows while it runs: the files of its functions and its configuration, good and bad. */
import assert from "node:assert/strict";
import { describe, test, type TestContext } from "node:test";
import { createApiServer } from "../../runtime/apiserver/server.ts";
import { systemClock } from "../../runtime/clock/clock.ts";
import { listen } from "../../runtime/apiserver/listener.ts";
import { until } from "../controlplane/wait.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { greeting } from "./greeting.ts";
import { HostProcess } from "./host-process.ts";
import { CONFIG } from "./scenario.ts";

describe("while the host runs", { concurrency: 2 }, () => {
  test("a function that is dropped in, changed, broken, mended and deleted is followed at once", async (context) => {
    const folder = await tempFolder(context, {
      "functions/other.ts": greeting("nothing").replace("greeting", "other"),
    });
    const host = new HostProcess(context, { args: ["--functions", "functions"], cwd: folder.path });
    await host.waitForLine(/ other default\/settings: 1 created/);
    const then = async (act: Promise<void>, ...lines: readonly RegExp[]): Promise<void> => {
      const heard = lines.map((line) => host.waitForNewLine(line, 10_000));
      await act;
      await Promise.all(heard);
    };
    const file = "functions/greet.ts";
    await then(
      folder.write(file, greeting("hello")),
      / functions loaded +names=greet\n/,
      / greet default\/settings: 1 created/,
    );
    await then(
      folder.write(file, greeting("hullo")),
      / functions changed +names=greet\n/,
      / greet default\/settings: 1 updated/,
    );
    await then(
      folder.write(file, greeting("oh").replace("({\n    children", "({{\n    children")),
      /not taken in.*error="functions\/greet\.ts:5:\d+: SyntaxError/,
    );
    await host.readyIs(500, "functions");
    await then(
      folder.write(file, greeting("mended")),
      / functions changed +names=greet\n/,
      / greet default\/settings: 1 updated/,
    );
    await host.readyIs(200);
    await then(folder.remove(file), / functions gone +names=greet\n/);
    await host.stop();
  });

  test("a bad configuration is told with line and column, the last good one goes on, and a good one is taken in", async (context) => {
    const folder = await tempFolder(context, { "evenkeel.yaml": CONFIG });
    const host = new HostProcess(context, { cwd: folder.path });
    await host.waitForLine(/ mirror default\/settings: 2 created/);
    const bad = host.waitForNewLine(/not taken in.*error="evenkeel\.yaml:3:5: functions\.mirror\.prefixes: /);
    await folder.replace("evenkeel.yaml", "functions:\n  mirror:\n    prefixes: []\n");
    await bad;
    await host.readyIs(500, "functions");
    const good = [
      / configuration changed\n/,
      / mirror default\/settings: .*1 created \(other\)/,
      / 2 deleted \(team-a, team-b\)/,
    ];
    const heard = good.map((line) => host.waitForNewLine(line));
    await folder.replace("evenkeel.yaml", "functions:\n  mirror:\n    prefixes: [other]\n");
    await Promise.all(heard);
    await host.readyIs(200);
    await host.stop();
  });

  test("a function that changes while the host still waits for its API server runs in its newest version", async (context) => {
    const functions = await tempFolder(context, { "greet.ts": greeting("hello"), "broken.ts": "{" });
    const server = await slowApiServer(context);
    const folder = await tempFolder(context, { "kubeconfig.yaml": server.kubeconfig });
    const args = ["--functions", functions.path, "--kubeconfig", "kubeconfig.yaml", "--no-leader-elect"];
    const host = new HostProcess(context, { args, cwd: folder.path });
    await host.waitForLine(/"not taken in.*broken/);
    await functions.write("greet.ts", greeting("hullo"));
    await host.waitForLine(/"functions changed"/);
    server.answer();
    assert.equal(await server.greeting(), "hullo");
    await host.stop();
  });
});

/** Takes requests, and answers none of them before it is told to. There is a ConfigMap to be greeted. */
async function slowApiServer(context: TestContext) {
  const told = Promise.withResolvers<void>();
  const server = createApiServer({ clock: systemClock });
  const fetch = async (request: Request): Promise<Response> => {
    await told.promise;
    return server.fetch(request);
  };
  const listening = await listen(fetch, { host: "127.0.0.1", port: 0 });
  context.after(async () => {
    await listening.close();
    await server.close();
  });
  const configMaps = "http://127.0.0.1/api/v1/namespaces/default/configmaps";
  const source = { metadata: { name: "source", labels: { mirror: "true" } } };
  const headers = { "content-type": "application/json" };
  const made = await server.fetch(new Request(configMaps, { method: "POST", headers, body: JSON.stringify(source) }));
  assert.equal(made.status, 201);
  return {
    kubeconfig: server.kubeconfig(listening.url),
    answer: told.resolve,
    /** What the first greeting says that is there. */
    greeting: () =>
      until(
        async () => {
          const answer = await server.fetch(new Request(`${configMaps}/greeting`));
          const { data } = (await answer.json()) as { readonly data?: { readonly says: string } };
          return data?.says;
        },
        { what: "a greeting is there" },
      ),
  };
}
