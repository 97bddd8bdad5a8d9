/**
 * Sets tracing up, once per process. Spans are always made and the recent traces always work; they are exported only when
 * the standard `OTEL_*` variables ask for it. A collector that is slow, wrong or dead costs log lines, never a reconcile.
 */
import { context, ProxyTracerProvider, trace, type Tracer } from "@opentelemetry/api";
import type { ReadableSpan, TracerProvider } from "@opentelemetry/sdk-trace";
import { sleep, type Clock } from "../clock/clock.ts";
import { Delivery, GRACE_MS } from "./delivery.ts";
import { Diagnostics } from "./diagnostics.ts";
import { otlpExporter } from "./otlp-exporter.ts";
import { MemoryTracer, type Sampling } from "./memory-tracer.ts";
import { RecentTraces } from "./recent.ts";
import type { ReconcileTracer } from "./reconcile-trace.ts";
import { createReconcileTracer } from "./reconcile-tracer.ts";

export interface Tracing {
  readonly reconciles: ReconcileTracer;
  readonly recent: RecentTraces;
  /** Spans that no collector took: the queue was full, their export failed, they were refused, or given up at the end. */
  readonly droppedSpanCount: number;
  readonly exportErrorCount: number;
  /**
   * Sends what is queued to a collector that answers, for at most `limitMs`; one that does not is waited for a quarter
   * of a second, or up to half a one where it was slow before. Says in one line what was lost. Never rejects.
   */
  shutdown(limitMs: number): Promise<void>;
}

interface TracingOptions {
  /** `process.env`: other values hold for the set-up only, and an exporter may read some of them again later. */
  readonly env: NodeJS.ProcessEnv;
  readonly serviceVersion: string;
  readonly clock: Clock;
  readonly log: { info(message: string, fields: Readonly<Record<string, string | number>>): void };
}

const endpointNames = ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"] as const;

interface Export {
  readonly tracer: Tracer;
  /** Undefined for exporters that the SDK makes itself: nothing is known of what becomes of their spans. */
  readonly delivery: Delivery | undefined;
  stop(): Promise<void>;
}

/**
 * To be called once per process, before the first reconcile. What the `OTEL_*` variables ask for and cannot be had is
 * told in a log line; the recent traces work all the same.
 */
export async function setUpTracing({ env, serviceVersion, clock, log }: TracingOptions): Promise<Tracing> {
  const diagnostics = new Diagnostics(clock, (message, fields) => log.info(message, fields));
  const recent = new RecentTraces();
  const exported = asksForExport(env) ? await startExport({ env, serviceVersion, clock, diagnostics }) : undefined;
  const tracer = exported?.tracer ?? new MemoryTracer(clock, await samplingFor(env, diagnostics));
  return {
    reconciles: createReconcileTracer(tracer, clock, (finished) => recent.add(finished)),
    recent,
    get droppedSpanCount() {
      return diagnostics.droppedSpanCount + (exported?.delivery?.lostSpanCount ?? 0);
    },
    get exportErrorCount() {
      return diagnostics.exportErrorCount;
    },
    async shutdown(limitMs) {
      if (exported !== undefined) await endExport(exported, { clock, log, limitMs });
    },
  };
}

/** Imported where one is asked for: the samplers come with much of the SDK. */
async function samplingFor(env: NodeJS.ProcessEnv, diagnostics: Diagnostics): Promise<Sampling | undefined> {
  if (!isSet(env["OTEL_TRACES_SAMPLER"])) return undefined;
  const { samplerFor, samplingBy } = await import("./sampler.ts");
  return samplingBy(samplerFor(env, (sentence) => diagnostics.complain(sentence)));
}

