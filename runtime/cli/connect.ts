/** From the settings to an API server: the embedded one, the one of a kubeconfig, or the one whose pod this is. */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import type { Clock } from "../clock/clock.ts";
import type { Target } from "../host/given-settings.ts";
import { ApiClient } from "../kube/client.ts";
import { plainCredentials, type Credentials } from "../kube/credentials.ts";
import type { Observer } from "../kube/exchange.ts";
import { inClusterCredentials } from "../kube/in-cluster.ts";
import { kubeconfigCredentials } from "../kube/kubeconfig.ts";
import { Reviews } from "../kube/reviews.ts";
import { UndiciTransport } from "../kube/undici-transport.ts";

export interface Connection {
  readonly api: ApiClient;
  readonly reviews: Reviews;
  readonly server: string;
  /** The namespace that we live in: of the pod, or of the context. */
  readonly namespace: string;
  /** A kubeconfig for kubectl: of the embedded server, where one could be written. */
  readonly kubeconfig: string | undefined;
  close(): Promise<void>;
}

interface ConnectOptions {
  readonly target: Target;
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
  readonly clock: Clock;
  readonly observer: Observer;
}

/** Where the API server of a plain start listens, if nobody else does. */
const EMBEDDED_PORT = 6443;

/** @throws EvenkeelError KUBECONFIG_INVALID, FILE_NOT_FOUND; nothing has been asked of the server yet */
export async function connect(options: ConnectOptions): Promise<Connection> {
  const { target, env, clock } = options;
  switch (target.kind) {
    case "embedded":
      return embedded(options);
    case "kubeconfig": {
      const files = target.file === undefined ? defaultKubeconfigs(env) : [target.file];
      return connectWith(await kubeconfigCredentials({ clock, files, context: target.context }), options);
    }
    case "in-cluster":
      return connectWith(await inClusterCredentials({ clock, env }), options);
  }
}

function connectWith(credentials: Credentials, { clock, observer }: ConnectOptions): Connection {
  const transport = new UndiciTransport({ credentials });
  return {
    api: new ApiClient({ transport, clock, observer }),
    reviews: new Reviews({ transport, clock, observer }),
    server: credentials.server,
    namespace: credentials.namespace ?? "default",
    kubeconfig: undefined,
    close: () => transport.close(),
  };
}

async function embedded(options: ConnectOptions): Promise<Connection> {
  // Imported here: a host of a real cluster has no use for it.
  const { createApiServer } = await import("../apiserver/server.ts");
  const server = createApiServer({ clock: options.clock });
  const host = "127.0.0.1";
  const listening = await server.listen({ host, port: EMBEDDED_PORT }).catch(() => server.listen({ host, port: 0 }));
  const connection = connectWith(plainCredentials({ url: listening.url }), options);
  const { port } = new URL(listening.url);
  const isDefaultPort = port === String(EMBEDDED_PORT);
  // A host that found the port taken leaves the file of the one that took it alone.
  const name = isDefaultPort ? "kubeconfig" : `kubeconfig-${port}`;
  const text = server.kubeconfig(listening.url);
  const written = await writeKubeconfig(name, text, options.cwd).catch(() => undefined);
  return {
    ...connection,
    kubeconfig: written?.file,
    async close() {
      await connection.close();
      await server.close();
      if (written === undefined) return;
      if (written.folder !== undefined) await rm(written.folder, { recursive: true, force: true });
      // Nobody will listen on that port again; on the default one the next start does.
      else if (!isDefaultPort) await rm(written.file, { force: true });
    },
  };
}

interface Written {
  readonly file: string;
  /** That was made for it alone, and has no name that another start would find. */
  readonly folder?: string;
}

/** Beside the project where that can be written, so that the path is short enough to type. @throws where TMPDIR cannot be */
async function writeKubeconfig(name: string, text: string, cwd: string): Promise<Written> {
  const write = async (folder: string): Promise<string> => {
    await writeFile(join(folder, name), text, { mode: 0o600 });
    return join(folder, name);
  };
  try {
    const folder = join(cwd, ".evenkeel");
    await mkdir(folder, { recursive: true });
    return { file: await write(folder) };
  } catch {
    const folder = await mkdtemp(join(tmpdir(), "evenkeel-"));
    return { file: await write(folder), folder };
  }
}

/** Source: kubectl's own rule. */
function defaultKubeconfigs(env: NodeJS.ProcessEnv): readonly string[] {
  const named = (env["KUBECONFIG"] ?? "").split(delimiter).filter((file) => file !== "");
  return named.length > 0 ? named : [join(homedir(), ".kube", "config")];
}
