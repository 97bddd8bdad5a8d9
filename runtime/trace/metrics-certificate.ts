/** certwatcher_*: reads of the certificate that /metrics is served with. */
import { Counter, type Registry } from "./prom-client.ts";

/** Source: controller-runtime pkg/certwatcher/metrics (0.25), where they are there without a certificate, too. */
export function createCertificateMetrics(registry: Registry): (isGood: boolean) => void {
  const registers = [registry];
  const reads = new Counter({
    name: "certwatcher_read_certificate_total",
    help: "Total number of certificate reads",
    registers,
  });
  const errors = new Counter({
    name: "certwatcher_read_certificate_errors_total",
    help: "Total number of certificate read errors",
    registers,
  });
  return (isGood) => {
    reads.inc();
    if (!isGood) errors.inc();
  };
}
