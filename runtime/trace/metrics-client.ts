/** rest_client_*: what the API server answered. */
import { Counter, Histogram, type Registry } from "./prom-client.ts";

interface RestObservation {
  /** The HTTP status; absent when there was no answer. */
  readonly status?: number | undefined;
  readonly method: string;
  /** Host and port of the API server. */
  readonly host: string;
  /** Until the answer was complete; of a watch, until it began. */
  readonly durationMs: number;
}

export interface ClientMetrics {
  answered(observation: RestObservation): void;
}

/** Source: controller-runtime pkg/metrics/client_go_adapter.go */
const SECONDS = [0.005, 0.025, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60];

export function createClientMetrics(registry: Registry): ClientMetrics {
  const requests = new Counter({
    name: "rest_client_requests_total",
    help: "Requests to the API server, by status code and method.",
    labelNames: ["code", "method", "host"],
    registers: [registry],
  });
  const seconds = new Histogram({
    name: "rest_client_request_duration_seconds",
    help: "From request to complete answer, by verb; of a watch, until it began.",
    labelNames: ["verb", "host"],
    buckets: SECONDS,
    registers: [registry],
  });
  return {
    answered({ status, method, host, durationMs }) {
      // client-go writes `<error>` where there was no answer.
      requests.inc({ code: status === undefined ? "<error>" : `${status}`, method, host });
      seconds.observe({ verb: method, host }, durationMs / 1000);
    },
  };
}
