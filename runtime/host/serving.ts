/** The endpoints on their addresses: those that share one share a listener. */
import type { Clock } from "../clock/clock.ts";
import { EvenkeelError, systemCode } from "../kube/errors.ts";
import type { Reviews } from "../kube/reviews.ts";
import { asLogged, type Logger } from "../trace/logs.ts";
import type { Metrics } from "../trace/metrics.ts";
import type { RecentTraces } from "../trace/recent.ts";
import { formatAddress, isSameAddress, mayOverlap, type Addresses } from "./addresses.ts";
import type { Address } from "./given-settings.ts";
import { createEndpoints, type MetricsEndpoint, type StatusEndpoint } from "./endpoints.ts";
import type { Checks } from "./health.ts";
import { listen, type Listener } from "./listener.ts";
import { isLoopbackHost } from "./loopback.ts";
import { MetricsAccess } from "./metrics-access.ts";
import { Live } from "./page/live.ts";
import { ServingCertificate } from "./serving-certificate.ts";
import type { StatusSource } from "./status.ts";

interface ServingOptions {
  readonly addresses: Addresses;
  readonly livez: Checks;
  readonly readyz: Checks;
  readonly metrics: Pick<Metrics, "text" | "contentType" | "certificateRead">;
  readonly status: StatusSource;
  readonly recent: RecentTraces;
  readonly reviews: Pick<Reviews, "authenticate" | "mayGet">;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Where they answer, with the ports that were really taken. */
export interface Served {
  readonly health: Address;
  readonly status: Address | undefined;
  readonly metrics: Address | undefined;
  readonly isMetricsSecure: boolean;
}

export interface Serving {
  readonly served: Served;
  close(): Promise<void>;
}

/** @throws EvenkeelError FLAG_INVALID, FILE_NOT_FOUND; nothing listens then */
export async function serve(options: ServingOptions): Promise<Serving> {
  const { addresses, clock } = options;
  const { address, statusAddress, metricsAddress } = addresses;
  const isMetricsSecure = metricsAddress !== undefined && !isLoopbackHost(metricsAddress.host);
  const live = new Live({ source: options.status, clock });
  const certificate = isMetricsSecure ? await certificateOf(options) : undefined;
  const status: StatusEndpoint = { source: options.status, recent: options.recent, live };
  const metrics: MetricsEndpoint = { page: options.metrics, access: isMetricsSecure ? accessOf(options) : undefined };

  const listeners: { readonly asked: Address; readonly flag: string; readonly listener: Listener }[] = [];
  const close = async (): Promise<void> => {
    live.close();
    certificate?.close();
    await Promise.all(listeners.map(({ listener }) => listener.close()));
  };
  const find = (asked: Address | undefined): Address | undefined =>
    asked && listeners.find((each) => isSameAddress(each.asked, asked))?.listener.address;
  const open = async (asked: Address | undefined, flag: string, isGiven: boolean): Promise<void> => {
    if (asked === undefined || find(asked) !== undefined) return;
    const isHere = (other: Address | undefined): boolean => other !== undefined && isSameAddress(other, asked);
    const app = createEndpoints({
      health: isHere(address) ? { livez: options.livez, readyz: options.readyz } : undefined,
      status: isHere(statusAddress) ? status : undefined,
      metrics: isHere(metricsAddress) ? metrics : undefined,
      isLoopback: isLoopbackHost(asked.host),
    });
    const isSecure = isMetricsSecure && isHere(metricsAddress);
    const how = { clock, flag, certificate: isSecure ? certificate : undefined };
    const ours = listeners.find(({ listener }) => mayOverlap(listener.address, asked));
    const listener = await listenOrGiveWay(app, asked, how, isGiven).catch((error: unknown) => {
      throw ours !== undefined && isTaken(error) ? takenByUs(asked, flag, ours) : error;
    });
    listeners.push({ asked, flag, listener });
  };
  try {
    await open(address, "--address", addresses.isAddressGiven);
    await open(statusAddress, "--status-address", addresses.isStatusAddressGiven);
    await open(metricsAddress, "--metrics-address", addresses.isMetricsAddressGiven);
  } catch (error) {
    await close();
    throw error;
  }
  return {
    served: {
      health: find(address) ?? address,
      status: find(statusAddress),
      metrics: find(metricsAddress),
      isMetricsSecure,
    },
    close,
  };
}

/** A default address that is taken gives way to any free port; one that was asked for does not. */
async function listenOrGiveWay(
  app: ReturnType<typeof createEndpoints>,
  address: Address,
  how: Parameters<typeof listen>[2],
  isGiven: boolean,
): Promise<Listener> {
  try {
    return await listen(app, address, how);
  } catch (error) {
    if (isGiven || !isTaken(error)) throw error;
    return listen(app, { ...address, port: 0 }, how);
  }
}

function isTaken(error: unknown): boolean {
  return error instanceof Error && systemCode(error.cause) === "EADDRINUSE";
}

function takenByUs(
  asked: Address,
  flag: string,
  ours: { readonly flag: string; readonly listener: Listener },
): EvenkeelError {
  const who = `our own ${ours.flag} ${formatAddress(ours.listener.address)}`;
  const what = `${flag} ${formatAddress(asked)} is in use by ${who}: give both in the same words, or another port`;
  return new EvenkeelError("FLAG_INVALID", what);
}

function certificateOf({ addresses, metrics, clock, log }: ServingOptions): Promise<ServingCertificate> {
  return ServingCertificate.load({
    files: addresses.certificate,
    clock,
    onRead: (isGood) => metrics.certificateRead(isGood),
    onRefused: (error) => log.info("the new certificate cannot be used; the former one stays", { error }),
  });
}

function accessOf({ reviews, clock, log }: ServingOptions): MetricsAccess {
  return new MetricsAccess({
    reviews,
    clock,
    onFailed: (error) => log.info("who asks for /metrics could not be reviewed", { error: asLogged(error) }),
  });
}
