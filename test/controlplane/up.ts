/**
 * `node test/controlplane/up.ts`: a control plane in the foreground, for measurements and for trying things by hand.
 * Prints shell lines to copy; Ctrl-C or SIGTERM stops it. No audit log, which measurements would pay for.
 */
import { startControlPlane } from "./control-plane.ts";
import { until } from "../support/wait.ts";

// Heard from the beginning: a signal during the start is obeyed after it.
let isAsked = false;
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => (isAsked = true));

const controlPlane = await startControlPlane({ audit: false });
const { apiServer, etcd } = controlPlane.pids;
process.stdout.write(`export KUBECONFIG=${controlPlane.adminKubeconfig}
pids="--apiserver-pid ${apiServer} --etcd-pid ${etcd}"
`);
process.stderr.write(`${controlPlane.url} is ready; Ctrl-C stops it\n`);

await until(() => isAsked, { what: "a signal", limitMs: Infinity });
await controlPlane.stop();
