/** What the user gave, before it is checked against each other and the file system: see settings.ts. */
import type { TraceLink } from "./trace-link.ts";

/** Which API server. A plain start in no pod never looks at a kubeconfig. */
export type Target =
  | { readonly kind: "embedded" }
  /** Without `file` the default one: `KUBECONFIG` or `~/.kube/config`. Without `context` its current one. */
  | { readonly kind: "kubeconfig"; readonly file: string | undefined; readonly context: string | undefined }
  | { readonly kind: "in-cluster" };

export interface Address {
  /** Empty: every interface. */
  readonly host: string;
  /** 0 stands for a free one. */
  readonly port: number;
}

/** A value and the flag or variable it came from, for messages. */
export interface Given<T> {
  readonly value: T;
  /** `--config`, `EVENKEEL_CONFIG` */
  readonly from: string;
}

/** What the user gave, each value valid on its own. */
export interface GivenSettings {
  readonly kubeconfig?: Given<string> | undefined;
  readonly context?: Given<string> | undefined;
  readonly config?: Given<string> | undefined;
  readonly functions?: Given<string> | undefined;
  readonly address?: Given<Address> | undefined;
  readonly statusAddress?: Given<Address | "off"> | undefined;
  readonly metricsAddress?: Given<Address | "off"> | undefined;
  readonly metricsCert?: Given<string> | undefined;
  readonly metricsKey?: Given<string> | undefined;
  readonly leaderElect?: Given<boolean> | undefined;
  readonly leaseNamespace?: Given<string> | undefined;
  readonly identity?: Given<string> | undefined;
  readonly concurrency?: Given<number> | undefined;
  readonly empty?: Given<boolean> | undefined;
  readonly traceLink?: Given<TraceLink> | undefined;
  readonly verbosity?: Given<number> | undefined;
}