async function endExport(
  exported: Export,
  { clock, log, limitMs }: Pick<TracingOptions, "clock" | "log"> & { readonly limitMs: number },
): Promise<void> {
  const { delivery } = exported;
  const stop = (): Promise<void> => exported.stop();
  if (delivery === undefined) {
    await Promise.race([stop(), sleep(clock, Math.min(limitMs, GRACE_MS))]);
    return;
  }
  const before = delivery.lostSpanCount;
  const why = await delivery.end(stop, limitMs);
  if (why !== undefined)
    log.info("last spans not delivered", { droppedSpanCount: delivery.lostSpanCount - before, why });
}

/**
 * The SDK itself would export to localhost when nothing is set; evenkeel sends nothing that nobody asked for.
 * Source: OpenTelemetry specification, "Environment Variable Specification".
 */
export function asksForExport(env: NodeJS.ProcessEnv): boolean {
  if (env["OTEL_SDK_DISABLED"]?.trim().toLowerCase() === "true") return false;
  const exporters = list(env["OTEL_TRACES_EXPORTER"]);
  if (exporters.length > 0) return !exporters.includes("none");
  return endpointNames.some((name) => isSet(env[name]));
}

/** Several exporters, and those for people who debug, are the SDK's own affair. */
function isPlainOtlp(env: NodeJS.ProcessEnv): boolean {
  return list(env["OTEL_TRACES_EXPORTER"]).every((name) => name === "otlp");
}

/** NodeSDK reads its settings from the environment alone, so our defaults are put there for as long as it looks. */
async function startExport({
  env,
  serviceVersion,
  clock,
  diagnostics,
}: Pick<TracingOptions, "env" | "serviceVersion" | "clock"> & {
  readonly diagnostics: Diagnostics;
}): Promise<Export | undefined> {
  const bad = endpointNames.find((name) => isSet(env[name]) && !URL.canParse(env[name] ?? ""));
  if (bad !== undefined) {
    // The SDK would send to localhost instead.
    diagnostics.complain(`${bad}=${env[bad]} is not a URL; traces are not exported`);
    return undefined;
  }
  const entry = list(env["OTEL_RESOURCE_ATTRIBUTES"]).findIndex((pair) => !isAttribute(pair));
  if (entry !== -1) {
    // The SDK would leave out all of them, ours too, and say nothing. A value may be nobody's business.
    const rule = `NAME=VALUE, of 255 characters at most, with %2C for "," and %3D for "="`;
    diagnostics.complain(`OTEL_RESOURCE_ATTRIBUTES is left out: its entry ${entry + 1} is not ${rule}`);
    return startExport({ env: { ...env, OTEL_RESOURCE_ATTRIBUTES: "" }, serviceVersion, clock, diagnostics });
  }
  // Imported here because it costs 0.2 to 0.6 s and 10 MB.
  const { NodeSDK } = await import("@opentelemetry/sdk-node");
  const { TracerProvider: TracerProviderOfSdk } = await import("@opentelemetry/sdk-trace");
  const { samplerFor } = await import("./sampler.ts");
  const sampler = samplerFor(env, (sentence) => diagnostics.complain(sentence));
  diagnostics.listen();
  try {
    const makeExporter = isPlainOtlp(env)
      ? await otlpExporter(env, (sentence) => diagnostics.complain(sentence))
      : undefined;
    const exported = underEnvironment(exportEnvironment(env, serviceVersion), (): Export => {
      const delivery = makeExporter && new Delivery(makeExporter(), clock, () => diagnostics.isAnsweredByPage);
      const sdk = new NodeSDK({ sampler, textMapPropagator: null, ...(delivery && { traceExporter: delivery }) });
      sdk.start();
      const provider = registeredProvider(TracerProviderOfSdk);
      if (provider === undefined) throw new Error("no exporter is left");
      return { tracer: provider.getTracer("evenkeel", serviceVersion), delivery, stop: () => stop(sdk) };
    });
    await describeProcess(exported.tracer);
    diagnostics.settled();
    return exported;
  } catch (error) {
    diagnostics.complain(`traces are not exported: ${error instanceof Error ? error.message : String(error)}`);
    return undefined;
  }
}

