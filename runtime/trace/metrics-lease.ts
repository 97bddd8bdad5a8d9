/** leader_election_*: whether this replica leads. */
import { Gauge, type Registry } from "./prom-client.ts";

export interface LeaseMetrics {
  leading(isLeader: boolean): void;
}

export function createLeaseMetrics(registry: Registry): (name: string) => LeaseMetrics {
  const status = new Gauge({
    name: "leader_election_master_status",
    help: "1 while this replica holds the lease, 0 otherwise.",
    labelNames: ["name"],
    registers: [registry],
  });
  return (name) => {
    status.set({ name }, 0);
    return { leading: (isLeader) => status.set({ name }, isLeader ? 1 : 0) };
  };
}
