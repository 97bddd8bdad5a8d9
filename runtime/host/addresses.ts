/**
 * Which endpoints listen where. Health where it is asked for; the status page and the traces on loopback unless another
 * address is asked for; /metrics plain on loopback, and anywhere else with TLS, for those alone whom the API server lets.
 */
import { EvenkeelError } from "../kube/errors.ts";
import type { Address, Given, GivenSettings, Target } from "./given-settings.ts";
import { isLoopbackHost } from "./loopback.ts";
import type { CertificateFiles } from "./serving-certificate.ts";

export interface Addresses {
  /** Of the health endpoints. */
  readonly address: Address;
  /** Whether it was asked for: a default that is taken may give way to another port. */
  readonly isAddressGiven: boolean;
  /** Of the status page and the traces; undefined: off. */
  readonly statusAddress: Address | undefined;
  readonly isStatusAddressGiven: boolean;
  /** Of /metrics; undefined: off. */
  readonly metricsAddress: Address | undefined;
  readonly isMetricsAddressGiven: boolean;
  /** For /metrics, where it is served with TLS; undefined: one is made. */
  readonly certificate: CertificateFiles | undefined;
}

export const defaultAddresses = {
  /** Loopback: the endpoints tell what is in the cluster. In a pod the kubelet must reach them. */
  address: { host: "127.0.0.1", port: 8080 },
  addressInPod: { host: "", port: 8080 },
  /** Where `address` is not loopback. `kubectl port-forward` reaches it, for those who may. */
  local: { host: "127.0.0.1", port: 8081 },
  metricsInPod: { host: "", port: 8443 },
} as const;

/** @throws EvenkeelError FLAG_INVALID for values that do not go together */
export function addressesFrom(
  given: GivenSettings,
  target: Target,
  namedFile: (file: Given<string>) => string,
): Addresses {
  const isInPod = target.kind === "in-cluster";
  const address = given.address?.value ?? (isInPod ? defaultAddresses.addressInPod : defaultAddresses.address);
  const local = isLoopbackHost(address.host) ? address : defaultAddresses.local;
  const statusAddress = orOff(given.statusAddress?.value ?? local);
  // With the page, unless that is where they would have TLS.
  const withPage = statusAddress !== undefined && isLoopbackHost(statusAddress.host) ? statusAddress : local;
  const metricsAddress = orOff(given.metricsAddress?.value ?? (isInPod ? defaultAddresses.metricsInPod : withPage));
  const isSecure = metricsAddress !== undefined && !isLoopbackHost(metricsAddress.host);
  const from = given.metricsAddress?.from ?? "--metrics-address";
  if (isSecure && target.kind === "embedded")
    refuse(`${from}: beyond loopback a cluster has to say who may read /metrics, and the embedded API server does not`);
  if (isSecure && [address, statusAddress].some((other) => other !== undefined && isSameAddress(other, metricsAddress)))
    refuse(`${from}: /metrics is served with TLS there and needs a port of its own`);
  return {
    address,
    // A pod's ports stand in its probes and in scrape configurations: nobody would look at another.
    isAddressGiven: given.address !== undefined || isInPod,
    statusAddress,
    isStatusAddressGiven: given.statusAddress !== undefined,
    metricsAddress,
    isMetricsAddressGiven: given.metricsAddress !== undefined || isInPod,
    certificate: certificateFrom(given, isSecure, namedFile),
  };
}

export function isSameAddress(a: Address, b: Address): boolean {
  return a.host === b.host && a.port === b.port;
}

/** Whether a listener on the one may keep another from the other. */
export function mayOverlap(a: Address, b: Address): boolean {
  const hosts = [a.host, b.host];
  const isEverywhere = hosts.some((host) => ["", "0.0.0.0", "::"].includes(host));
  return a.port === b.port && (isEverywhere || (hosts.includes("localhost") && hosts.every(isLoopbackHost)));
}

/** As on the command line. */
export function formatAddress({ host, port }: Address): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

function orOff(value: Address | "off"): Address | undefined {
  return value === "off" ? undefined : value;
}

function certificateFrom(
  { metricsCert: cert, metricsKey: key }: GivenSettings,
  isSecure: boolean,
  namedFile: (file: Given<string>) => string,
): CertificateFiles | undefined {
  const one = cert ?? key;
  if (one === undefined) return undefined;
  if (cert === undefined || key === undefined)
    return refuse(`${one.from} alone: a certificate and its private key are given together`);
  if (!isSecure) refuse(`${one.from}: nothing is served with TLS; it is for a --metrics-address beyond loopback`);
  return { certFile: namedFile(cert), keyFile: namedFile(key) };
}

function refuse(what: string): never {
  throw new EvenkeelError("FLAG_INVALID", what);
}