/** The id of the machine is read in the background, and an export waits for it: done now, the last one never has to. */
async function describeProcess(tracer: Tracer): Promise<void> {
  // Never ended, and so never exported.
  const span = tracer.startSpan("resource");
  if ("resource" in span) await (span as ReadableSpan & typeof span).resource.waitForAsyncAttributes?.();
}

/** NodeSDK registers a provider for the whole process, and none when no exporter could be set up. */
function registeredProvider(ofSdk: typeof TracerProvider): TracerProvider | undefined {
  const registered = trace.getTracerProvider();
  const provider = registered instanceof ProxyTracerProvider ? registered.getDelegate() : registered;
  return provider instanceof ofSdk ? provider : undefined;
}

async function stop(sdk: { shutdown(): Promise<void> }): Promise<void> {
  const stopped = sdk.shutdown();
  trace.disable();
  context.disable();
  // A rejection means that spans were lost; nothing can be done about it any more.
  await stopped.catch(() => {});
}

/** The user's `OTEL_*` variables over ours. */
export function exportEnvironment(env: NodeJS.ProcessEnv, serviceVersion: string): NodeJS.ProcessEnv {
  const settings: NodeJS.ProcessEnv = {
    // The default of 2 048 overflows in any burst: one relist makes more spans between two exports.
    OTEL_BSP_MAX_QUEUE_SIZE: "16384",
    // An exporter refuses more than 30 batches at a time: a full queue must be fewer.
    OTEL_BSP_MAX_EXPORT_BATCH_SIZE: "1024",
    // evenkeel's metrics are scraped and its logs are on stdout.
    OTEL_METRICS_EXPORTER: "none",
    OTEL_LOGS_EXPORTER: "none",
    // Not `process`: command line and owner are nobody's business. Not `os`: it says nothing about a pod.
    OTEL_NODE_RESOURCE_DETECTORS: "env,host,serviceinstance",
  };
  for (const [name, value] of Object.entries(env)) if (name.startsWith("OTEL_") && isSet(value)) settings[name] = value;
  // Its console logger would take the place of ours.
  delete settings["OTEL_LOG_LEVEL"];
  const given = list(settings["OTEL_RESOURCE_ATTRIBUTES"]);
  if (!given.some((pair) => pair.startsWith("service.name="))) settings["OTEL_SERVICE_NAME"] ??= "evenkeel";
  if (!given.some((pair) => pair.startsWith("service.version="))) given.push(`service.version=${serviceVersion}`);
  settings["OTEL_RESOURCE_ATTRIBUTES"] = given.join(",");
  return settings;
}

/** Source: @opentelemetry/resources, ResourceAttributesEnvDetector. */
function isAttribute(pair: string): boolean {
  const [name = "", value, ...more] = pair.split("=").map((part) => part.trim());
  if (name === "" || value === undefined || more.length > 0) return false;
  try {
    return [name, value].every((part) => decodeURIComponent(part).length <= 255);
  } catch {
    return false;
  }
}

/** Runs `build`, which must be synchronous, with exactly these `OTEL_*` variables in process.env. */
function underEnvironment<T>(settings: NodeJS.ProcessEnv, build: () => T): T {
  const before = Object.entries(process.env).filter(([name]) => name.startsWith("OTEL_"));
  clearEnvironment();
  Object.assign(process.env, settings);
  try {
    return build();
  } finally {
    clearEnvironment();
    Object.assign(process.env, Object.fromEntries(before));
  }
}

function clearEnvironment(): void {
  for (const name of Object.keys(process.env)) if (name.startsWith("OTEL_")) delete process.env[name];
}

function isSet(value: string | undefined): boolean {
  return value !== undefined && value.trim() !== "";
}

function list(value: string | undefined): string[] {
  return (value ?? "").split(",").flatMap((part) => (isSet(part) ? [part.trim()] : []));
}
