/** The real kubectl against the embedded server on loopback. Found as TEST_ASSET_KUBECTL or on the PATH. */
import assert from "node:assert/strict";
import { execFile, spawnSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { type EmbeddedApiServer, createApiServer } from "../../runtime/apiserver/server.ts";
import { systemClock } from "../../runtime/clock/clock.ts";

const kubectl = process.env["TEST_ASSET_KUBECTL"] ?? "kubectl";
const found = spawnSync(kubectl, ["version", "--client"]).status === 0;

if (found) describeKubectl();
else
  test(
    "kubectl against the embedded server: left out, no kubectl on the PATH or in TEST_ASSET_KUBECTL",
    {
      skip: process.env["CI"] !== "true",
    },
    () => assert.fail("no kubectl"),
  );

function describeKubectl(): void {
  suite("kubectl against the embedded server", () => {
    let server: EmbeddedApiServer;
    let home = "";

    before(async () => {
      server = createApiServer({ clock: systemClock });
      const { url } = await server.listen({ host: "127.0.0.1", port: 0 });
      home = await mkdtemp(join(tmpdir(), "evenkeel-kubectl-"));
      await writeFile(join(home, "kubeconfig"), server.kubeconfig(url));
    });
    after(async () => {
      await server.close();
      await rm(home, { recursive: true });
    });

    const run = (args: readonly string[], input = "", env: Readonly<Record<string, string>> = {}): Promise<Outcome> =>
      kubectlIn(home, args, input, env);

    test("creates, labels, annotates, patches in three ways, gets and deletes", async () => {
      await ok(run(["create", "configmap", "a", "--from-literal=x=1"]));
      await ok(run(["label", "configmap", "a", "app=web"]));
      await ok(run(["annotate", "configmap", "a", "note=hello"]));
      await ok(run(["patch", "configmap", "a", "-p", '{"data":{"y":"2"}}']));
      await ok(run(["patch", "configmap", "a", "--type=merge", "-p", '{"data":{"z":"3"}}']));
      await ok(run(["patch", "configmap", "a", "--type=json", "-p", '[{"op":"remove","path":"/data/x"}]']));
      assert.equal(await ok(run(["get", "configmap", "a", "-o", "jsonpath={.data}"])), '{"y":"2","z":"3"}');
      assert.match(await ok(run(["get", "configmap", "-l", "app=web"])), /^NAME +DATA +AGE\na +2 +\d+s\n$/);
      await ok(run(["delete", "configmap", "a"]));
      assert.match(await fails(run(["get", "configmap", "a"])), /NotFound/);
    });

    test("applies on the client's side and on the server's", async () => {
      await ok(run(["apply", "-f", "-"], applied('{"x":"1","y":"1"}')));
      await ok(run(["apply", "-f", "-"], applied('{"x":"2"}')));
      assert.equal(await ok(run(["get", "configmap", "applied", "-o", "jsonpath={.data}"])), '{"x":"2"}');
      await ok(run(["apply", "--server-side", "-f", "-"], applied('{"x":"2","z":"3"}')));
      await ok(run(["apply", "--server-side", "-f", "-"], applied('{"z":"3"}')));
      assert.equal(await ok(run(["get", "configmap", "applied", "-o", "jsonpath={.data}"])), '{"z":"3"}');
      const conflict = run(["apply", "--server-side", "--field-manager=other", "-f", "-"], applied('{"z":"4"}'));
      assert.match(await fails(conflict), /conflict with "kubectl": \.data\.z/);
      await ok(
        run(["apply", "--server-side", "--field-manager=other", "--force-conflicts", "-f", "-"], applied('{"z":"4"}')),
      );
      assert.match(await fails(run(["apply", "-f", "-"], applied('{},"datas":{}'))), /unknown field "datas"/);
    });

    test("applies on the server's side what it applied on the client's, and the other way round", async () => {
      await ok(run(["apply", "-f", "-"], applied('{"x":"1","y":"1"}', "moved")));
      await ok(run(["apply", "--server-side", "-f", "-"], applied('{"x":"2","z":"1"}', "moved")));
      await ok(run(["apply", "-f", "-"], applied('{"x":"2"}', "moved")));
      assert.equal(await ok(run(["get", "configmap", "moved", "-o", "jsonpath={.data}"])), '{"x":"2"}');
    });

    test("edits, replaces by force, diffs and explains", async () => {
      await ok(run(["create", "configmap", "edited", "--from-literal=x=before"]));
      await ok(run(["edit", "configmap", "edited"], "", { KUBE_EDITOR: "sed -i s/before/after/" }));
      assert.equal(await ok(run(["get", "configmap", "edited", "-o", "jsonpath={.data.x}"])), "after");
      const manifest = '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"edited"},"data":{"x":"forced"}}';
      await ok(run(["replace", "--force", "-f", "-"], manifest));
      assert.equal(await ok(run(["get", "configmap", "edited", "-o", "jsonpath={.data.x}"])), "forced");
      await ok(run(["diff", "-f", "-"], manifest));
      assert.match(await ok(run(["explain", "configmap.data"])), /map\[string\]string/);
    });

    test("is told by name which kind is not served", async () => {
      for (const [apiVersion, kind] of [
        ["v1", "Service"],
        ["apiextensions.k8s.io/v1", "CustomResourceDefinition"],
      ]) {
        const manifest = JSON.stringify({ apiVersion, kind, metadata: { name: "a" } });
        const refusal = await fails(run(["apply", "-f", "-"], manifest));
        assert.ok(refusal.includes(`no matches for kind "${kind}" in version "${apiVersion}"`), refusal);
      }
    });

    test("asks who it is and what it may do", async () => {
      assert.match(await ok(run(["auth", "whoami"])), /Username +admin\n/);
      assert.equal(await ok(run(["auth", "can-i", "delete", "configmaps"])), "yes\n");
      assert.match(await ok(run(["auth", "can-i", "--list"])), /\*\.\* +\[\] +\[\] +\[\*\]/);
    });

    test("creates a namespace, waits for it, and waits until it is gone with its content", async () => {
      await ok(run(["create", "namespace", "team"]));
      await ok(run(["wait", "--for=jsonpath={.status.phase}=Active", "namespace/team", "--timeout=5s"]));
      await ok(run(["create", "configmap", "inside", "-n", "team"]));
      await ok(run(["delete", "namespace", "team", "--timeout=10s"]));
      assert.match(await fails(run(["get", "namespace", "team"])), /NotFound/);
    });

    test("creates the other kinds, scales and lists them all", async () => {
      await ok(run(["create", "secret", "generic", "s", "--from-literal=password=p"]));
      await ok(run(["create", "serviceaccount", "robot"]));
      await ok(run(["create", "deployment", "web", "--image=nginx", "--replicas=2", "--port=80"]));
      await ok(run(["scale", "deployment", "web", "--replicas=5"]));
      assert.match(await ok(run(["get", "all", "-o", "wide"])), /web +0\/5 .* nginx +nginx +app=web/);
      assert.match(await ok(run(["get", "namespaces"])), /default +Active/);
      assert.match(await ok(run(["describe", "secret", "s"])), /password: +1 bytes/);
    });
  });
}

/** @param data the JSON of its data, or more fields after it. */
function applied(data: string, name = "applied"): string {
  return `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"${name}"},"data":${data}}`;
}

interface Outcome {
  readonly code: number | string;
  readonly stdout: string;
  readonly stderr: string;
}

/** In a home of its own, so that kubectl's discovery cache is too. */
function kubectlIn(
  home: string,
  args: readonly string[],
  input: string,
  env: Readonly<Record<string, string>>,
): Promise<Outcome> {
  const { promise, resolve } = Promise.withResolvers<Outcome>();
  const variables = { PATH: process.env["PATH"], HOME: home, KUBECONFIG: join(home, "kubeconfig"), ...env };
  const child = execFile(kubectl, args, { env: variables, timeout: 30_000 }, (error, stdout, stderr) => {
    resolve({ code: error === null ? 0 : (error.code ?? 1), stdout, stderr });
  });
  child.stdin?.end(input);
  return promise;
}

async function ok(outcome: Promise<Outcome>): Promise<string> {
  const { code, stdout, stderr } = await outcome;
  assert.equal(code, 0, stderr);
  return stdout;
}

async function fails(outcome: Promise<Outcome>): Promise<string> {
  const { code, stderr } = await outcome;
  assert.notEqual(code, 0);
  return stderr;
}
