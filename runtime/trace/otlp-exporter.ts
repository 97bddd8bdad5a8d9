/** The OTLP exporter that `OTEL_EXPORTER_OTLP_PROTOCOL` names. It reads everything else about itself from the environment. */
import type { SpanExporter } from "@opentelemetry/sdk-trace";

const exporters = {
  "http/protobuf": () => import("@opentelemetry/exporter-trace-otlp-proto"),
  "http/json": () => import("@opentelemetry/exporter-trace-otlp-http"),
  grpc: () => import("@opentelemetry/exporter-trace-otlp-grpc"),
} as const;

/** What the specification asks for where nothing is set. Source: OpenTelemetry Protocol Exporter, "Specify Protocol". */
const DEFAULT = "http/protobuf";

/**
 * @param complain is told about a protocol that there is not, in one sentence; the default is then in force.
 * @returns what makes the exporter, from `process.env` as it is then.
 */
export async function otlpExporter(
  env: NodeJS.ProcessEnv,
  complain: (sentence: string) => void,
): Promise<() => SpanExporter> {
  const names = ["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"];
  const name = names.find((each) => (env[each] ?? "").trim() !== "");
  const protocol = name === undefined ? DEFAULT : (env[name] ?? "").trim();
  if (!isKnown(protocol)) complain(`${name}=${protocol} is not a known protocol; ${DEFAULT} is used`);
  const { OTLPTraceExporter } = await exporters[isKnown(protocol) ? protocol : DEFAULT]();
  return () => new OTLPTraceExporter();
}

function isKnown(protocol: string): protocol is keyof typeof exporters {
  return Object.hasOwn(exporters, protocol);
}
