/**
 * The way of a scrape under the overlay `prometheus`, from end to end: the account that it lets read, its token, TLS, and a
 * host whose own account asks a real API server with the overlay's rights and no other. `monitor.yaml` says how it is asked.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { request } from "node:https";
import { join } from "node:path";
import { before, test, type TestContext } from "node:test";
import { parseAllDocuments } from "yaml";
import { z } from "zod";
import { describeOnControlPlane } from "../controlplane/on-control-plane.ts";
import { HostProcess } from "../e2e/host-process.ts";
import { selfSigned } from "../kube/certificate.ts";
import { CONFIG, Deployed, MANIFESTS } from "./deployed.ts";
import { suiteFolder } from "./suite-folder.ts";

const COMPONENT = join(MANIFESTS, "components", "prometheus");

const ServiceMonitor = z.object({
  kind: z.literal("ServiceMonitor"),
  spec: z.object({
    endpoints: z.tuple([
      z.object({
        scheme: z.literal("https"),
        path: z.string(),
        bearerTokenFile: z.string(),
        tlsConfig: z.object({ insecureSkipVerify: z.boolean() }),
      }),
    ]),
  }),
});

interface Scrape {
  readonly token?: string;
  /** What the certificate is checked against; undefined: it is not checked. */
  readonly ca?: string;
}

interface Answer {
  readonly status: number;
  readonly body: string;
  readonly challenge: string | undefined;
}

describeOnControlPlane("a scrape under the overlay `prometheus`", {}, (controlPlane) => {
  const folder = suiteFolder();
  const [{ path, tlsConfig }] = monitor().spec.endpoints;
  const certificate = selfSigned();
  let deployed: Deployed;
  /** Of the account that the overlay names. */
  let prometheus = "";
  /** Of one that nobody named. */
  let stranger = "";

  before(async () => {
    deployed = await Deployed.on(controlPlane(), folder());
    await deployed.admin("apply", "-f", join(COMPONENT, "access.yaml"), "--server-side");
    const account = { namespace: "monitoring" };
    prometheus = (await controlPlane().serviceAccount({ ...account, name: "prometheus-k8s" })).token;
    stranger = (await controlPlane().serviceAccount({ ...account, name: "stranger" })).token;
  });

  /** @returns the address of its /metrics */
  async function startHost(context: TestContext, ...flags: readonly string[]): Promise<URL> {
    const args = ["--kubeconfig", deployed.kubeconfig, "--config", CONFIG, "--no-leader-elect"];
    // Beyond loopback, as in a pod: there alone is TLS, and there alone is asked who may read.
    const host = new HostProcess(context, {
      args: [...args, "--metrics-address", ":0", "--status-address", "0", ...flags],
      cwd: folder(),
    });
    const [, address = ""] = await host.waitForLine(/"metrics":"(https:[^"]+)"/);
    await host.readyIs(200);
    return new URL(path, address);
  }

  test("with a certificate that Prometheus can check: who may, reads; who may not, is told so", async (context) => {
    const [certFile, keyFile] = [join(folder(), "tls.crt"), join(folder(), "tls.key")];
    await writeFile(certFile, certificate.cert);
    await writeFile(keyFile, certificate.key, { mode: 0o600 });
    const url = await startHost(context, "--metrics-cert", certFile, "--metrics-key", keyFile);
    const ca = certificate.cert;

    const allowed = await scrape(url, { token: prometheus, ca });
    assert.equal(allowed.status, 200, allowed.body);
    assert.match(allowed.body, /^controller_runtime_reconcile_total\{.*controller="mirror".*\} \d+$/m);

    const nobody = await scrape(url, { ca });
    assert.deepEqual([nobody.status, nobody.challenge], [401, "Bearer"]);
    assert.equal((await scrape(url, { token: "made-up", ca })).status, 401);

    const other = await scrape(url, { token: stranger, ca });
    assert.equal(other.status, 403);
    for (const { body } of [nobody, other]) assert.doesNotMatch(body, /controller_runtime/);

    // So it is the certificate that was checked.
    await assert.rejects(scrape(url, { token: prometheus, ca: selfSigned().cert }), { code: /SELF_SIGNED|UNABLE/ });
  });

  test("as the overlay stands: a certificate that the host made, unchecked", async (context) => {
    assert.equal(tlsConfig.insecureSkipVerify, true);
    const url = await startHost(context);
    const answers = [
      await scrape(url, { token: prometheus }),
      await scrape(url, {}),
      await scrape(url, { token: stranger }),
    ];
    assert.deepEqual(
      answers.map(({ status }) => status),
      [200, 401, 403],
    );
  });

  // Last: it takes the rights away.
  test("without the overlay's rights nobody reads, Prometheus neither", async (context) => {
    await deployed.admin("delete", "clusterrolebinding", "evenkeel-metrics-access");
    const url = await startHost(context);
    const { status, body } = await scrape(url, { token: prometheus });
    assert.equal(status, 503);
    assert.doesNotMatch(body, /controller_runtime/);
  });
});

function monitor(): z.infer<typeof ServiceMonitor> {
  const documents = parseAllDocuments(readFileSync(join(COMPONENT, "monitor.yaml"), "utf8"));
  return ServiceMonitor.parse(documents.at(-1)?.toJS());
}

/** One connection, as a scraper makes it. @throws Error when the certificate is not one of `ca` */
function scrape(url: URL, { token, ca }: Scrape): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const asked = request(url, {
    agent: false,
    headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
    ...(ca === undefined ? { rejectUnauthorized: false } : { ca, servername: "localhost" }),
  });
  asked.on("response", (response) => {
    let body = "";
    response.setEncoding("utf8").on("data", (text: string) => (body += text));
    response.on("end", () => {
      resolve({ status: response.statusCode ?? 0, body, challenge: response.headers["www-authenticate"] });
    });
  });
  asked.on("error", reject);
  asked.end();
  return promise;
}
