/** The flags of `start` and the `EVENKEEL_…` variables that stand in for them. */
import type { Address, GivenSettings } from "../host/given-settings.ts";
import { defaults } from "../host/settings.ts";

export interface Flag {
  readonly key: keyof GivenSettings | "help" | "version";
  /** `--leader-elect`; the one-letter flag is `-v`. */
  readonly flag: string;
  readonly short?: string;
  readonly variable?: string;
  /** What to write for the value. Absent: the flag is on or off. */
  readonly value?: string;
  /** What it does, and its default: for the help text. */
  readonly says: string;
}

/** In the order of the help text. */
export const flags: readonly Flag[] = [
  {
    key: "kubeconfig",
    flag: "--kubeconfig",
    variable: "EVENKEEL_KUBECONFIG",
    value: "FILE",
    says: "run against the cluster that this kubeconfig names",
  },
  {
    key: "context",
    flag: "--context",
    variable: "EVENKEEL_CONTEXT",
    value: "NAME",
    says: "run against this context of the kubeconfig",
  },
  {
    key: "config",
    flag: "--config",
    variable: "EVENKEEL_CONFIG",
    value: "FILE",
    says: `configuration (default: ${defaults.configFile}, where there is one)`,
  },
  {
    key: "functions",
    flag: "--functions",
    variable: "EVENKEEL_FUNCTIONS",
    value: "DIR",
    says: "folder of the functions (default: functions/ of the package)",
  },
  {
    key: "address",
    flag: "--address",
    variable: "EVENKEEL_ADDRESS",
    value: "HOST:PORT",
    says: `health (default: ${show(defaults.address)}; in a pod ${show(defaults.addressInPod)})`,
  },
  {
    key: "statusAddress",
    flag: "--status-address",
    variable: "EVENKEEL_STATUS_ADDRESS",
    value: "HOST:PORT",
    says: `status page; 0: off (default: --address or ${show(defaults.local)})`,
  },
  {
    key: "metricsAddress",
    flag: "--metrics-address",
    variable: "EVENKEEL_METRICS_ADDRESS",
    value: "HOST:PORT",
    says: `metrics; 0: off (default: with status; in a pod ${show(defaults.metricsInPod)} with TLS)`,
  },
  {
    key: "metricsCert",
    flag: "--metrics-cert",
    variable: "EVENKEEL_METRICS_CERT",
    value: "FILE",
    says: "certificate of metrics beyond loopback (default: one is made)",
  },
  {
    key: "metricsKey",
    flag: "--metrics-key",
    variable: "EVENKEEL_METRICS_KEY",
    value: "FILE",
    says: "and its private key",
  },
  {
    key: "leaderElect",
    flag: "--leader-elect",
    variable: "EVENKEEL_LEADER_ELECT",
    says: "only one replica works at a time (default: on for clusters)",
  },
  {
    key: "leaseNamespace",
    flag: "--lease-namespace",
    variable: "EVENKEEL_LEASE_NAMESPACE",
    value: "NAMESPACE",
    says: "where its Lease is (default: where there is one, or its own)",
  },
  {
    key: "identity",
    flag: "--identity",
    variable: "EVENKEEL_IDENTITY",
    value: "NAME",
    says: "name of this replica in the Lease (default: host name and UUID)",
  },
  {
    key: "concurrency",
    flag: "--concurrency",
    variable: "EVENKEEL_CONCURRENCY",
    value: "N",
    says: `keys of a function at the same time, 1 to 1000 (default: ${defaults.concurrency})`,
  },
  {
    key: "empty",
    flag: "--empty",
    variable: "EVENKEEL_EMPTY",
    says: "start the embedded API server without the demo world",
  },
  {
    key: "traceLink",
    flag: "--trace-link",
    variable: "EVENKEEL_TRACE_LINK",
    value: "URL",
    says: "page of a trace, {traceId} in it, for links on the status page",
  },
  {
    key: "verbosity",
    flag: "-v",
    short: "v",
    variable: "EVENKEEL_V",
    value: "LEVEL",
    says: `what is logged: 0 news, 4 reconciles, 8 requests (default: ${defaults.verbosity})`,
  },
  { key: "help", flag: "--help", short: "h", says: "print this and exit" },
  { key: "version", flag: "--version", says: "print name and version and exit" },
];

function show({ host, port }: Address): string {
  return `${host}:${port}`;
}
