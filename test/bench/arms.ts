/** Who is measured, each at its own best setting: the command lines, and how their copies are known. */
import { join } from "node:path";
import manifest from "../../package.json" with { type: "json" };

export interface Launch {
  /** Target namespaces are those whose names begin so. */
  readonly prefix: string;
  /** evenkeel's configuration with that prefix. */
  readonly configFile: string;
  /** Where readiness is answered, on loopback. */
  readonly port: number;
  /** Paths of the Go programs. */
  readonly peer: string;
  readonly raw: string;
}

export interface Arm {
  readonly name: string;
  readonly copySelector: string;
  command(launch: Launch): readonly string[];
}

const ROOT = join(import.meta.dirname, "..", "..");
const [, ...START] = manifest.scripts.start.split(" ").map((word) => (word.endsWith(".mjs") ? join(ROOT, word) : word));
const PEER_COPIES = "peer.bench/copy=true";

/** As `npm start` runs it against a cluster: mirror and cleanup-on-delete, leader election on, no flag but where. */
export const evenkeel: Arm = {
  name: "evenkeel",
  copySelector: "evenkeel.dev/function=mirror",
  command: ({ configFile, port }) => [
    process.execPath,
    ...START,
    "--config",
    configFile,
    "--address",
    `127.0.0.1:${port}`,
  ],
};

/** controller-runtime with its usual cache. Its default, 16 in flight, was its best when 8 to 64 were tried. */
export const peer: Arm = { name: "peer", copySelector: PEER_COPIES, command: (launch) => peerCommand(launch) };

/** The same with caches of sources and copies only: matters where there are ConfigMaps that nobody mirrors. */
export const selective: Arm = {
  name: "selective",
  copySelector: PEER_COPIES,
  command: (launch) => [...peerCommand(launch), "--cache", "selective"],
};

/** No controller: the same writes from bodies made beforehand. 64 in flight were its best. */
export const raw: Arm = {
  name: "raw",
  copySelector: PEER_COPIES,
  command: ({ raw, prefix }) => [raw, "--prefix", prefix, "--concurrency", "64"],
};

/** As `raw`, and goes on: one write per copy for each change of a source. 40 in flight are one source's copies. */
export const rawFollowing: Arm = {
  name: "raw",
  copySelector: PEER_COPIES,
  command: ({ raw, prefix }) => [raw, "--prefix", prefix, "--concurrency", "40", "--follow"],
};

function peerCommand({ peer, prefix, port }: Launch): readonly string[] {
  return [peer, "--prefix", prefix, "--health-addr", `127.0.0.1:${port}`];
}
