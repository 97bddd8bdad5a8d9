/** The life of a host from its first request to the API server to its last: connected, started, ended by a signal. */
import { relative } from "node:path";
import type { Clock } from "../clock/clock.ts";
import { formatAddress } from "../host/addresses.ts";
import type { Address } from "../host/given-settings.ts";
import { Host } from "../host/host.ts";
import type { Program, ProgramState } from "../host/program.ts";
import type { Served } from "../host/serving.ts";
import type { Settings } from "../host/settings.ts";
import { untilAborted } from "../kube/deadline.ts";
import { Namespace } from "../kube/kind.ts";
import type { LeaseName } from "../lease/lease.ts";
import type { Logger } from "../trace/logs.ts";
import { createMetrics, type Metrics } from "../trace/metrics.ts";
import { setUpTracing, type Tracing } from "../trace/tracing.ts";
import { connect, type Connection } from "./connect.ts";
import { createDemoNamespaces, createDemoSource } from "./demo.ts";
import { findLease } from "./find-lease.ts";
import { insist } from "./insist.ts";
import { welcomeText } from "./welcome.ts";
import manifest from "../../package.json" with { type: "json" };

/** Spans that were not exported by then are lost: a dead collector must not hold up the next replica. */
const TRACING_SHUTDOWN_MS = 2_000;

interface RunOptions {
  readonly settings: Settings;
  readonly clock: Clock;
  readonly log: Logger;
  readonly program: Pick<Program, "close">;
  /** The first state of the program. */
  readonly loading: Promise<ProgramState>;
  /** Told of the host when it has the first state: what the program comes to later goes to it. */
  readonly onHost: (host: Host) => void;
}

/** Runs until a signal. @throws EvenkeelError when it cannot start, or LEASE_LOST */
export async function run({ settings, clock, log, program, loading, onHost }: RunOptions): Promise<void> {
  const { env } = process;
  const isEmbedded = settings.target.kind === "embedded";
  const cwd = process.cwd();
  let host: Host | undefined;
  const tracing = await setUpTracing({ env, serviceVersion: manifest.version, clock, log });
  const metrics = createMetrics({ version: manifest.version, spans: tracing });
  const requests = metrics.restClient();
  const connection = await connect({
    target: settings.target,
    env,
    cwd,
    clock,
    observer(request) {
      requests.answered(request);
      const { verb, path, status, durationMs: ms, code } = request;
      if (log.isOn(8)) log.debug("request", { verb, path, status, ms, code }, 8);
    },
  });
  // Keeps the process alive: everything else of ours lets it end.
  const alive = setInterval(() => {}, 2 ** 30);
  const stop = new AbortController();
  const onSignal = (): void => stop.abort(new Error("a signal asked to stop"));
  process.once("SIGTERM", onSignal).once("SIGINT", onSignal);
  // The terminal is closed, which kernel and shell may both say; a second one of the others is impatience, and ends us.
  process.on("SIGHUP", onSignal);
  const { api, server } = connection;
  const ask = { clock, server, signal: stop.signal };
  // One question before any other: a server that cannot be reached is told in one line, not in one per informer.
  const reaching = insist((signal) => api.resource(Namespace, { signal }), ask);
  // It is awaited later: until then its failure is nobody's fault.
  reaching.catch(() => {});
  try {
    const state = await untilAborted(loading, stop.signal);
    await reaching;
    // No probe is answered until it is known: which replica this is, and whether it is ready, they say of a lease.
    const lease = settings.leaderElect
      ? await insist((signal) => findLease(connection, settings, signal), ask)
      : undefined;
    if (settings.hasDemoWorld) await createDemoNamespaces(api, stop.signal);
    host = makeHost({ settings, clock, log, connection, metrics, tracing, lease });
    const lost = host.lost;
    const starting = host.start(state, stop.signal);
    onHost(host);
    await Promise.race([starting, lost]);
    if (isEmbedded) welcome({ settings, connection, served: host.served, cwd });
    else log.info("working", { server, functions: [...state.functions.keys()] });
    if (settings.hasDemoWorld) await createDemoSource(api, stop.signal);
    await Promise.race([aborted(stop.signal), lost]);
  } catch (error) {
    if (error !== stop.signal.reason) throw error;
  } finally {
    program.close();
    await host?.stop();
    await tracing.shutdown(TRACING_SHUTDOWN_MS);
    await connection.close();
    clearInterval(alive);
  }
}

interface Parts extends Pick<RunOptions, "settings" | "clock" | "log"> {
  readonly connection: Connection;
  readonly metrics: Metrics;
  readonly tracing: Tracing;
  readonly lease: LeaseName | undefined;
}

function makeHost({ connection: { api, reviews }, ...parts }: Parts): Host {
  const { settings, log } = parts;
  const isEmbedded = settings.target.kind === "embedded";
  return new Host({
    ...parts,
    api,
    reviews,
    version: manifest.version,
    isVerifying: isEmbedded,
    // The welcome says it too, and nicer.
    ...(!isEmbedded && { onServing: (served) => log.info("serving", urls(served)) }),
  });
}

interface Welcome {
  readonly settings: Settings;
  readonly connection: Connection;
  readonly served: Served | undefined;
  readonly cwd: string;
}

function welcome({ settings, connection, served, cwd }: Welcome): void {
  const near = (path: string): string => (relative(cwd, path).startsWith("..") ? path : relative(cwd, path));
  const { address: health = "", status, metrics } = served === undefined ? {} : urls(served);
  const { server, kubeconfig } = connection;
  const functions = near(settings.functionsDir);
  process.stdout.write(
    welcomeText({ version: manifest.version, server, kubeconfig, functions, health, status, metrics }),
  );
}

/** Where everything is. */
function urls({ health, status, metrics, isMetricsSecure }: Served) {
  return {
    address: baseUrl(health),
    status: status && baseUrl(status),
    metrics: metrics && `${baseUrl(metrics, isMetricsSecure ? "https" : "http")}/metrics`,
  };
}

/** Where a browser on this machine finds the endpoints. */
function baseUrl({ host, port }: Address, scheme = "http"): string {
  return `${scheme}://${formatAddress({ host: host === "" ? "127.0.0.1" : host, port })}`;
}

function aborted(signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  if (signal.aborted) resolve();
  signal.addEventListener("abort", () => resolve());
  return promise;
}
