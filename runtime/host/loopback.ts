/** Which names and addresses mean this machine and no other. */
import { BlockList, isIP } from "node:net";

const loopback = new BlockList();
loopback.addSubnet("127.0.0.0", 8, "ipv4");
loopback.addAddress("::1", "ipv6");

/** Whether a listener on `host` (empty: every interface) can be reached from this machine alone. */
export function isLoopbackHost(host: string): boolean {
  const family = isIP(host);
  if (family === 0) return host === "localhost";
  return loopback.check(host, family === 6 ? "ipv6" : "ipv4");
}

/** Whether the header Host names loopback, whatever the port: a forwarded one may have another number here. */
export function isLoopbackName(header: string): boolean {
  const [, bracketed, plain] = /^(?:\[([^\]]*)\]|([^:]*))(?::\d*)?$/.exec(header) ?? [];
  const name = (bracketed ?? plain ?? "").toLowerCase();
  return isLoopbackHost(name) || name.endsWith(".localhost");
}
