/**
 * The metrics page. Names, types, labels and buckets are those of controller-runtime and client-go, so that a Grafana board
 * made for a Go controller works unchanged; `evenkeel_*` is what they have no name for. Each concern gets an observer of its
 * own, and closing the observer takes its series off the page.
 *
 * Sources: controller-runtime pkg/internal/controller/metrics, pkg/metrics (0.25); client-go tools/metrics.
 */
import { Registry } from "./prom-client.ts";
import { createCertificateMetrics } from "./metrics-certificate.ts";
import { createClientMetrics, type ClientMetrics } from "./metrics-client.ts";
import { createControllerMetrics, type ControllerMetrics } from "./metrics-controller.ts";
import { createFunctionMetrics, type FunctionMetrics } from "./metrics-function.ts";
import { createInformerMetrics, type InformerGauges, type InformerMetrics } from "./metrics-informer.ts";
import { createLeaseMetrics, type LeaseMetrics } from "./metrics-lease.ts";
import { createProcessMetrics, type SpanCounts } from "./metrics-process.ts";
import { createWorkqueueMetrics, type WorkqueueMetrics } from "./metrics-workqueue.ts";

export interface Metrics {
  /** Of one function. Its series are there, at zero, from this call on: dashboards fill their menus from them. */
  controller(name: string): ControllerMetrics;
  /** Of one function's cell. */
  function(name: string): FunctionMetrics;
  /** Of one function's queue. */
  workqueue(name: string): WorkqueueMetrics;
  /** Of one informer, named by its query as printed by formatQuery. */
  informer(name: string, gauges: InformerGauges): InformerMetrics;
  restClient(): ClientMetrics;
  lease(name: string): LeaseMetrics;
  /** The certificate of /metrics was read from its files, or could not be. */
  certificateRead(isGood: boolean): void;
  functionsLoaded(count: number): void;
  /** How much of what the files say is not in force. */
  problems(count: number): void;
  /** For the response header. */
  readonly contentType: string;
  /** The page, in the Prometheus text format. */
  text(): Promise<string>;
}

interface MetricsOptions {
  /** evenkeel's own. */
  readonly version: string;
  /** Read at each scrape. */
  readonly spans?: SpanCounts;
}

export function createMetrics({ version, spans }: MetricsOptions): Metrics {
  const registry = new Registry();
  const process = createProcessMetrics(registry, version, spans);
  const restClient = createClientMetrics(registry);
  return {
    controller: createControllerMetrics(registry),
    function: createFunctionMetrics(registry),
    workqueue: createWorkqueueMetrics(registry),
    informer: createInformerMetrics(registry),
    lease: createLeaseMetrics(registry),
    certificateRead: createCertificateMetrics(registry),
    restClient: () => restClient,
    functionsLoaded: (count) => process.functionsLoaded(count),
    problems: (count) => process.problems(count),
    contentType: registry.contentType,
    text: () => registry.metrics(),
  };
}
