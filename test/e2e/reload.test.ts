/** What the host follows while it runs: the files of its functions and its configuration, good and bad. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { tempFolder } from "../support/temp-folder.ts";
import { apiServer } from "./api-server.ts";
import { greeting } from "./greeting.ts";
import { HostProcess } from "./host-process.ts";
import { CONFIG } from "./scenario.ts";

suite("while the host runs", { concurrency: 2 }, () => {
  test("a function that is dropped in, changed, broken, mended and deleted is followed at once", async (context) => {
    const folder = await tempFolder(context, {
      "functions/other.ts": greeting("nothing").replace("greeting", "other"),
    });
    const host = new HostProcess(context, { args: ["--functions", "functions"], cwd: folder.path });
    await host.waitForLine(/ other default\/settings: 1 created/);
    const then = async (act: Promise<void>, ...lines: readonly RegExp[]): Promise<void> => {
      const heard = lines.map((line) => host.waitForNewLine(line));
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

  test("a bad configuration is told with line and column, the last good one goes on, its return is told, and a good one is taken in", async (context) => {
    const folder = await tempFolder(context, { "evenkeel.yaml": CONFIG });
    const host = new HostProcess(context, { cwd: folder.path });
    await host.waitForLine(/ mirror default\/settings: 2 created/);
    const bad = host.waitForNewLine(/not taken in.*error="evenkeel\.yaml:3:5: functions\.mirror\.prefixes: /);
    await folder.replace("evenkeel.yaml", "functions:\n  mirror:\n    prefixes: []\n");
    await bad;
    await host.readyIs(500, "functions");
    const metrics = async () => (await fetch(`${await host.address()}/metrics`)).text();
    assert.match(await metrics(), /^evenkeel_problems 1$/m);
    const mended = host.waitForNewLine(/ configuration no longer broken\n/);
    await folder.replace("evenkeel.yaml", CONFIG);
    await mended;
    await host.readyIs(200);
    assert.match(await metrics(), /^evenkeel_problems 0$/m);
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

  test("a configuration that is made while the host runs is taken in, and a function goes although its section stays", async (context) => {
    const folder = await tempFolder(context, { "functions/greet.ts": greeting("hello"), "functions/takes.ts": takes });
    const host = new HostProcess(context, { args: ["--functions", "functions"], cwd: folder.path });
    await host.waitForLine(/ greet default\/settings: 1 created/);
    const changed = host.waitForNewLine(/ configuration changed\n/);
    await folder.replace("evenkeel.yaml", "functions:\n  takes:\n    a: x\n");
    await changed;
    const gone = [
      / functions gone +names=takes\n/,
      /not taken in.*error="evenkeel\.yaml:2:3: functions\.takes: there is no such/,
    ];
    const heard = gone.map((line) => host.waitForNewLine(line));
    await folder.remove("functions/takes.ts");
    await Promise.all(heard);
    await host.readyIs(500, "functions");
    const mended = host.waitForNewLine(/ greet default\/settings: 1 updated/);
    await folder.write("functions/greet.ts", greeting("hullo"));
    await mended;
    await folder.replace("evenkeel.yaml", "");
    await host.readyIs(200);
    await host.stop();
  });

  test("a function that changes while the host still waits for its API server runs in its newest version", async (context) => {
    const functions = await tempFolder(context, { "greet.ts": greeting("hello"), "broken.ts": "{" });
    const told = Promise.withResolvers<undefined>();
    const server = await apiServer(context, () => told.promise);
    const folder = await tempFolder(context, { "kubeconfig.yaml": server.kubeconfig });
    const args = ["--functions", functions.path, "--kubeconfig", "kubeconfig.yaml", "--no-leader-elect"];
    const host = new HostProcess(context, { args, cwd: folder.path });
    await host.waitForLine(/"not taken in.*broken/);
    await functions.write("greet.ts", greeting("hullo"));
    await host.waitForLine(/"functions changed"/);
    told.resolve(undefined);
    assert.equal(await server.greeting(), "hullo");
    await host.stop();
  });
});

/** A function with a section of the configuration. */
const takes = `import { ConfigMap, defineFunction, z } from "#evenkeel";
const config = z.object({ a: z.string().optional() });
export default defineFunction({ watches: ConfigMap, config, reconcile: () => ({}) });
`;
