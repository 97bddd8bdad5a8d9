/**
 * Tokens and CAs are replaced in their files while the host runs, on a real API server that refuses the former ones. The
 * files are those of a kubeconfig; a pod's are read by the same code (credential-file.ts, RenewedCredentials).
 */
import assert from "node:assert/strict";
import { readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { test, type TestContext } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { z } from "zod";
import { systemClock } from "../../runtime/clock/clock.ts";
import { startControlPlane } from "../controlplane/control-plane.ts";
import { FaultyProxy } from "../controlplane/faulty-proxy.ts";
import { describeWhereOneStarts } from "../controlplane/on-control-plane.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { HostProcess } from "../e2e/host-process.ts";
import { hostRights } from "../e2e/rights.ts";
import { CONFIG, LEADING, World } from "../e2e/scenario.ts";
import { becomes, until } from "../support/wait.ts";
import { TlsFront } from "./tls-front.ts";

const ACCOUNT = { namespace: "evenkeel", name: "host" };
/** The API server allows no less. */
const TOKEN_SECONDS = 600;
/** The server remembers for 10 s whom a token belongs to. Source: k8s.io/apiserver token cache, TokenSuccessCacheTTL. */
const REFUSED_MS = 20_000;
/** What is done in milliseconds takes longer on two cores that also run two control planes. */
const BUSY_MS = 3_000;
/** Files are read again when what was read is a minute old; the lease is renewed every 2 s. */
const IN_USE_MS = 62_000 + BUSY_MS;
/** Each attempt looks at the CA: those of a watch are 5 s apart at most (and 1.6 s more when it needs a new list), … */
const TRUSTED_MS = 6_600 + BUSY_MS;
/** … and those of the lease 2 s. */
const RENEWED_MS = 2_000 + BUSY_MS;
/** Two attempts of each watch or more. */
const REFUSING_MS = 10_000;

const UNKNOWN_CA = /its certificate is not signed by the CA of these credentials/;

/** Reads too, with who was who; of nobody but the host and those whom the server does not know. */
const AUDIT_POLICY = `apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
  - { level: None, users: [admin, "system:apiserver", "system:anonymous"] }
  - { level: Metadata }
`;

describeWhereOneStarts("without a restart", {}, () => {
  // Both wait, for the most part.
  test("credentials rotate", { concurrency: true }, async (context) => {
    await Promise.all([
      context.test("the token of a ServiceAccount", tokenRotates),
      context.test("the certificate authority of the API server", authorityRotates),
    ]);
  });
});

async function tokenRotates(context: TestContext): Promise<void> {
  const { controlPlane, cwd, auditLog, mirrors } = await stage(context);
  const proxy = await FaultyProxy.start(controlPlane.url);
  context.after(() => proxy.close());
  const options = { ...hostRights(), ...ACCOUNT, durationSeconds: TOKEN_SECONDS, server: proxy.url };
  const { folder, kubeconfig } = await controlPlane.serviceAccount(options);
  const host = new HostProcess(context, { args: ["--kubeconfig", kubeconfig], cwd });
  await host.waitForLine(LEADING);
  await mirrors("first");
  const refusals = async (): Promise<readonly Request[]> =>
    (await requestsIn(auditLog)).filter(({ code }) => code === 401);

  await context.test("one that is refused is read again at once, and the lease is kept", async () => {
    const startMs = systemClock.now();
    const [name, namespace] = [ACCOUNT.name, ACCOUNT.namespace];
    await new World(controlPlane).do("delete", "serviceaccount", name, "-n", namespace);
    // Another ServiceAccount of the same name: what was issued to the former is void.
    const { token } = await controlPlane.serviceAccount(options);
    const what = "the former token is refused";
    const { atMs } = await until(async () => (await refusals())[0], { what, limitMs: REFUSED_MS });
    context.diagnostic(`refused ${seconds(systemClock.now() - startMs)} after its ServiceAccount was deleted`);
    proxy.dropConnections();
    await mirrors("first", "second");

    const renewed = async (): Promise<readonly Request[]> =>
      (await requestsIn(auditLog)).filter(({ credential }) => credential === idOf(token));
    context.diagnostic(`the new one in use ${((await renewed())[0]?.atMs ?? Number.NaN) - atMs} ms after the refusal`);
    for (const resource of ["configmaps", "namespaces"]) {
      const isBack = async (): Promise<boolean> =>
        (await renewed()).some((request) => request.verb === "watch" && request.resource === resource);
      await until(isBack, { what: `the watch of ${resource} is back, with the new token`, everyMs: 250 });
    }
    assert.doesNotMatch(host.output, /Unauthorized/);
    assert.equal(host.stdout.match(new RegExp(LEADING, "g"))?.length, 1, "it led all the time");
  });

  await context.test("one that is still good is replaced within the minute, and none is refused", async () => {
    const refusedCount = (await refusals()).length;
    const args = ["create", "token", ACCOUNT.name, "-n", ACCOUNT.namespace, `--duration=${TOKEN_SECONDS}s`];
    const token = (await new World(controlPlane).do(...args)).trim();
    await replace(join(folder, "token"), token);
    const startMs = systemClock.now();
    const isInUse = async (): Promise<boolean> =>
      (await requestsIn(auditLog)).some(({ credential }) => credential === idOf(token));
    await until(isInUse, { what: "the new token is in use", limitMs: IN_USE_MS, everyMs: 250 });
    context.diagnostic(`in use ${seconds(systemClock.now() - startMs)} after it was written`);
    await mirrors("first", "second", "third");
    const requests = await requestsIn(auditLog);
    const since = requests.slice(requests.findIndex(({ credential }) => credential === idOf(token)));
    // A watch is told of again when it ends, and goes on with what it began with.
    assert.deepEqual(
      since.filter(({ verb, credential }) => verb !== "watch" && credential !== idOf(token)),
      [],
      "the former is not used any more",
    );
    assert.equal((await refusals()).length, refusedCount);
  });

  await host.stop();
}

async function authorityRotates(context: TestContext): Promise<void> {
  const { controlPlane, cwd, auditLog, mirrors } = await stage(context);
  const { caFile } = controlPlane;
  const world = new World(controlPlane);
  const rights = { ...hostRights(), ...ACCOUNT };

  await context.test("a leader that is given the new one within seconds keeps its lease", async (step) => {
    const front = await TlsFront.start(controlPlane.url, await readFile(caFile, "utf8"));
    step.after(() => front.close());
    const { folder, kubeconfig } = await controlPlane.serviceAccount({ ...rights, server: front.url });
    await replace(join(folder, "ca.crt"), front.ca);
    const host = new HostProcess(step, { args: ["--kubeconfig", kubeconfig], cwd });
    await host.waitForLine(LEADING);
    await mirrors("first");
    front.replaceCertificate();
    await host.waitForLine(UNKNOWN_CA);

    const writtenMs = systemClock.wall();
    await replace(join(folder, "ca.crt"), front.ca);
    const renewal = async (): Promise<Request | undefined> =>
      (await requestsIn(auditLog)).find(({ resource, atMs }) => resource === "leases" && atMs > writtenMs);
    const { atMs } = await until(renewal, { what: "the lease is renewed", limitMs: RENEWED_MS });
    context.diagnostic(`the lease renewed ${seconds(atMs - writtenMs)} after the CA was written`);
    await labelled(world, "second");
    await mirrored(world, "second", TRUSTED_MS);
    await host.readyIs(200);
    assert.equal(host.stdout.match(new RegExp(LEADING, "g"))?.length, 1, "it led all the time");
    await host.stop();
  });

  const { folder, kubeconfig } = await controlPlane.serviceAccount(rights);
  // Without the lease, which nobody could keep: a leader ends after 10 s without a word from the server.
  const host = new HostProcess(context, { args: ["--kubeconfig", kubeconfig, "--no-leader-elect"], cwd });
  await mirrors("first", "second", "third");
  // It makes itself another key when it finds none.
  for (const file of ["apiserver.crt", "apiserver.key"]) await rm(join(dirname(caFile), file));
  const laterLog = `${auditLog}.later`;
  await controlPlane.restartApiServer({ flags: [`--audit-log-path=${laterLog}`] });
  await labelled(world, "fourth");

  await context.test(
    "a server that is not known gets no request, and host and start say why, each in one line",
    async (step) => {
      await host.waitForLine(UNKNOWN_CA);
      await host.readyIs(500, "watches");
      const another = new HostProcess(step, { args: ["--kubeconfig", kubeconfig, "--no-leader-elect"], cwd });
      await another.refuses(UNKNOWN_CA);
      await delay(REFUSING_MS);
      await world.copyNamesAre(["team-a/first", "team-a/second", "team-a/third"]);
      assert.deepEqual(await requestsIn(laterLog), [], "nor has it seen the token");
    },
  );

  await context.test("it is served again when its CA is in the file", async () => {
    const startMs = systemClock.now();
    await replace(join(folder, "ca.crt"), await readFile(caFile, "utf8"));
    await mirrored(world, "fourth", TRUSTED_MS);
    context.diagnostic(`trusted ${seconds(systemClock.now() - startMs)} after its CA was written`);
    assert.notDeepEqual(await requestsIn(laterLog), [], "the log would have shown a request before");
    await host.readyIs(200);
  });

  await host.stop();
}

/** A control plane with a namespace to mirror into, and an audit log of its own. */
async function stage(context: TestContext) {
  const { path: cwd } = await tempFolder(context, { "evenkeel.yaml": CONFIG, "audit.yaml": AUDIT_POLICY });
  const auditLog = join(cwd, "audit.log");
  const controlPlane = await startControlPlane({
    controllers: [],
    audit: false,
    flags: { apiServer: [`--audit-policy-file=${join(cwd, "audit.yaml")}`, `--audit-log-path=${auditLog}`] },
  });
  context.after(() => controlPlane.stop());
  const world = new World(controlPlane);
  await world.do("create", "namespace", "team-a");
  /** Adds the last of the sources, and waits until all are mirrored. */
  const mirrors = async (...sources: readonly string[]): Promise<void> => {
    await labelled(world, sources.at(-1) ?? "");
    await world.copyNamesAre(sources.map((name) => `team-a/${name}`));
  };
  return { controlPlane, cwd, auditLog, mirrors };
}

async function labelled(world: World, name: string): Promise<void> {
  await world.do("create", "configmap", name);
  await world.do("label", "configmap", name, "mirror=true");
}

async function mirrored(world: World, name: string, limitMs: number): Promise<void> {
  const copy = (): Promise<string> =>
    world.do("get", "configmap", name, "-n", "team-a", "--ignore-not-found", "-o", "name");
  await becomes(copy, `configmap/${name}\n`, limitMs);
}

/** As a rotation does: no reader finds half a file. */
async function replace(file: string, text: string): Promise<void> {
  await writeFile(`${file}~`, text);
  await rename(`${file}~`, file);
}

/** One request of the host. */
interface Request {
  /** Which token it came with: `JTI=…`; `""` when the server does not know it. */
  readonly credential: string;
  readonly verb: string;
  readonly resource: string;
  readonly code: number;
  /** Since the epoch. */
  readonly atMs: number;
}

const CREDENTIAL_ID = "authentication.kubernetes.io/credential-id";

/** audit.k8s.io/v1 Event; a request that was refused has no user. */
const AuditEvent = z.object({
  user: z.object({ extra: z.record(z.string(), z.array(z.string())).default({}) }),
  userAgent: z.string().default(""),
  verb: z.string(),
  objectRef: z.object({ resource: z.string().default("") }).default({ resource: "" }),
  responseStatus: z.object({ code: z.number().default(0) }).default({ code: 0 }),
  requestReceivedTimestamp: z.string(),
});

/** What the host has asked for, by its user agent. */
async function requestsIn(auditLog: string): Promise<readonly Request[]> {
  const lines = (await readFile(auditLog, "utf8")).split("\n");
  lines.pop(); // "" after the last newline, or a row that is being written
  const events = lines.map((line) => AuditEvent.parse(JSON.parse(line)));
  return events.flatMap(({ user, userAgent, verb, objectRef, responseStatus, requestReceivedTimestamp }) => {
    if (!userAgent.startsWith("evenkeel/")) return [];
    const credential = user.extra[CREDENTIAL_ID]?.[0] ?? "";
    const { resource } = objectRef;
    return [{ credential, verb, resource, code: responseStatus.code, atMs: Date.parse(requestReceivedTimestamp) }];
  });
}

/** As the audit log names a token. Source: KEP-4193, the `jti` of its payload. */
function idOf(token: string): string {
  const [, payload = ""] = token.split(".");
  const claims: unknown = JSON.parse(Buffer.from(payload, "base64url").toString());
  return `JTI=${z.object({ jti: z.string() }).parse(claims).jti}`;
}

function seconds(ms: number): string {
  return `${Math.round(ms / 100) / 10} s`;
}
