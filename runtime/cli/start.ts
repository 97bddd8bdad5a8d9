/** `npm start`: connects, starts the host, and ends it on a signal. */
import { relative } from "node:path";
import { systemClock } from "../clock/clock.ts";
import { Host } from "../host/host.ts";
import { suspensionReporter } from "../host/observers.ts";
import { Program, type ProgramState } from "../host/program.ts";
import type { Address } from "../host/addresses.ts";
import { openWorker } from "../reconcile/cell/worker-cell.ts";
import type { Served } from "../host/serving.ts";
import type { Settings } from "../host/settings.ts";
import { createLogger } from "../trace/logs.ts";
import { createMetrics } from "../trace/metrics.ts";
import { setUpTracing } from "../trace/tracing.ts";
import { connect, type Connection } from "./connect.ts";
import { createDemoNamespaces, createDemoSource, demoConfig } from "./demo.ts";
import { newsOf } from "./news.ts";
import manifest from "../../package.json" with { type: "json" };

/** Spans that were not exported by then are lost: a dead collector must not hold up the next replica. */
const TRACING_SHUTDOWN_MS = 2_000;

/** Runs until a signal. @throws EvenkeelError when it cannot start, or LEASE_LOST */
export async function start(settings: Settings): Promise<void> {
  const clock = systemClock;
  const { env } = process;
  const isEmbedded = settings.target.kind === "embedded";
  const cwd = process.cwd();
  const log = createLogger({
    stream: process.stdout,
    clock,
    env,
    verbosity: settings.verbosity,
    format: isEmbedded ? "text" : "auto",
  });
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
      if (log.isOn(8))
        log.debug(
          "request",
          {
            verb: request.verb,
            path: request.path,
            status: request.status,
            ms: request.durationMs,
            code: request.code,
          },
          8,
        );
    },
  });
  let current: ProgramState | undefined;
  const takeIn = async (state: ProgramState): Promise<void> => {
    const news = current === undefined ? [] : newsOf(current, state);
    current = state;
    await host.apply(state);
    for (const { message, names } of news) log.info(message, { names });
  };
  const program = new Program({
    functionsDir: settings.functionsDir,
    configFile: settings.configFile,
    builtInConfig: isEmbedded ? demoConfig : () => "",
    clock,
    open: openWorker(clock, suspensionReporter(log)),
    onChange: (state) => void takeIn(state),
    onRefused: (error) => log.info("not taken in; what was good goes on", { error }),
  });
  const host = new Host({
    settings,
    api: connection.api,
    reviews: connection.reviews,
    clock,
    log,
    metrics,
    tracing,
    version: manifest.version,
    lease: settings.leaderElect ? { namespace: connection.namespace, name: "evenkeel" } : undefined,
    isVerifying: isEmbedded,
    // The welcome says it too, and nicer.
    ...(!isEmbedded && { onServing: (served) => log.info("serving", urls(served)) }),
  });
  const stop = new AbortController();
  const onSignal = (): void => stop.abort(new Error("a signal asked to stop"));
  process.once("SIGTERM", onSignal).once("SIGINT", onSignal);
  try {
    const state = await program.start();
    current = state;
    await reach(connection);
    if (settings.hasDemoWorld) await createDemoNamespaces(connection.api);
    const lost = host.lost;
    await Promise.race([host.start(state, stop.signal), lost]);
    if (isEmbedded) welcome({ settings, connection, served: host.served, cwd });
    else log.info("working", { server: connection.server, functions: [...state.functions.keys()] });
    if (settings.hasDemoWorld) await createDemoSource(connection.api);
    await Promise.race([untilAborted(stop.signal), lost]);
  } catch (error) {
    if (error !== stop.signal.reason) throw error;
  } finally {
    program.close();
    await host.stop();
    await tracing.shutdown(TRACING_SHUTDOWN_MS);
    await connection.close();
  }
}

/** One question before anything else: a server that cannot be reached is told in one line, not in one per informer. */
async function reach({ api }: Connection): Promise<void> {
  await api.resource({ apiVersion: "v1", kind: "Namespace" }, { deadlineMs: 10_000 });
}

interface Welcome {
  readonly settings: Settings;
  readonly connection: Connection;
  readonly served: Served | undefined;
  readonly cwd: string;
}

function welcome({ settings, connection, served, cwd }: Welcome): void {
  const near = (path: string): string => (relative(cwd, path).startsWith("..") ? path : relative(cwd, path));
  const { address = "", status, metrics } = served === undefined ? {} : urls(served);
  process.stdout.write(`
evenkeel ${manifest.version} works on an embedded API server at ${connection.server}. Three things to try next:

  kubectl    export KUBECONFIG=${connection.kubeconfig}; kubectl get configmaps -A
  status     ${status ?? `${address}/readyz?verbose`}   ${metrics ?? ""}
  functions  drop a file into ${near(settings.functionsDir)}/, or change one: it is loaded at once

`);
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
  const name = host === "" ? "127.0.0.1" : host;
  return `${scheme}://${name.includes(":") ? `[${name}]` : name}:${port}`;
}

function untilAborted(signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  if (signal.aborted) resolve();
  // A timer that keeps the process alive: everything else of ours lets it end.
  const alive = setInterval(() => {}, 2 ** 30);
  signal.addEventListener("abort", () => {
    clearInterval(alive);
    resolve();
  });
  return promise;
}
